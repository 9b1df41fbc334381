#include "perf/generator/frames.h"

#include <cstring>
#include <utility>

#include "common/checksum.h"
#include "common/dns_wire.h"
#include "perf/generator/frame_sizes.h"

namespace vipgate::generator {
namespace {

constexpr uint8_t kMarkMagic = 0xb7;
constexpr uint8_t kTtl = 64;
// Of every client; answers come to it by the neighbour that the gateway is told of.
constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 0xc1}};

struct [[gnu::packed]] MarkBytes {
  uint8_t magic;
  uint8_t trial;
  Be32 flow;
  Be32 sequence;
  uint64_t ticks;
};
static_assert(sizeof(MarkBytes) == kMarkBytes);

constexpr size_t kIpAt = sizeof(EthernetHeader);
constexpr size_t kIpv4L4At = kIpAt + sizeof(Ipv4Header);
constexpr size_t kIpv6L4At = kIpAt + sizeof(Ipv6Header);
static_assert(kIpv4L4At + sizeof(UdpHeader) + kMarkBytes == smallest_frame(4) - kCheckSequence);
static_assert(kIpv6L4At + sizeof(UdpHeader) + kMarkBytes == smallest_frame(6) - kCheckSequence);

size_t padded(uint8_t* at, size_t bytes) {
  constexpr size_t kLeast = smallest_frame(4) - kCheckSequence;
  if (bytes >= kLeast) return bytes;
  std::memset(at + bytes, 0, kLeast - bytes);
  return kLeast;
}

bool is_ipv4(const uint8_t* ip) { return *ip >> 4 == 4; }

// Of TCP or UDP behind the header of either family; of all `l4_bytes` the first `summed` are not
// zero. Over what has its checksum the result is 0.
uint16_t l4_checksum(const uint8_t* ip, uint8_t protocol, const uint8_t* l4, size_t l4_bytes,
                     size_t summed) {
  const uint64_t pseudo =
      is_ipv4(ip) ? pseudo_header_sum(*reinterpret_cast<const Ipv4Header*>(ip), l4_bytes)
                  : pseudo_header_sum(*reinterpret_cast<const Ipv6Header*>(ip), protocol, l4_bytes);
  return internet_checksum(l4, summed, pseudo);
}

// What is read of a frame with IPv4; `l4` is left empty where that cannot be.
void read_ipv4(std::span<const uint8_t> frame, ReceivedFrame& read) {
  if (frame.size() < kIpv4L4At) return;
  const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame.data() + kIpAt);
  const size_t length = ip.total_length.host();
  constexpr uint16_t kParts = Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset;
  if (ip.version_ihl != 0x45 || (ip.fragment.host() & kParts) != 0 || length < sizeof ip ||
      length > frame.size() - kIpAt) {
    return;
  }
  read.protocol = ip.protocol;
  read.source.address = ip.source;
  read.destination.address = ip.destination;
  read.l4 = frame.subspan(kIpv4L4At, length - sizeof ip);
}

void read_ipv6(std::span<const uint8_t> frame, ReceivedFrame& read) {
  if (frame.size() < kIpv6L4At) return;
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(frame.data() + kIpAt);
  const size_t length = ip.payload_length.host();
  if (ip.version_class_flow.host() >> 28 != 6 || length > frame.size() - kIpv6L4At) return;
  read.protocol = ip.next_header;
  read.source.address = ip.source;
  read.destination.address = ip.destination;
  read.l4 = frame.subspan(kIpv6L4At, length);
}

}  // namespace

IpAddress address_after(const IpAddress& first, uint32_t count) {
  if (first.is_v4()) return Ipv4Address{Be32(first.v4().value.host() + count)};
  Ipv6Address address = first.v6();
  auto* last = reinterpret_cast<Be32*>(address.bytes.data() + 12);
  *last = Be32(last->host() + count);
  return address;
}

Endpoint client_of_flow(const IpAddress& first, uint32_t flow) {
  return {address_after(first, flow / kPortsOfClient),
          static_cast<uint16_t>(kFirstPort + flow % kPortsOfClient)};
}

FrameMaker::FrameMaker(const MacAddress& gateway, const Endpoint& vip)
    : gateway_(gateway), vip_(vip), l4_at_(vip.address.is_v6() ? kIpv6L4At : kIpv4L4At) {}

void FrameMaker::put_addresses(uint8_t* at, const Endpoint& client, uint8_t protocol,
                               size_t l4_bytes) const {
  auto* ethernet = reinterpret_cast<EthernetHeader*>(at);
  if (vip_.address.is_v6()) {
    *ethernet = {gateway_, kClientMac, Be16(kEtherTypeIpv6)};
    *reinterpret_cast<Ipv6Header*>(at + kIpAt) = {
        .version_class_flow = Be32(uint32_t{6} << 28),
        .payload_length = Be16(static_cast<uint16_t>(l4_bytes)),
        .next_header = protocol,
        .hop_limit = kTtl,
        .source = client.address.v6(),
        .destination = vip_.address.v6()};
    return;
  }
  *ethernet = {gateway_, kClientMac, Be16(kEtherTypeIpv4)};
  auto* ip = reinterpret_cast<Ipv4Header*>(at + kIpAt);
  *ip = {.version_ihl = 0x45,
         .tos = 0,
         .total_length = Be16(static_cast<uint16_t>(sizeof *ip + l4_bytes)),
         .id = {},
         .fragment = Be16(uint16_t{Ipv4Header::kDontFragment}),
         .ttl = kTtl,
         .protocol = protocol,
         .checksum = {},
         .source = client.address.v4(),
         .destination = vip_.address.v4()};
  ip->checksum = Be16::from_raw(internet_checksum(ip, sizeof *ip));
}

