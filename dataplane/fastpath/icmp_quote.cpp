#include "dataplane/fastpath/icmp_quote.h"

#include <cstddef>

#include "common/checksum.h"
#include "dataplane/fastpath/client_address.h"
#include "dataplane/fastpath/rewrite.h"
#include "dataplane/fastpath/tcp_options.h"

namespace vipgate {
namespace {

// What every error must quote behind the IP header (RFC 792): ports and, of UDP, the checksum.
constexpr size_t kLeastQuoted = 8;

// Where the quoted transport header begins, in `offset`, and what it is.
DropReason find_l4(const Ipv4Header& ip, size_t length, size_t& offset, uint8_t& protocol) {
  offset = static_cast<size_t>(ip.header_length());
  protocol = ip.protocol;
  if (ip.version_ihl >> 4 != 4 || offset < sizeof ip) return DropReason::kIcmpErrorBadQuote;
  if (length < offset + kLeastQuoted) return DropReason::kIcmpErrorTruncated;
  const bool is_later = (ip.fragment.host() & Ipv4Header::kFragmentOffset) != 0;
  return is_later ? DropReason::kIcmpErrorFragment : kNoDrop;
}

DropReason find_l4(const Ipv6Header& ip, size_t length, size_t& offset, uint8_t& protocol) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&ip);
  offset = sizeof ip;
  protocol = ip.next_header;
  if (ip.version_class_flow.host() >> 28 != 6) return DropReason::kIcmpErrorBadQuote;
  // Each turn takes 8 bytes or more of the packet.
  while (length >= offset + kLeastQuoted) {
    switch (protocol) {
      case kProtocolIpv6HopByHop:
      case kProtocolIpv6Routing:
      case kProtocolIpv6DestinationOptions:
        protocol = bytes[offset];
        offset += (bytes[offset + 1] + size_t{1}) * 8;
        break;
      case kProtocolIpv6Fragment: {
        const auto& header = *reinterpret_cast<const Ipv6FragmentHeader*>(bytes + offset);
        if ((header.fragment.host() & Ipv6FragmentHeader::kFragmentOffset) != 0) {
          return DropReason::kIcmpErrorFragment;
        }
        protocol = header.next_header;
        offset += sizeof header;
        break;
      }
      default:
        return kNoDrop;
    }
  }
  return DropReason::kIcmpErrorTruncated;
}

// ICMPv6 has a pseudo header, ICMP has none.
template <class Address>
uint64_t pseudo_sum(const Packet& packet) {
  if constexpr (sizeof(Address) == 4) {
    return 0;
  } else {
    return pseudo_header_sum(packet.ip<Ipv6Header>(), kProtocolIcmpv6, packet.l4_length());
  }
}

void set_quoted_addresses(Ipv4Header& ip, Ipv4Address source, Ipv4Address destination,
                          uint16_t delta) {
  ip.source = source;
  ip.destination = destination;
  ip.checksum = Be16::from_raw(checksum_apply(ip.checksum.raw(), delta));
}
void set_quoted_addresses(Ipv6Header& ip, const Ipv6Address& source, const Ipv6Address& destination,
                          uint16_t) {
  ip.source = source;
  ip.destination = destination;
}

// The checksum of TCP lies behind what must be quoted, so it may be missing. That of SCTP stays: it
// is of the whole packet, so nobody can hold it against a quote, and the end that gets the error
// tells by the verification tag whether it is its own (RFC 9260 10).
template <class Address>
void set_quoted_ports(const Quote<Address>& quote, Be16 source, Be16 destination, uint16_t delta) {
  auto& udp = *reinterpret_cast<UdpHeader*>(quote.l4);
  udp.source_port = source;
  udp.destination_port = destination;
  if (quote.protocol == kProtocolUdp) {
    if (udp.checksum == Be16{}) return;
    udp.checksum = Be16::from_raw(udp_checksum_field(checksum_apply(udp.checksum.raw(), delta)));
    return;
  }
  if (quote.protocol != kProtocolTcp) return;
  if (quote.l4_length < offsetof(TcpHeader, checksum) + sizeof(Be16)) return;
  auto& tcp = *reinterpret_cast<TcpHeader*>(quote.l4);
  tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), delta));
}

