#include "dataplane/fastpath/client_address.h"

#include <array>
#include <cstring>

#include "common/proxy_protocol.h"
#include "dataplane/fastpath/mss.h"
#include "dataplane/fastpath/rewrite.h"
#include "dataplane/fastpath/tcp_options.h"

namespace vipgate {
namespace {

// Sequence numbers wrap: how far `sequence` is beyond the client's first byte.
template <class Address>
int32_t bytes_past(const NatRecord<Address>& record, uint32_t sequence) {
  return static_cast<int32_t>(sequence - record.first_sequence);
}

void set_l3_length(Packet& packet, Ipv4Header& ip, uint16_t length) {
  const Be16 after(length);
  ip.checksum = Be16::from_raw(
      checksum_apply(ip.checksum.raw(), checksum_delta(ip.total_length.raw(), after.raw())));
  ip.total_length = after;
  set_length(packet, length);
}

void set_l3_length(Packet& packet, Ipv6Header& ip, uint16_t length) {
  ip.payload_length = Be16(static_cast<uint16_t>(length - sizeof(Ipv6Header)));
  set_length(packet, length);
}

// The length of a segment stands in the pseudo header, too.
void set_segment_length(TcpHeader& tcp, uint16_t before, uint16_t after) {
  const uint16_t delta = checksum_delta(Be16(before).raw(), Be16(after).raw());
  tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), delta));
}

// Whether so many bytes, and the tag of the way out, fit before the frame.
bool has_headroom(const Packet& packet, size_t bytes) {
  return rte_pktmbuf_headroom(packet.mbuf) >= bytes + sizeof(VlanTag);
}

// Puts `added` into the segment, `at` bytes from the start of its TCP header: what is before moves
// into the headroom. REQUIRES: `at` is even; has_headroom()
template <class Address, class Added>
void insert(Packet& packet, size_t at, const Added& added) {
  static_assert(sizeof(Added) % 4 == 0);
  uint8_t* const frame = packet.l3 - packet.l2_length;
  const size_t moved = packet.l2_length + packet.l4_offset + at;
  const uint16_t before = packet.l4_length();
  std::memmove(frame - sizeof added, frame, moved);
  std::memcpy(frame - sizeof added + moved, &added, sizeof added);
  packet.l3 -= sizeof added;
  packet.mbuf->data_off = static_cast<uint16_t>(packet.mbuf->data_off - sizeof added);
  set_l3_length(packet, packet.ip<typename IpHeaderOf<Address>::Type>(),
                static_cast<uint16_t>(packet.l3_length + sizeof added));
  auto& tcp = packet.l4<TcpHeader>();
  set_segment_length(tcp, before, packet.l4_length());
  const uint16_t sum = ones_fold(ones_sum(&added, sizeof added));
  tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), sum));
}

template <class Address>
struct Toa {
  uint8_t kind = TcpOption::kToa;
  uint8_t length = sizeof(Toa);
  Be16 port;
  Address address;
};
static_assert(sizeof(Toa<Ipv4Address>) == kToaLength<Ipv4Address>);
static_assert(sizeof(Toa<Ipv6Address>) == kToaLength<Ipv6Address>);

template <class Address>
struct ProxyHeader {
  ProxyHeaderStart start;
  Address source, destination;
  Be16 source_port, destination_port;
};
static_assert(sizeof(ProxyHeader<Ipv4Address>) == kProxyHeaderLength<Ipv4Address>);
static_assert(sizeof(ProxyHeader<Ipv6Address>) == kProxyHeaderLength<Ipv6Address>);

// First among the options: what comes after a kEnd is none.
template <class Address>
void add_toa(Packet& packet, const NatRecord<Address>& record, uint16_t mtu) {
  constexpr int kMostHeader = 60;
  constexpr uint16_t kLength = kToaLength<Address>;
  const bool fits = packet.l4<TcpHeader>().header_length() + kLength <= kMostHeader &&
                    packet.l3_length + kLength <= mtu && has_headroom(packet, kLength);
  if (!fits) return;
  Toa<Address> option;
  option.port = record.client_port;
  option.address = record.client;
  insert<Address>(packet, sizeof(TcpHeader), option);
  auto& tcp = packet.l4<TcpHeader>();
  std::array<uint8_t, 2> word{tcp.data_offset, tcp.flags};
  word[0] = static_cast<uint8_t>(word[0] + (kLength / 4 << 4));
  replace_tcp_word(tcp, &tcp.data_offset, word);
}

template <class Address>
void add_proxy_header(Packet& packet, const NatRecord<Address>& record) {
  ProxyHeader<Address> header;
  header.start.version_command = ProxyHeaderStart::kProxy;
  header.start.family_protocol =
      sizeof(Address) == 4 ? ProxyHeaderStart::kTcpOverIpv4 : ProxyHeaderStart::kTcpOverIpv6;
  header.start.length = Be16(static_cast<uint16_t>(sizeof header - sizeof header.start));
  header.source = record.client;
  header.destination = record.vip;
  header.source_port = record.client_port;
  header.destination_port = record.vip_port;
  insert<Address>(packet, static_cast<size_t>(packet.l4<TcpHeader>().header_length()), header);
}

// Bytes that a SYN brings (RFC 7413) would come before the header: left out, they are sent again,
// as if the real had not taken them.
template <class Address>
void leave_out_data(Packet& packet) {
  auto& tcp = packet.l4<TcpHeader>();
  const uint16_t before = packet.l4_length();
  const auto after = static_cast<uint16_t>(tcp.header_length());
  if (before == after) return;
  const auto* data = reinterpret_cast<const uint8_t*>(&tcp) + after;
  const uint16_t sum = ones_fold(ones_sum(data, before - after));
  tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), ones_negate(sum)));
  set_segment_length(tcp, before, after);
  set_l3_length(packet, packet.ip<typename IpHeaderOf<Address>::Type>(),
                static_cast<uint16_t>(packet.l4_offset + after));
}

