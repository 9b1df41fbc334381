// Answers that differ by who asks.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/byte_order.h"
#include "common/dns_table.h"
#include "common/prefix_values.h"

namespace vipgate {

// Immutable, and shared by the successive snapshots in which nothing of it changed. The table of a
// view holds the RRsets that stand in the place of the main table's for its clients, and has the
// same zones and the same secret as that one. Its SOA records are never used.
struct DnsViews {
  PrefixValues<Ipv4Address> clients4;
  PrefixValues<Ipv6Address> clients6;
  std::vector<std::shared_ptr<const DnsTable>> tables;  // by the clients' numbers

  // `client`: an address as it stands in a packet, of 4 or 16 octets. Null: it has no view.
  const DnsTable* table_of(const uint8_t* client, uint8_t length) const {
    uint16_t view = PrefixValues<Ipv4Address>::kNone;
    if (length == sizeof(Ipv4Address)) {
      view = clients4.find(load<Ipv4Address>(client));
    } else if (length == sizeof(Ipv6Address)) {
      view = clients6.find(load<Ipv6Address>(client));
    }
    return view < tables.size() ? tables[view].get() : nullptr;
  }
};

}  // namespace vipgate
