// Addresses of the kernel's interfaces (rtnetlink(7)).
#pragma once

#include <cstdint>
#include <string>

#include "common/addresses.h"
#include "common/result.h"

namespace vipgate {

enum class KernelAddressUse : uint8_t {
  kAny,
  kListen,  // not the source of what the kernel sends by itself, if it has another (RFC 6724 5)
};

// In the network namespace of the calling thread. IPv6 addresses are used at once: nobody else is
// asked whether he has them.
Status add_kernel_address(const std::string& interface, const IpPrefix& address,
                          KernelAddressUse use = KernelAddressUse::kAny);
// What is not there any more is no error.
Status remove_kernel_address(const std::string& interface, const IpPrefix& address);

}  // namespace vipgate
