// A claim on a device, so that a second instance that is started by accident lets the first one's
// devices alone: some drivers attach to what is there already and take it over.
#pragma once

#include <string>

#include "common/result.h"

namespace vipgate {

// Holds the claim while it lives, in this network namespace; it ends with the process, however that
// ends. An abstract Unix socket's name is the claim (unix(7)).
class DeviceClaim {
 public:
  // An error when another process has claimed the same device string.
  static Result<DeviceClaim> take(const std::string& device);
  ~DeviceClaim();
  DeviceClaim(DeviceClaim&& other) noexcept;
  DeviceClaim& operator=(DeviceClaim&& other) noexcept;
  DeviceClaim(const DeviceClaim&) = delete;
  DeviceClaim& operator=(const DeviceClaim&) = delete;

 private:
  explicit DeviceClaim(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace vipgate
