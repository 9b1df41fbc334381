#include "dataplane/explain.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "common/checksum.h"
#include "common/crc32c.h"
#include "common/hash.h"
#include "common/headers.h"
#include "dataplane/frame_text.h"
#include "dataplane/replay_engine.h"
#include "dataplane/replay_verdict.h"

namespace vipgate {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr MacAddress kClientMac{{2, 0, 0, 0, 0, 0xc1}};
constexpr size_t kFlows = 1024;
constexpr size_t kFragments = 64;
constexpr size_t kDnsRates = 1024;
constexpr size_t kDnsQuestions = 16;

template <class Header>
void put(Bytes& bytes, const Header& header) {
  const auto* begin = reinterpret_cast<const uint8_t*>(&header);
  bytes.insert(bytes.end(), begin, begin + sizeof header);
}

Bytes make_l4(const ExplainPacket& packet) {
  Bytes bytes;
  const Be16 from(packet.source_port), to(packet.destination_port);
  if (packet.protocol == Protocol::kTcp) {
    put(bytes, TcpHeader{.source_port = from,
                         .destination_port = to,
                         .sequence = Be32(1),
                         .acknowledgment = Be32{},
                         .data_offset = 5 << 4,
                         .flags = TcpHeader::kSyn,
                         .window = Be16(65535),
                         .checksum = Be16{},
                         .urgent = Be16{}});
  } else if (packet.protocol == Protocol::kSctp) {
    constexpr uint16_t kInitLength = 20;
    put(bytes, SctpHeader{from, to, Be32{}, Be32{}});
    put(bytes, SctpChunk{SctpChunk::kInit, 0, Be16(kInitLength)});
    // Initiate tag, window, streams each way, first TSN (RFC 9260 3.3.2).
    put(bytes, std::array{Be32(1), Be32(65535), Be32(1u << 16 | 1), Be32(1)});
  } else {
    put(bytes, UdpHeader{from, to, Be16(sizeof(UdpHeader) + 8), Be16{}});
    bytes.resize(bytes.size() + 8);
  }
  return bytes;
}

// `tcp_udp`: what belongs there if it is one of these.
void set_checksum(Protocol protocol, Bytes& l4, uint16_t tcp_udp) {
  if (protocol == Protocol::kSctp) {
    const uint32_t crc = sctp_checksum(l4.data(), l4.size());
    std::memcpy(l4.data() + offsetof(SctpHeader, checksum), &crc, sizeof crc);
    return;
  }
  const size_t at =
      protocol == Protocol::kTcp ? offsetof(TcpHeader, checksum) : offsetof(UdpHeader, checksum);
  std::memcpy(l4.data() + at, &tcp_udp, sizeof tcp_udp);
}

Bytes make_frame(const ExplainPacket& packet, const PortEntry& port) {
  Bytes l4 = make_l4(packet);
  const auto protocol = static_cast<uint8_t>(packet.protocol);
  Bytes frame;
  const bool is_v4 = packet.destination.is_v4();
  const uint16_t ether_type = is_v4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  put(frame,
      EthernetHeader{port.mac, kClientMac, Be16(port.vlan != 0 ? kEtherTypeVlan : ether_type)});
  if (port.vlan != 0) put(frame, VlanTag{Be16(port.vlan), Be16(ether_type)});
  uint16_t sum;
  if (is_v4) {
    Ipv4Header ip{.version_ihl = 0x45,
                  .tos = 0,
                  .total_length = Be16(static_cast<uint16_t>(sizeof(Ipv4Header) + l4.size())),
                  .id = Be16(1),
                  .fragment = Be16(Ipv4Header::kDontFragment),
                  .ttl = 64,
                  .protocol = protocol,
                  .checksum = Be16{},
                  .source = packet.source.v4(),
                  .destination = packet.destination.v4()};
    ip.checksum = Be16::from_raw(internet_checksum(&ip, sizeof ip));
    sum = tcp_udp_checksum(ip, l4.data(), l4.size());
    put(frame, ip);
  } else {
    const Ipv6Header ip{.version_class_flow = Be32(6u << 28),
                        .payload_length = Be16(static_cast<uint16_t>(l4.size())),
                        .next_header = protocol,
                        .hop_limit = 64,
                        .source = packet.source.v6(),
                        .destination = packet.destination.v6()};
    sum = tcp_udp_checksum(ip, protocol, l4.data(), l4.size());
    put(frame, ip);
  }
  set_checksum(packet.protocol, l4, sum);
  frame.insert(frame.end(), l4.begin(), l4.end());
  return frame;
}

// What an operator may want to know beside the reason's name; empty: nothing.
std::string_view sentence(DropReason reason) {
  switch (reason) {
    case DropReason::kNotForUs:
      return "the destination is no VIP, nor any other address of this gateway";
    case DropReason::kTransit:
      return "it comes by a port of reals and is for nobody here, and transit is drop";
    case DropReason::kPortNotServed:
      return "the VIP has no service at this port and protocol; see defaults.unserved_port";
    case DropReason::kMartianSource:
      return "the source is one of our own addresses, or none that a host can have";
    case DropReason::kSourceDenied:
      return "the service's allow_sources and deny_sources do not admit the source";
    case DropReason::kConnectionLimit:
      return "the service has max_connections flows already";
    case DropReason::kNoReal:
      return "no real of the service takes new flows, and no_real is drop";
    case DropReason::kNoFlow:
      return "it would be a reply, and there is no flow that it could belong to";
    case DropReason::kNoKernelPath:
      return "it would be the kernel's, but the port has no kernel side (ports[].kernel)";
    case DropReason::kSnatExhausted:
      return "every port tried of the SNAT pool is taken";
    default:
      return "";
  }
}

std::string_view sentence(ReplyKind kind) {
  switch (kind) {
    case ReplyKind::kTcpReset:
    case ReplyKind::kSctpAbort:
    case ReplyKind::kPortUnreachable:
      return "nothing takes it: no real of the service, or no service at this port";
    default:
      return "";
  }
}

std::string_view kind_of_packet(Protocol protocol) {
  if (protocol == Protocol::kUdp) return "";
  return protocol == Protocol::kTcp ? " (SYN)" : " (INIT)";
}

// The Maglev row of the packet.
uint32_t row_of(const ExplainPacket& packet, const ServiceEntry& service) {
  const auto hash = [&]<class Address>(const Address& client, const Address& vip) {
    return flow_hash<Address>(service.hash, client, Be16(packet.source_port), vip,
                              Be16(packet.destination_port), static_cast<uint8_t>(packet.protocol));
  };
  return scale(packet.source.is_v4() ? hash(packet.source.v4(), packet.destination.v4())
                                     : hash(packet.source.v6(), packet.destination.v6()),
               service.row_count);
}

// What gateways are to be compared by when they send one flow to different reals.
std::string table_text(const ServiceRing& ring) {
  char checksum[17];
  std::snprintf(checksum, sizeof checksum, "%016llx",
                static_cast<unsigned long long>(ring.checksum));
  return std::to_string(ring.rows->size()) + " rows for " + std::to_string(ring.reals.size()) +
         " reals, checksum " + checksum;
}

// Adds lines; what has no text does not apply.
class Lines {
 public:
  explicit Lines(std::vector<ExplanationLine>& lines) : lines_(lines) {}
  void add(std::string_view word, std::string text) {
    if (!text.empty()) lines_.push_back({std::string(word), std::move(text)});
  }

