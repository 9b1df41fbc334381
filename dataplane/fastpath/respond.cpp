#include "dataplane/fastpath/respond.h"

#include "dataplane/fastpath/rewrite.h"

namespace vipgate {
namespace {

constexpr uint8_t kOnLinkHopLimit = 255;

void set_checksum6(Packet& packet, uint8_t protocol, Be16& field) {
  field = Be16{};
  field = Be16::from_raw(tcp_udp_checksum(packet.ip<Ipv6Header>(), protocol,
                                          packet.l3 + packet.l4_offset, packet.l4_length()));
}

void set_checksum4(Packet& packet, Be16& field) {
  field = Be16{};
  field = Be16::from_raw(
      tcp_udp_checksum(packet.ip<Ipv4Header>(), packet.l3 + packet.l4_offset, packet.l4_length()));
}

}  // namespace

void answer_arp(Packet& packet, const MacAddress& own) {
  auto& arp = packet.ip<ArpHeader>();
  const Ipv4Address asked = arp.target_ip;
  arp.operation = Be16(ArpHeader::kReply);
  arp.target_mac = arp.sender_mac;
  arp.target_ip = arp.sender_ip;
  arp.sender_mac = own;
  arp.sender_ip = asked;
  turn_ethernet(packet, own);
}

bool is_neighbor_solicitation(const Packet& packet, const Ipv6Address*& target) {
  if (packet.l4_length() < sizeof(NeighborMessage)) return false;
  const auto& ip = packet.ip<Ipv6Header>();
  const auto& message = packet.l4<NeighborMessage>();
  if (message.icmp.type != IcmpHeader::kV6NeighborSolicitation || message.icmp.code != 0 ||
      ip.hop_limit != kOnLinkHopLimit || message.target.bytes[0] == 0xff) {
    return false;
  }
  const uint64_t pseudo = pseudo_header_sum(ip, kProtocolIcmpv6, packet.l4_length());
  if (internet_checksum(&message, packet.l4_length(), pseudo) != 0) return false;
  target = &message.target;
  return true;
}

void answer_neighbor_solicitation(Packet& packet, const MacAddress& own) {
  const auto& question = packet.l4<NeighborMessage>();
  const Ipv6Address target = question.target;
  const Ipv6Address asker = packet.ip<Ipv6Header>().source;
  // A solicitation from :: is duplicate address detection: all nodes get the answer (7.2.4).
  const bool is_detection = asker == Ipv6Address{};
  const size_t length = sizeof(NeighborMessage) + sizeof(LinkAddressOption);
  make_reply_header(packet, target, is_detection ? kAllNodes : asker, kProtocolIcmpv6, length);
  packet.ip<Ipv6Header>().hop_limit = kOnLinkHopLimit;
  auto& answer = packet.l4<NeighborMessage>();
  answer.icmp.type = IcmpHeader::kV6NeighborAdvertisement;
  answer.icmp.code = 0;
  answer.icmp.rest =
      Be32(NeighborMessage::kOverride | (is_detection ? 0 : NeighborMessage::kSolicited));
  answer.target = target;
  auto& option = *reinterpret_cast<LinkAddressOption*>(&answer + 1);
  option = {LinkAddressOption::kTarget, 1, own};
  set_checksum6(packet, kProtocolIcmpv6, answer.icmp.checksum);
  turn_ethernet(packet, own);
  if (is_detection) std::memcpy(packet.l3 - packet.l2_length, &kAllNodesMac, 6);
}

void answer_echo4(Packet& packet, const MacAddress& own) {
  auto& ip = packet.ip<Ipv4Header>();
  auto& icmp = packet.l4<IcmpHeader>();
  const uint16_t delta = checksum_delta(Be16(uint16_t{IcmpHeader::kEchoRequest} << 8).raw(),
                                        Be16(uint16_t{IcmpHeader::kEchoReply} << 8).raw());
  icmp.type = IcmpHeader::kEchoReply;
  icmp.checksum = Be16::from_raw(checksum_apply(icmp.checksum.raw(), delta));
  std::swap(ip.source, ip.destination);
  ip.ttl = kReplyTtl;
  ip.checksum = Be16{};
  ip.checksum = Be16::from_raw(internet_checksum(&ip, static_cast<size_t>(ip.header_length())));
  turn_ethernet(packet, own);
}

void answer_echo6(Packet& packet, const MacAddress& own) {
  auto& ip = packet.ip<Ipv6Header>();
  auto& icmp = packet.l4<IcmpHeader>();
  const uint16_t delta = checksum_delta(Be16(uint16_t{IcmpHeader::kV6EchoRequest} << 8).raw(),
                                        Be16(uint16_t{IcmpHeader::kV6EchoReply} << 8).raw());
  icmp.type = IcmpHeader::kV6EchoReply;
  icmp.checksum = Be16::from_raw(checksum_apply(icmp.checksum.raw(), delta));
  if (packet.l4_offset != sizeof(Ipv6Header)) {
    const Ipv6Address asker = ip.source;
    const Ipv6Address asked = ip.destination;
    const Be32 class_flow = ip.version_class_flow;
    make_reply_header(packet, asked, asker, kProtocolIcmpv6, packet.l4_length());
    packet.ip<Ipv6Header>().version_class_flow = class_flow;
    return turn_ethernet(packet, own);
  }
  std::swap(ip.source, ip.destination);
  ip.hop_limit = kReplyTtl;
  turn_ethernet(packet, own);
}

template <class Address>
void answer_with_reset(Packet& packet, const MacAddress& own) {
  const TcpHeader segment = packet.l4<TcpHeader>();
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Address client = ip.source;
  const Address vip = ip.destination;
  const auto payload = static_cast<uint32_t>(packet.l4_length() - segment.header_length());
  const uint32_t counted =
      payload + ((segment.flags & TcpHeader::kSyn) != 0) + ((segment.flags & TcpHeader::kFin) != 0);
  make_reply_header(packet, vip, client, kProtocolTcp, sizeof(TcpHeader));
  const bool has_ack = (segment.flags & TcpHeader::kAck) != 0;
  auto& reset = packet.l4<TcpHeader>();
  reset = {.source_port = segment.destination_port,
           .destination_port = segment.source_port,
           .sequence = has_ack ? segment.acknowledgment : Be32{},
           .acknowledgment = has_ack ? Be32{} : Be32(segment.sequence.host() + counted),
           .data_offset = 5 << 4,
           .flags = static_cast<uint8_t>(TcpHeader::kRst | (has_ack ? 0 : TcpHeader::kAck)),
           .window = Be16{},
           .checksum = Be16{},
           .urgent = Be16{}};
  if constexpr (sizeof(Address) == 4) {
    set_checksum4(packet, reset.checksum);
  } else {
    set_checksum6(packet, kProtocolTcp, reset.checksum);
  }
  turn_ethernet(packet, own);
}

template void answer_with_reset<Ipv4Address>(Packet&, const MacAddress&);
template void answer_with_reset<Ipv6Address>(Packet&, const MacAddress&);

}  // namespace vipgate
