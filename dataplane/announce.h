// Frames that tell a segment where an address now lives.
#pragma once

#include <cstdint>
#include <vector>

#include "common/addresses.h"

namespace vipgate {

// ARP announcement (RFC 5227 2.3): a broadcast request with sender and target address equal.
// `vlan` 0: untagged.
std::vector<uint8_t> gratuitous_arp(Ipv4Address address, const MacAddress& mac, uint16_t vlan);

// Unsolicited neighbour advertisement to all nodes with the override flag (RFC 4861 7.2.6).
std::vector<uint8_t> unsolicited_neighbor_advertisement(const Ipv6Address& address,
                                                        const MacAddress& mac, uint16_t vlan);

// Whichever of the two fits. REQUIRES: `address` is IPv4 or IPv6.
std::vector<uint8_t> announcement(const IpAddress& address, const MacAddress& mac, uint16_t vlan);

}  // namespace vipgate
