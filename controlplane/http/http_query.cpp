#include "controlplane/http/http_query.h"

#include <charconv>

namespace vipgate {

std::string query_value(const ApiRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

Result<bool> query_flag(const ApiRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  if (found == request.query.end() || found->second == "false") return false;
  if (found->second == "true") return true;
  return Error{name + ": '" + found->second + "' is neither true nor false"};
}

Result<uint64_t> query_number(const ApiRequest& request, const std::string& name, NumberRange range,
                              uint64_t usual) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return usual;
  const std::string& text = found->second;
  const char* end = text.data() + text.size();
  uint64_t number = 0;
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < range.lowest ||
      number > range.highest) {
    return Error{name + ": '" + text + "' is no number from " + std::to_string(range.lowest) +
                 " to " + std::to_string(range.highest)};
  }
  return number;
}

}  // namespace vipgate
