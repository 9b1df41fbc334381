// An Error that names what the kernel refused.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "common/result.h"

namespace vipgate {

// `what`, then why, as errno tells it.
inline Error system_error(const std::string& what) {
  return Error{what + ": " + ::strerrordesc_np(errno)};
}

}  // namespace vipgate
