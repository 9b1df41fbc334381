#include "controlplane/mesos/json_field.h"

#include <simdjson.h>

namespace vipgate {

std::optional<std::string> json_string(std::string_view json, std::string_view pointer) {
  simdjson::dom::parser parser;
  std::string_view value;
  // The parser copies what has no padding.
  if (parser.parse(json.data(), json.size()).at_pointer(pointer).get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return std::string(value);
}

}  // namespace vipgate
