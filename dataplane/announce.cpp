#include "dataplane/announce.h"

#include "common/checksum.h"
#include "common/headers.h"

namespace vipgate {
namespace {

struct Advertisement {
  NeighborMessage message;
  LinkAddressOption option;
};

constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

template <class T>
void append(std::vector<uint8_t>& frame, const T& header) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&header);
  frame.insert(frame.end(), bytes, bytes + sizeof(T));
}

std::vector<uint8_t> start_frame(const MacAddress& destination, const MacAddress& source,
                                 uint16_t vlan, uint16_t ether_type) {
  std::vector<uint8_t> frame;
  if (vlan == 0) {
    append(frame, EthernetHeader{destination, source, Be16(ether_type)});
  } else {
    append(frame, EthernetHeader{destination, source, Be16(kEtherTypeVlan)});
    append(frame, VlanTag{Be16(vlan), Be16(ether_type)});
  }
  return frame;
}

}  // namespace

std::vector<uint8_t> gratuitous_arp(Ipv4Address address, const MacAddress& mac, uint16_t vlan) {
  std::vector<uint8_t> frame = start_frame(kBroadcast, mac, vlan, kEtherTypeArp);
  append(frame, ArpHeader{.hardware_type = Be16(1),
                          .protocol_type = Be16(kEtherTypeIpv4),
                          .hardware_length = 6,
                          .protocol_length = 4,
                          .operation = Be16(ArpHeader::kRequest),
                          .sender_mac = mac,
                          .sender_ip = address,
                          .target_mac = {},
                          .target_ip = address});
  return frame;
}

std::vector<uint8_t> unsolicited_neighbor_advertisement(const Ipv6Address& address,
                                                        const MacAddress& mac, uint16_t vlan) {
  Advertisement advertisement{
      .message = {.icmp = {.type = IcmpHeader::kV6NeighborAdvertisement,
                           .code = 0,
                           .checksum = Be16{},
                           .rest = Be32(NeighborMessage::kOverride)},
                  .target = address},
      .option = {LinkAddressOption::kTarget, 1, mac},
  };
  const Ipv6Header ip{.version_class_flow = Be32(0x60000000),
                      .payload_length = Be16(sizeof advertisement),
                      .next_header = kProtocolIcmpv6,
                      .hop_limit = 255,
                      .source = address,
                      .destination = kAllNodes};
  advertisement.message.icmp.checksum =
      Be16::from_raw(tcp_udp_checksum(ip, kProtocolIcmpv6, &advertisement, sizeof advertisement));

  std::vector<uint8_t> frame = start_frame(kAllNodesMac, mac, vlan, kEtherTypeIpv6);
  append(frame, ip);
  append(frame, advertisement);
  return frame;
}

std::vector<uint8_t> announcement(const IpAddress& address, const MacAddress& mac, uint16_t vlan) {
  return address.is_v4() ? gratuitous_arp(address.v4(), mac, vlan)
                         : unsolicited_neighbor_advertisement(address.v6(), mac, vlan);
}

}  // namespace vipgate
