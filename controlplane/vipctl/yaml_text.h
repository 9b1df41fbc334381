// The API's answers as YAML.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "common/result.h"

namespace vipgate {

// A document in blocks, for people. A string that would be a number, a truth value or the like if
// it stood plain, by the rules of YAML 1.1 or of 1.2, is quoted. An error: it cannot be written.
Result<std::string> yaml_text(const web::json::value& what);

}  // namespace vipgate
