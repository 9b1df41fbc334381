// A claim on a kernel interface, so that a second instance that is started by accident lets the
// first one's interfaces alone: net_tap attaches to one that is there already and takes it over.
#pragma once

#include <string>

#include "common/result.h"

namespace vipgate {

// Holds the claim while it lives, in this network namespace; it ends with the process, however that
// ends. An abstract Unix socket's name is the claim (unix(7)).
class DeviceClaim {
 public:
  // Claims the interface that `device` names by "iface="; there is nothing to claim without one. An
  // error when another process has it.
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
