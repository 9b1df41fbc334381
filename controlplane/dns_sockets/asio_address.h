// Addresses as asio has them.
#pragma once

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "common/addresses.h"

namespace vipgate {

inline boost::asio::ip::address to_asio(const IpAddress& address) {
  if (address.is_v4()) {
    boost::asio::ip::address_v4::bytes_type bytes;
    std::copy_n(address.bytes().data(), bytes.size(), bytes.begin());
    return boost::asio::ip::address_v4(bytes);
  }
  boost::asio::ip::address_v6::bytes_type bytes;
  std::copy_n(address.bytes().data(), bytes.size(), bytes.begin());
  return boost::asio::ip::address_v6(bytes);
}

inline IpAddress from_asio(const boost::asio::ip::address& address) {
  if (address.is_v4()) {
    Ipv4Address v4;
    const auto bytes = address.to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(&v4));
    return v4;
  }
  Ipv6Address v6;
  const auto bytes = address.to_v6().to_bytes();
  std::copy(bytes.begin(), bytes.end(), v6.bytes.begin());
  return v6;
}

}  // namespace vipgate
