// What a request says behind the question mark. Errors are sentences that name the parameter.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "controlplane/http/http_message.h"

namespace vipgate {

// Empty: it is not there.
std::string query_value(const ApiRequest& request, const std::string& name);

// "true" or "false"; false if it is not there.
Result<bool> query_flag(const ApiRequest& request, const std::string& name);

struct NumberRange {
  uint64_t lowest = 0;
  uint64_t highest = 0;
};
// `usual` if it is not there.
Result<uint64_t> query_number(const ApiRequest& request, const std::string& name, NumberRange range,
                              uint64_t usual);

}  // namespace vipgate
