// What clients append to the names that they look up, so that a name of ours with such an end is
// answered at once: `dns.search` as the responder reads it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/byte_order.h"
#include "common/prefix_values.h"

namespace vipgate {

// Plain data, made by the control plane.
struct DnsSearch {
  static constexpr size_t kMaxSuffixes = 16;  // of one list

  PrefixValues<Ipv4Address> clients4;
  PrefixValues<Ipv6Address> clients6;
  // Folded wire names, in the order in which the client tries them; by the clients' numbers.
  std::vector<std::vector<std::string>> lists;

  bool is_on() const { return !lists.empty(); }
  // `client`: an address as it stands in a packet, of 4 or 16 octets.
  std::span<const std::string> suffixes(const uint8_t* client, size_t length) const {
    uint16_t list = PrefixValues<Ipv4Address>::kNone;
    if (length == sizeof(Ipv4Address)) {
      list = clients4.find(load<Ipv4Address>(client));
    } else if (length == sizeof(Ipv6Address)) {
      list = clients6.find(load<Ipv6Address>(client));
    }
    if (list >= lists.size()) return {};
    return lists[list];
  }

  friend bool operator==(const DnsSearch&, const DnsSearch&) = default;
};

}  // namespace vipgate
