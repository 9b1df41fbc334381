// Addresses of the kernel's interfaces (rtnetlink(7)).
#pragma once

#include <string>

#include "common/addresses.h"
#include "common/result.h"

namespace vipgate {

// In the network namespace of the calling thread. IPv6 addresses are used at once: nobody else is
// asked whether he has them.
Status add_kernel_address(const std::string& interface, const IpPrefix& address);
// What is not there any more is no error.
Status remove_kernel_address(const std::string& interface, const IpPrefix& address);

}  // namespace vipgate
