// A kernel TAP interface with addresses.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"

namespace vipgate {

// "vg-<port name>", cut to what the kernel takes (15 characters); an error where the name has
// characters that an interface name cannot have.
Result<std::string> tap_name(const std::string& port_name);

struct TapOptions {
  std::string interface;
  MacAddress mac;
  uint16_t mtu = 1500;
  std::vector<IpPrefix> addresses;
};

// Owns the descriptor, and with it the interface: not persistent, so it goes when the descriptor is
// closed or the process dies. One thread at a time.
class Tap {
 public:
  // Makes the interface in the calling thread's network namespace, with IPv6 duplicate address
  // detection and router advertisements off, and sets it up. An error when it exists already.
  static Result<Tap> open(const TapOptions& options);
  Tap() = default;
  ~Tap();
  Tap(Tap&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), interface_(std::move(other.interface_)) {}
  Tap& operator=(Tap&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(interface_, other.interface_);
    return *this;
  }

  // Non-blocking; one frame per read(2) and write(2), with its Ethernet header.
  int fd() const { return fd_; }
  const std::string& interface() const { return interface_; }

 private:
  int fd_ = -1;
  std::string interface_;
};

}  // namespace vipgate