template <class Address>
Told tell_by_proxy(Packet& packet, NatRecord<Address>& record, uint16_t mtu) {
  constexpr uint16_t kLength = kProxyHeaderLength<Address>;
  if ((packet.tcp_flags & TcpHeader::kSyn) != 0) {
    leave_out_data<Address>(packet);
    return Told::kDone;
  }
  auto& tcp = packet.l4<TcpHeader>();
  const uint32_t sequence = tcp.sequence.host();
  const int32_t past = bytes_past(record, sequence);
  if (past < 0) return Told::kDone;  // a keep-alive before any data, or older than the connection
  const bool is_reset = (packet.tcp_flags & TcpHeader::kRst) != 0;
  if (past > 0 || (record.seen & record.kProxyAcked) != 0 ||
      (is_reset && (record.seen & record.kProxySent) != 0)) {
    replace_tcp_word(tcp, &tcp.sequence, Be32(sequence + kLength));
    return Told::kDone;
  }
  if (is_reset) return Told::kDone;
  if (packet.l3_length + kLength > mtu) return Told::kTooBig;
  if (!has_headroom(packet, kLength)) return Told::kNoHeadroom;
  add_proxy_header(packet, record);
  record.seen |= record.kProxySent;
  return Told::kDone;
}

// The edges of the blocks that the real says to have got (RFC 2018 3).
template <class Address>
void translate_sack(TcpHeader& tcp, const NatRecord<Address>& record) {
  uint8_t* const option = find_tcp_option(tcp, TcpOption::kSack);
  if (option == nullptr) return;
  for (size_t at = 2; at + sizeof(Be32) <= option[1]; at += sizeof(Be32)) {
    const uint32_t edge = load<Be32>(option + at).host();
    replace_tcp_word(tcp, option + at, Be32(sequence_of_client(record, edge)));
  }
}

}  // namespace

template <class Address>
void begin_telling(const Packet& packet, NatRecord<Address>& record, ClientAddress how) {
  record.seen &=
      static_cast<uint8_t>(~(record.kTellsClient | record.kProxySent | record.kProxyAcked));
  if (how == ClientAddress::kHidden || packet.fragment != 0) return;
  record.seen |= how == ClientAddress::kToa ? record.kToa : record.kProxy;
  record.first_sequence = packet.l4<TcpHeader>().sequence.host() + 1;
}

template <class Address>
Told tell_client_address(Packet& packet, NatRecord<Address>& record, uint16_t mtu) {
  if ((record.seen & record.kProxy) != 0) return tell_by_proxy(packet, record, mtu);
  const bool is_first = packet.fragment == 0 &&
                        (packet.tcp_flags & (TcpHeader::kSyn | TcpHeader::kRst)) == 0 &&
                        packet.l4<TcpHeader>().sequence.host() == record.first_sequence;
  if (is_first) add_toa(packet, record, mtu);
  return Told::kDone;
}

template <class Address>
void note_client_told(Packet& packet, NatRecord<Address>& record) {
  constexpr uint16_t kLength = kProxyHeaderLength<Address>;
  if (packet.fragment != 0) return;
  auto& tcp = packet.l4<TcpHeader>();
  const bool is_proxy = (record.seen & record.kProxy) != 0;
  if (is_proxy && (packet.tcp_flags & TcpHeader::kSyn) != 0) {
    // So that the client's first segment has room for the header.
    lower_mss(packet, [](uint16_t mss) {
      return static_cast<uint16_t>(mss > kLength ? mss - kLength : mss);
    });
  }
  if ((packet.tcp_flags & TcpHeader::kAck) == 0) return;
  const uint32_t acknowledged = tcp.acknowledgment.host();
  const int32_t past = bytes_past(record, acknowledged);
  if (!is_proxy) {
    if (past > 0) record.seen &= static_cast<uint8_t>(~record.kToa);
    return;
  }
  if (past >= kLength) record.seen |= record.kProxyAcked;
  if (past > 0) {
    replace_tcp_word(tcp, &tcp.acknowledgment, Be32(sequence_of_client(record, acknowledged)));
  }
  translate_sack(tcp, record);
}

template <class Address>
uint32_t sequence_of_client(const NatRecord<Address>& record, uint32_t sequence) {
  constexpr uint16_t kLength = kProxyHeaderLength<Address>;
  if ((record.seen & record.kProxy) == 0) return sequence;
  const int32_t past = bytes_past(record, sequence);
  if (past >= kLength) return sequence - kLength;
  return past > 0 ? record.first_sequence : sequence;  // in the header itself, or before it
}

template void begin_telling(const Packet&, NatRecord<Ipv4Address>&, ClientAddress);
template void begin_telling(const Packet&, NatRecord<Ipv6Address>&, ClientAddress);
template Told tell_client_address(Packet&, NatRecord<Ipv4Address>&, uint16_t);
template Told tell_client_address(Packet&, NatRecord<Ipv6Address>&, uint16_t);
template void note_client_told(Packet&, NatRecord<Ipv4Address>&);
template void note_client_told(Packet&, NatRecord<Ipv6Address>&);
template uint32_t sequence_of_client(const NatRecord<Ipv4Address>&, uint32_t);
template uint32_t sequence_of_client(const NatRecord<Ipv6Address>&, uint32_t);

}  // namespace vipgate