UdpHeader* FrameMaker::put_udp(uint8_t* at, const Endpoint& client, size_t l4_bytes) const {
  put_addresses(at, client, kProtocolUdp, l4_bytes);
  auto* udp = reinterpret_cast<UdpHeader*>(at + l4_at_);
  *udp = {.source_port = Be16(client.port),
          .destination_port = Be16(vip_.port),
          .length = Be16(static_cast<uint16_t>(l4_bytes)),
          .checksum = {}};
  return udp;
}

size_t FrameMaker::marked(uint8_t* at, const Endpoint& client, const Mark& mark,
                          size_t wire_bytes) const {
  const size_t bytes = wire_bytes - kCheckSequence;
  const size_t l4_bytes = bytes - l4_at_;
  UdpHeader* udp = put_udp(at, client, l4_bytes);
  constexpr size_t kMarked = sizeof *udp + kMarkBytes;
  uint8_t* l4 = at + l4_at_;
  *reinterpret_cast<MarkBytes*>(l4 + sizeof *udp) = {kMarkMagic, mark.trial, Be32(mark.flow),
                                                     Be32(mark.sequence), mark.ticks};
  // The rest is zeros, which count for nothing in the checksum.
  std::memset(l4 + kMarked, 0, l4_bytes - kMarked);
  udp->checksum = Be16::from_raw(
      udp_checksum_field(l4_checksum(at + kIpAt, kProtocolUdp, l4, l4_bytes, kMarked)));
  return bytes;
}

size_t FrameMaker::syn(uint8_t* at, const Endpoint& client, uint32_t sequence,
                       uint8_t trial) const {
  put_addresses(at, client, kProtocolTcp, sizeof(TcpHeader));
  auto* tcp = reinterpret_cast<TcpHeader*>(at + l4_at_);
  *tcp = {.source_port = Be16(client.port),
          .destination_port = Be16(vip_.port),
          .sequence = Be32(sequence),
          .acknowledgment = Be32(uint32_t{trial}),
          .data_offset = 0x50,
          .flags = TcpHeader::kSyn,
          .window = Be16(uint16_t{65535}),
          .checksum = {},
          .urgent = {}};
  tcp->checksum =
      Be16::from_raw(l4_checksum(at + kIpAt, kProtocolTcp, at + l4_at_, sizeof *tcp, sizeof *tcp));
  return padded(at, l4_at_ + sizeof *tcp);
}

size_t FrameMaker::question(uint8_t* at, const Endpoint& client, uint16_t id,
                            const DnsQuestion& question) const {
  const size_t l4_bytes = sizeof(UdpHeader) + sizeof(DnsHeader) + question.size();
  UdpHeader* udp = put_udp(at, client, l4_bytes);
  uint8_t* message = at + l4_at_ + sizeof *udp;
  *reinterpret_cast<DnsHeader*>(message) = {.id = Be16(id),
                                            .flags = {},
                                            .question_count = Be16(uint16_t{1}),
                                            .answer_count = {},
                                            .authority_count = {},
                                            .additional_count = {}};
  std::memcpy(message + sizeof(DnsHeader), question.data(), question.size());
  udp->checksum = Be16::from_raw(
      udp_checksum_field(l4_checksum(at + kIpAt, kProtocolUdp, at + l4_at_, l4_bytes, l4_bytes)));
  return padded(at, l4_at_ + l4_bytes);
}

std::optional<ReceivedFrame> read_frame(std::span<const uint8_t> frame) {
  if (frame.size() < kIpAt) return {};
  ReceivedFrame read;
  read.ip = frame.data() + kIpAt;
  const Be16 ether_type = reinterpret_cast<const EthernetHeader*>(frame.data())->ether_type;
  if (ether_type == Be16(kEtherTypeIpv4)) read_ipv4(frame, read);
  if (ether_type == Be16(kEtherTypeIpv6)) read_ipv6(frame, read);
  const size_t header = read.protocol == kProtocolTcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  if ((read.protocol != kProtocolTcp && read.protocol != kProtocolUdp) || read.l4.size() < header) {
    return {};
  }
  read.payload = read.l4.subspan(header);
  const auto* ports = reinterpret_cast<const UdpHeader*>(read.l4.data());
  read.source.port = ports->source_port.host();
  read.destination.port = ports->destination_port.host();
  return read;
}

std::optional<Mark> read_mark(const ReceivedFrame& frame) {
  if (frame.is_tcp() || frame.payload.size() < kMarkBytes) return {};
  const auto* bytes = reinterpret_cast<const MarkBytes*>(frame.payload.data());
  if (bytes->magic != kMarkMagic) return {};
  return Mark{bytes->trial, bytes->flow.host(), bytes->sequence.host(), bytes->ticks};
}

bool checksums_are_right(const ReceivedFrame& frame) {
  if (is_ipv4(frame.ip) && internet_checksum(frame.ip, sizeof(Ipv4Header)) != 0) return false;
  const auto& l4 = frame.l4;
  return l4_checksum(frame.ip, frame.protocol, l4.data(), l4.size(), l4.size()) == 0;
}

void make_answer(uint8_t* frame) {
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame);
  std::swap(ethernet->source, ethernet->destination);
  const bool is_v4 = ethernet->ether_type == Be16(kEtherTypeIpv4);
  if (is_v4) {
    auto* ip = reinterpret_cast<Ipv4Header*>(frame + kIpAt);
    std::swap(ip->source, ip->destination);
  } else {
    auto* ip = reinterpret_cast<Ipv6Header*>(frame + kIpAt);
    std::swap(ip->source, ip->destination);
  }
  auto* udp = reinterpret_cast<UdpHeader*>(frame + (is_v4 ? kIpv4L4At : kIpv6L4At));
  std::swap(udp->source_port, udp->destination_port);
}

}  // namespace vipgate::generator
