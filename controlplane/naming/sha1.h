// SHA-1 (RFC 3174), as dcos-net and Mesos-DNS name things by it; never for secrecy.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vipgate {

// Any thread may call it.
std::array<uint8_t, 20> sha1(std::string_view octets);

}  // namespace vipgate
