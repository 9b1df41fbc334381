#include "dataplane/fastpath/sctp.h"

#include <algorithm>
#include <cstddef>

#include "common/crc32c.h"
#include "dataplane/fastpath/rewrite.h"

namespace vipgate {
namespace {

// Control chunks looked at. They come before all data, and few share a packet.
constexpr int kMostChunks = 16;
// An INIT up to its initiate tag (RFC 9260 3.3.2).
struct InitStart {
  SctpChunk chunk;
  Be32 initiate_tag;
};
constexpr uint16_t kLeastInit = 20;
constexpr uint16_t kStaleCookie = 3;  // RFC 9260 3.3.10.3

const SctpChunk& first_chunk(const Packet& packet) {
  return *reinterpret_cast<const SctpChunk*>(&packet.l4<SctpHeader>() + 1);
}

// Calls visit(chunk, bytes of it that are there) for the control chunks of the packet, until it
// says true. Whether it did.
template <class Visit>
bool any_control_chunk(const Packet& packet, Visit&& visit) {
  const auto* at = reinterpret_cast<const uint8_t*>(&first_chunk(packet));
  size_t left = packet.l4_length() - sizeof(SctpHeader);
  for (int count = 0; count < kMostChunks && left >= sizeof(SctpChunk); ++count) {
    const auto& chunk = *reinterpret_cast<const SctpChunk*>(at);
    const size_t length = chunk.length.host();
    if (chunk.type == SctpChunk::kData || chunk.type == SctpChunk::kIData) return false;
    if (length < sizeof(SctpChunk)) return false;
    if (visit(chunk, std::min(length, left))) return true;
    const size_t padded = (length + 3) & ~size_t{3};
    if (padded > left) return false;
    at += padded;
    left -= padded;
  }
  return false;
}

bool has_chunk(const Packet& packet, uint8_t type) {
  return any_control_chunk(packet,
                           [&](const SctpChunk& chunk, size_t) { return chunk.type == type; });
}

bool tells_stale_cookie(const SctpChunk& chunk, size_t length) {
  if (chunk.type != SctpChunk::kError || length < sizeof(SctpChunk) + 4) return false;
  return load<Be16>(&chunk + 1) == Be16(kStaleCookie);
}

// What the chunks say, in the words of TCP.
uint8_t flags_of(const Packet& packet) {
  // These are alone in their packet (RFC 9260 6.10).
  switch (first_chunk(packet).type) {
    case SctpChunk::kInit:
      return TcpHeader::kSyn;
    case SctpChunk::kInitAck:
      return TcpHeader::kSyn | TcpHeader::kAck;
    case SctpChunk::kShutdownComplete:
      return TcpHeader::kFin | TcpHeader::kAck;
    default:
      break;
  }
  uint8_t flags = TcpHeader::kAck;
  any_control_chunk(packet, [&](const SctpChunk& chunk, size_t) {
    if (chunk.type == SctpChunk::kShutdownAck) flags = TcpHeader::kFin | TcpHeader::kAck;
    if (chunk.type == SctpChunk::kAbort) flags = TcpHeader::kRst;
    return chunk.type == SctpChunk::kAbort;
  });
  return flags;
}

}  // namespace

DropReason parse_sctp(Packet& packet) {
  const uint16_t length = packet.l4_length();
  if (length < sizeof(SctpHeader) + sizeof(SctpChunk)) return DropReason::kBadL4Header;
  const SctpChunk& first = first_chunk(packet);
  const size_t chunk = first.length.host();
  const bool is_cut = packet.fragment == 0 && sizeof(SctpHeader) + chunk > length;
  if (chunk < sizeof(SctpChunk) || is_cut) return DropReason::kBadL4Header;
  packet.tcp_flags = flags_of(packet);
  return kNoDrop;
}

void set_sctp_ports(Packet& packet, Be16 source, Be16 destination) {
  auto& sctp = packet.l4<SctpHeader>();
  const auto before = load<uint32_t>(&sctp);
  const bool has_checksum =
      sctp.checksum != Be32{} || sctp_checksum(&sctp, packet.l4_length()) == 0;
  sctp.source_port = source;
  sctp.destination_port = destination;
  const uint32_t turned = before ^ load<uint32_t>(&sctp);
  if (turned == 0 || !has_checksum) return;
  sctp.checksum =
      Be32::from_raw(sctp.checksum.raw() ^ sctp_checksum_delta(turned, packet.l4_length()));
}

SctpAnswer choose_sctp_answer(const Packet& packet) {
  const SctpChunk& first = first_chunk(packet);
  if (first.type == SctpChunk::kInit) {
    // A tag of zero is no tag, and to be discarded (RFC 9260 3.3.2).
    const auto& init = *reinterpret_cast<const InitStart*>(&first);
    const bool is_right = first.length.host() >= kLeastInit && init.initiate_tag != Be32{};
    return is_right ? SctpAnswer::kAbort : SctpAnswer::kNone;
  }
  if (first.type == SctpChunk::kShutdownComplete || has_chunk(packet, SctpChunk::kAbort)) {
    return SctpAnswer::kNone;
  }
  if (has_chunk(packet, SctpChunk::kShutdownAck)) return SctpAnswer::kShutdownComplete;
  const bool needs_none =
      has_chunk(packet, SctpChunk::kCookieAck) || any_control_chunk(packet, tells_stale_cookie);
  return needs_none ? SctpAnswer::kNone : SctpAnswer::kAbort;
}

template <class Address>
void answer_sctp(Packet& packet, SctpAnswer answer, const MacAddress& own) {
  const SctpHeader asked = packet.l4<SctpHeader>();
  const SctpChunk& first = first_chunk(packet);
  // The end that sent an INIT has told the tag that it wants; else it knows its packet by the tag
  // that it wrote there itself.
  const bool is_init = first.type == SctpChunk::kInit;
  const Be32 tag =
      is_init ? reinterpret_cast<const InitStart*>(&first)->initiate_tag : asked.verification_tag;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Address client = ip.source;
  const Address vip = ip.destination;
  constexpr size_t kLength = sizeof(SctpHeader) + sizeof(SctpChunk);
  make_reply_header(packet, vip, client, kProtocolSctp, kLength);
  auto& header = packet.l4<SctpHeader>();
  header = {.source_port = asked.destination_port,
            .destination_port = asked.source_port,
            .verification_tag = tag,
            .checksum = Be32{}};
  *reinterpret_cast<SctpChunk*>(&header + 1) = {
      .type = answer == SctpAnswer::kAbort ? SctpChunk::kAbort : SctpChunk::kShutdownComplete,
      .flags = is_init ? uint8_t{0} : SctpChunk::kReflectedTag,
      .length = Be16(sizeof(SctpChunk))};
  header.checksum = Be32::from_raw(sctp_checksum(&header, kLength));
  turn_ethernet(packet, own);
}

template void answer_sctp<Ipv4Address>(Packet&, SctpAnswer, const MacAddress&);
template void answer_sctp<Ipv6Address>(Packet&, SctpAnswer, const MacAddress&);

}  // namespace vipgate