 private:
  std::vector<ExplanationLine>& lines_;
};

void add_service(Lines& lines, const Snapshot& snapshot, const ExplainPacket& packet,
                 const Verdict& verdict) {
  const ServiceEntry& service = snapshot.service(verdict.service);
  const ServiceInfo& info = snapshot.service_info(verdict.service);
  lines.add("service", info.name + " " + vip_to_string(info.vip, service.port.host(), info.extent) +
                           "/" + std::string(to_string(service.protocol)) + ", " +
                           std::string(to_string(service.mode)));
  const RealEntry* real = snapshot.real(verdict.real);
  if (real == nullptr) return;
  const bool is_own = real->service == verdict.service;
  const std::string of =
      is_own ? "" : " of the fallback " + snapshot.service_info(real->service).name;
  lines.add("real", real_text(*real) + of + ", weight " + std::to_string(real->weight) +
                        ", by row " + std::to_string(row_of(packet, service)) + " of " +
                        std::to_string(service.row_count) + " (" +
                        std::string(to_string(service.hash)) + ")");
  lines.add("table", table_text(*info.ring));
  if (service.is_quic) {
    lines.add("quic", "a connection id that holds a real's quic_id leads to it");
  }
  if (service.has_affinity) {
    const int seconds = service.admission->affinity_quarters() / 4;
    lines.add("affinity", "a client that was seen in the last " + std::to_string(seconds) +
                              " s goes to the real that it had, if that takes new flows");
  }
}

}  // namespace

Explanation explain(const ExplainOptions& options) {
  const Snapshot& snapshot = *options.snapshot;
  const ExplainPacket& packet = options.packet;
  const Secrets secrets = replay_secrets(options.seed);
  const FlowOwners made(secrets.owner, options.workers);
  const bool is_running = options.owners != nullptr;
  ReplayEngine engine(snapshot, {.workers = options.workers,
                                 .sizes = {.flows = kFlows,
                                           .wide_flows = kFlows,
                                           .affinities = kFlows,
                                           .fragments = kFragments,
                                           .dns_rates = kDnsRates,
                                           .dns_answers = kDnsQuestions,
                                           .dns_questions = kDnsQuestions,
                                           .services = options.services,
                                           .reals = options.reals},
                                 .snat = snapshot.snat_addresses,
                                 .secret = is_running ? options.secret : secrets.flows,
                                 .owners = is_running ? options.owners : &made});
  const Bytes frame = make_frame(packet, snapshot.ports[packet.port]);
  // No fragment, so it is not held.
  const auto outcome = engine.process(frame, packet.port, 1'000'000'000, 0).front();

  const Verdict& verdict = outcome.verdict;
  Explanation explanation{.lines = {}, .verdict = verdict_text(verdict)};
  Lines lines(explanation.lines);
  lines.add("packet", frame_text(frame) + std::string(kind_of_packet(packet.protocol)) +
                          ", received by " + options.port_names[packet.port]);
  if (verdict.service != kNone) add_service(lines, snapshot, packet, verdict);
  lines.add("worker", std::to_string(outcome.worker) + " of " + std::to_string(options.workers));
  lines.add("verdict", explanation.verdict);
  if (verdict.kind == Verdict::Kind::kDrop) {
    lines.add("because", std::string(sentence(verdict.drop)));
  }
  if (verdict.kind == Verdict::Kind::kReply) {
    lines.add("because", std::string(sentence(verdict.reply)));
  }
  if (outcome.out_port) {
    lines.add("out",
              frame_text(outcome.out_frame) + ", by " + options.port_names[*outcome.out_port]);
  }
  return explanation;
}

std::string explanation_text(const Explanation& explanation) {
  constexpr size_t kWordWidth = 9;
  std::string text;
  for (const ExplanationLine& line : explanation.lines) {
    text += line.word + std::string(kWordWidth - line.word.size(), ' ') + line.text + "\n";
  }
  return text;
}

}  // namespace vipgate
