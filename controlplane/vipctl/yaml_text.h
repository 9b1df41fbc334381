// The API's answers as YAML.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "common/result.h"

namespace vipgate {

// A document in blocks, for people. A string that would be a number or the like if it stood plain
// is quoted. An error: it cannot be written.
Result<std::string> yaml_text(const web::json::value& what);

}  // namespace vipgate
