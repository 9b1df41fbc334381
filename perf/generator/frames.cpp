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
constexpr size_t kL4At = kIpAt + sizeof(Ipv4Header);
constexpr size_t kUdpPayloadAt = kL4At + sizeof(UdpHeader);
static_assert(kUdpPayloadAt + kMarkBytes == kSmallestFrame - kCheckSequence);

size_t padded(uint8_t* at, size_t bytes) {
  constexpr size_t kLeast = kSmallestFrame - kCheckSequence;
  if (bytes >= kLeast) return bytes;
  std::memset(at + bytes, 0, kLeast - bytes);
  return kLeast;
}

UdpHeader* put_udp(uint8_t* at, const Endpoint& client, const Endpoint& vip, size_t length) {
  auto* udp = reinterpret_cast<UdpHeader*>(at + kL4At);
  *udp = {.source_port = Be16(client.port),
          .destination_port = Be16(vip.port),
          .length = Be16(static_cast<uint16_t>(length)),
          .checksum = {}};
  return udp;
}

}  // namespace

Endpoint client_of_flow(Ipv4Address first, uint32_t flow) {
  return {Ipv4Address{Be32(first.value.host() + flow / kPortsOfClient)},
          static_cast<uint16_t>(kFirstPort + flow % kPortsOfClient)};
}

FrameMaker::FrameMaker(const MacAddress& gateway, const Endpoint& vip)
    : gateway_(gateway), vip_(vip) {}

Ipv4Header* FrameMaker::addressed(uint8_t* at, const Endpoint& client, uint8_t protocol,
                                  size_t bytes) const {
  auto* ethernet = reinterpret_cast<EthernetHeader*>(at);
  *ethernet = {gateway_, kClientMac, Be16(kEtherTypeIpv4)};
  auto* ip = reinterpret_cast<Ipv4Header*>(at + kIpAt);
  *ip = {.version_ihl = 0x45,
         .tos = 0,
         .total_length = Be16(static_cast<uint16_t>(bytes - kIpAt)),
         .id = {},
         .fragment = Be16(uint16_t{Ipv4Header::kDontFragment}),
         .ttl = kTtl,
         .protocol = protocol,
         .checksum = {},
         .source = client.address,
         .destination = vip_.address};
  ip->checksum = Be16::from_raw(internet_checksum(ip, sizeof *ip));
  return ip;
}

size_t FrameMaker::marked(uint8_t* at, const Endpoint& client, const Mark& mark,
                          size_t wire_bytes) const {
  const size_t bytes = wire_bytes - kCheckSequence;
  const Ipv4Header* ip = addressed(at, client, kProtocolUdp, bytes);
  UdpHeader* udp = put_udp(at, client, vip_, bytes - kL4At);
  *reinterpret_cast<MarkBytes*>(at + kUdpPayloadAt) = {kMarkMagic, mark.trial, Be32(mark.flow),
                                                       Be32(mark.sequence), mark.ticks};
  // The rest is zeros, which count for nothing in the checksum.
  std::memset(at + kUdpPayloadAt + kMarkBytes, 0, bytes - kUdpPayloadAt - kMarkBytes);
  udp->checksum = Be16::from_raw(udp_checksum_field(
      internet_checksum(udp, sizeof *udp + kMarkBytes, pseudo_header_sum(*ip, bytes - kL4At))));
  return bytes;
}

size_t FrameMaker::syn(uint8_t* at, const Endpoint& client, uint32_t sequence,
                       uint8_t trial) const {
  constexpr size_t kBytes = kL4At + sizeof(TcpHeader);
  const Ipv4Header* ip = addressed(at, client, kProtocolTcp, kBytes);
  auto* tcp = reinterpret_cast<TcpHeader*>(at + kL4At);
  *tcp = {.source_port = Be16(client.port),
          .destination_port = Be16(vip_.port),
          .sequence = Be32(sequence),
          .acknowledgment = Be32(uint32_t{trial}),
          .data_offset = 0x50,
          .flags = TcpHeader::kSyn,
          .window = Be16(uint16_t{65535}),
          .checksum = {},
          .urgent = {}};
  tcp->checksum = Be16::from_raw(tcp_udp_checksum(*ip, tcp, sizeof *tcp));
  return padded(at, kBytes);
}

size_t FrameMaker::question(uint8_t* at, const Endpoint& client, uint16_t id,
                            const DnsQuestion& question) const {
  const size_t bytes = kUdpPayloadAt + sizeof(DnsHeader) + question.size();
  const Ipv4Header* ip = addressed(at, client, kProtocolUdp, bytes);
  UdpHeader* udp = put_udp(at, client, vip_, bytes - kL4At);
  *reinterpret_cast<DnsHeader*>(at + kUdpPayloadAt) = {.id = Be16(id),
                                                       .flags = {},
                                                       .question_count = Be16(uint16_t{1}),
                                                       .answer_count = {},
                                                       .authority_count = {},
                                                       .additional_count = {}};
  std::memcpy(at + kUdpPayloadAt + sizeof(DnsHeader), question.data(), question.size());
  udp->checksum = Be16::from_raw(tcp_udp_checksum(*ip, udp, bytes - kL4At));
  return padded(at, bytes);
}

std::optional<ReceivedFrame> read_frame(std::span<const uint8_t> frame) {
  if (frame.size() < kUdpPayloadAt) return {};
  if (reinterpret_cast<const EthernetHeader*>(frame.data())->ether_type != Be16(kEtherTypeIpv4)) {
    return {};
  }
  ReceivedFrame read;
  read.ip = reinterpret_cast<const Ipv4Header*>(frame.data() + kIpAt);
  const size_t length = read.ip->total_length.host();
  const size_t header = read.ip->protocol == kProtocolTcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  constexpr uint16_t kParts = Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset;
  if (read.ip->version_ihl != 0x45 || (read.ip->fragment.host() & kParts) != 0 ||
      (read.ip->protocol != kProtocolTcp && read.ip->protocol != kProtocolUdp) ||
      length < sizeof(Ipv4Header) + header || length > frame.size() - kIpAt) {
    return {};
  }
  read.l4 = frame.subspan(kL4At, length - sizeof(Ipv4Header));
  read.payload = read.l4.subspan(header);
  const auto* ports = reinterpret_cast<const UdpHeader*>(read.l4.data());
  read.source = {read.ip->source, ports->source_port.host()};
  read.destination = {read.ip->destination, ports->destination_port.host()};
  return read;
}

std::optional<Mark> read_mark(const ReceivedFrame& frame) {
  if (frame.is_tcp() || frame.payload.size() < kMarkBytes) return {};
  const auto* bytes = reinterpret_cast<const MarkBytes*>(frame.payload.data());
  if (bytes->magic != kMarkMagic) return {};
  return Mark{bytes->trial, bytes->flow.host(), bytes->sequence.host(), bytes->ticks};
}

bool checksums_are_right(const ReceivedFrame& frame) {
  if (internet_checksum(frame.ip, sizeof *frame.ip) != 0) return false;
  return internet_checksum(frame.l4.data(), frame.l4.size(),
                           pseudo_header_sum(*frame.ip, frame.l4.size())) == 0;
}

void make_answer(uint8_t* frame) {
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame);
  std::swap(ethernet->source, ethernet->destination);
  auto* ip = reinterpret_cast<Ipv4Header*>(frame + kIpAt);
  std::swap(ip->source, ip->destination);
  auto* udp = reinterpret_cast<UdpHeader*>(frame + kL4At);
  std::swap(udp->source_port, udp->destination_port);
}

}  // namespace vipgate::generator
