#include "dataplane/fastpath/icmp_reply.h"

#include <algorithm>

#include "dataplane/fastpath/rewrite.h"

namespace vipgate {
namespace {

constexpr uint16_t kIpv6LeastMtu = 1280;

struct Message {
  uint8_t type;
  uint8_t code;
  Be32 rest{};
};

template <class Address>
bool answer(Packet& packet, const Message& message, const Address& source, const MacAddress& own) {
  using Header = typename IpHeaderOf<Address>::Type;
  constexpr bool kIsV4 = sizeof(Address) == 4;
  constexpr uint8_t kProtocol = kIsV4 ? kProtocolIcmp : kProtocolIcmpv6;
  constexpr size_t kMost = (kIsV4 ? 576 : kIpv6LeastMtu) - sizeof(Header) - sizeof(IcmpHeader);
  constexpr size_t kAdded = sizeof(Header) + sizeof(IcmpHeader);
  const Address asker = packet.ip<Header>().source;
  const Address answerer = source;  // which may lie in the packet
  const size_t quoted = std::min<size_t>(packet.l3_length, kMost);
  rte_mbuf* mbuf = packet.mbuf;
  if (mbuf->data_off < kAdded) return false;
  // The new headers go in front of the packet that they quote.
  uint8_t* old_frame = packet.l3 - packet.l2_length;
  std::memmove(old_frame - kAdded, old_frame, packet.l2_length);
  mbuf->data_off = static_cast<uint16_t>(mbuf->data_off - kAdded);
  packet.l3 -= kAdded;
  packet.l4_offset = sizeof(Header);
  make_reply_header(packet, answerer, asker, kProtocol, sizeof(IcmpHeader) + quoted);
  auto& icmp = packet.l4<IcmpHeader>();
  icmp = {.type = message.type, .code = message.code, .checksum = Be16{}, .rest = message.rest};
  uint64_t pseudo = 0;
  if constexpr (!kIsV4) {
    pseudo = pseudo_header_sum(packet.ip<Header>(), kProtocol, packet.l4_length());
  }
  icmp.checksum = Be16::from_raw(internet_checksum(&icmp, packet.l4_length(), pseudo));
  turn_ethernet(packet, own);
  return true;
}

}  // namespace

template <class Address>
bool answer_with_unreachable(Packet& packet, const Address& source, const MacAddress& own) {
  constexpr Message kMessage = sizeof(Address) == 4
                                   ? Message{.type = IcmpHeader::kDestinationUnreachable,
                                             .code = IcmpHeader::kCodePortUnreachable}
                                   : Message{.type = IcmpHeader::kV6DestinationUnreachable,
                                             .code = IcmpHeader::kV6CodePortUnreachable};
  return answer(packet, kMessage, source, own);
}

template <class Address>
bool answer_with_time_exceeded(Packet& packet, const Address& source, const MacAddress& own) {
  constexpr Message kMessage{
      .type = sizeof(Address) == 4 ? IcmpHeader::kTimeExceeded : IcmpHeader::kV6TimeExceeded,
      .code = 0};
  return answer(packet, kMessage, source, own);
}

template <class Address>
bool answer_with_too_big(Packet& packet, uint16_t mtu, const Address& source,
                         const MacAddress& own) {
  if constexpr (sizeof(Address) == 4) {
    return answer(packet,
                  {.type = IcmpHeader::kDestinationUnreachable,
                   .code = IcmpHeader::kCodeFragmentationNeeded,
                   .rest = Be32(mtu)},
                  source, own);
  } else {
    return answer(packet,
                  {.type = IcmpHeader::kV6PacketTooBig,
                   .code = 0,
                   .rest = Be32(std::max(mtu, kIpv6LeastMtu))},
                  source, own);
  }
}

template bool answer_with_unreachable(Packet&, const Ipv4Address&, const MacAddress&);
template bool answer_with_unreachable(Packet&, const Ipv6Address&, const MacAddress&);
template bool answer_with_time_exceeded(Packet&, const Ipv4Address&, const MacAddress&);
template bool answer_with_time_exceeded(Packet&, const Ipv6Address&, const MacAddress&);
template bool answer_with_too_big(Packet&, uint16_t, const Ipv4Address&, const MacAddress&);
template bool answer_with_too_big(Packet&, uint16_t, const Ipv6Address&, const MacAddress&);

}  // namespace vipgate