// As the client counts its bytes. REQUIRES: TCP
template <class Address>
void set_quoted_sequence(const Quote<Address>& quote, const NatRecord<Address>& record) {
  auto& tcp = *reinterpret_cast<TcpHeader*>(quote.l4);
  const Be32 after(sequence_of_client(record, tcp.sequence.host()));
  if (quote.l4_length >= offsetof(TcpHeader, checksum) + sizeof(Be16)) {
    return replace_tcp_word(tcp, &tcp.sequence, after);
  }
  tcp.sequence = after;
}

template <class Address>
void finish(Packet& packet, const Address& source, const Address& destination) {
  auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const uint16_t delta = ones_add(checksum_delta(&ip.source, &source, sizeof source),
                                  checksum_delta(&ip.destination, &destination, sizeof source));
  set_addresses(ip, source, destination, delta);
  auto& icmp = packet.l4<IcmpHeader>();
  icmp.checksum = Be16{};
  icmp.checksum =
      Be16::from_raw(internet_checksum(&icmp, packet.l4_length(), pseudo_sum<Address>(packet)));
}

}  // namespace

template <class Address>
DropReason read_quote(const Packet& packet, Quote<Address>& quote) {
  using Header = typename IpHeaderOf<Address>::Type;
  auto* start = reinterpret_cast<uint8_t*>(&packet.l4<IcmpHeader>() + 1);
  const size_t length = packet.l4_length() - sizeof(IcmpHeader);
  if (length < sizeof(Header)) return DropReason::kIcmpErrorTruncated;
  quote.ip = reinterpret_cast<Header*>(start);
  size_t offset = 0;
  const DropReason reason = find_l4(*quote.ip, length, offset, quote.protocol);
  if (reason != kNoDrop) return reason;
  if (!(quote.ip->source == packet.ip<Header>().destination)) return DropReason::kIcmpErrorBadQuote;
  quote.l4 = start + offset;
  quote.l4_length = static_cast<uint16_t>(length - offset);
  const auto& ports = *reinterpret_cast<const UdpHeader*>(quote.l4);
  quote.source_port = ports.source_port;
  quote.destination_port = ports.destination_port;
  return kNoDrop;
}

template <class Address>
bool has_right_icmp_checksum(const Packet& packet) {
  return internet_checksum(&packet.l4<IcmpHeader>(), packet.l4_length(),
                           pseudo_sum<Address>(packet)) == 0;
}

template <class Address>
void translate_error_to_real(Packet& packet, const Quote<Address>& quote,
                             const NatRecord<Address>& record) {
  // What leaves VIP → client for the client's side left the real as real → source: the addresses
  // change as those of a forward packet do, with the ends swapped, which a sum does not see.
  set_quoted_addresses(*quote.ip, record.real, record.source, record.l3_delta);
  set_quoted_ports(quote, record.real_port, record.source_port, record.l4_delta);
  const bool is_fullnat = record.return_flow_id == 0;
  const Address source =
      is_fullnat ? record.source : packet.ip<typename IpHeaderOf<Address>::Type>().source;
  finish(packet, source, record.real);
}

template <class Address>
void translate_error_to_client(Packet& packet, const Quote<Address>& quote,
                               const NatRecord<Address>& record) {
  set_quoted_addresses(*quote.ip, record.client, record.vip, ones_negate(record.l3_delta));
  set_quoted_ports(quote, record.client_port, record.vip_port, ones_negate(record.l4_delta));
  if ((record.seen & record.kProxy) != 0) set_quoted_sequence(quote, record);
  finish(packet, record.vip, record.client);
}

template DropReason read_quote(const Packet&, Quote<Ipv4Address>&);
template DropReason read_quote(const Packet&, Quote<Ipv6Address>&);
template bool has_right_icmp_checksum<Ipv4Address>(const Packet&);
template bool has_right_icmp_checksum<Ipv6Address>(const Packet&);
template void translate_error_to_real(Packet&, const Quote<Ipv4Address>&,
                                      const NatRecord<Ipv4Address>&);
template void translate_error_to_real(Packet&, const Quote<Ipv6Address>&,
                                      const NatRecord<Ipv6Address>&);
template void translate_error_to_client(Packet&, const Quote<Ipv4Address>&,
                                        const NatRecord<Ipv4Address>&);
template void translate_error_to_client(Packet&, const Quote<Ipv6Address>&,
                                        const NatRecord<Ipv6Address>&);

}  // namespace vipgate
