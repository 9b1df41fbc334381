#include "dataplane/fastpath/extension_headers.h"

namespace vipgate {

DropReason check_ipv4_options(const Ipv4Header& ip, size_t header_length) {
  constexpr uint8_t kEnd = 0, kNop = 1, kLooseSourceRoute = 131, kStrictSourceRoute = 137;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&ip);
  for (size_t at = sizeof ip; at < header_length && bytes[at] != kEnd;) {
    if (bytes[at] == kNop) {
      ++at;
      continue;
    }
    if (at + 1 >= header_length) return DropReason::kBadIpHeader;
    const size_t length = bytes[at + 1];
    if (length < 2 || at + length > header_length) return DropReason::kBadIpHeader;
    if (bytes[at] == kLooseSourceRoute || bytes[at] == kStrictSourceRoute) {
      return DropReason::kSourceRoute;
    }
    at += length;
  }
  return kNoDrop;
}

DropReason mark_fragment(Packet& packet, bool more) {
  const size_t offset = packet.fragment_offset();
  const size_t length = packet.fragment_bytes();
  if (length == 0 || (more && length % 8 != 0) || offset + length > UINT16_MAX) {
    return DropReason::kBadFragment;
  }
  packet.fragment = offset == 0 ? Packet::kFirst : Packet::kLater;
  return kNoDrop;
}

DropReason skip_extension_headers(Packet& packet) {
  const uint8_t* bytes = packet.l3;
  size_t offset = sizeof(Ipv6Header);
  uint8_t next = packet.protocol;
  for (int count = 0;; ++count) {
    switch (next) {
      case kProtocolIpv6HopByHop:
        // It comes first or not at all (RFC 8200 4.1).
        if (count != 0) return DropReason::kBadIpHeader;
        break;
      case kProtocolIpv6Fragment:
        if (packet.ipv6_fragment_at != 0) return DropReason::kBadFragment;
        break;
      case kProtocolIpv6Routing:
      case kProtocolIpv6DestinationOptions:
        break;
      default:
        packet.protocol = next;
        packet.l4_offset = static_cast<uint16_t>(offset);
        return kNoDrop;
    }
    if (count == kMaxExtensionHeaders) return DropReason::kIpv6ExtensionHeader;
    if (offset + 8 > packet.l3_length) return DropReason::kBadIpHeader;
    const bool is_fragment = next == kProtocolIpv6Fragment;
    const size_t length =
        is_fragment ? sizeof(Ipv6FragmentHeader) : (bytes[offset + 1] + size_t{1}) * 8;
    if (offset + length > packet.l3_length) return DropReason::kBadIpHeader;
    if (next == kProtocolIpv6Routing) {
      const uint8_t type = bytes[offset + 2];
      const uint8_t segments_left = bytes[offset + 3];
      if (type == 0 || segments_left != 0) return DropReason::kSourceRoute;
    }
    next = bytes[offset];
    if (is_fragment) {
      packet.ipv6_fragment_at = static_cast<uint16_t>(offset);
      const uint16_t field = packet.ipv6_fragment().fragment.host();
      const bool more = (field & Ipv6FragmentHeader::kMoreFragments) != 0;
      if (more || (field & Ipv6FragmentHeader::kFragmentOffset) != 0) {
        const DropReason reason = mark_fragment(packet, more);
        if (reason != kNoDrop) return reason;
      }
      if (packet.is_later_fragment()) {
        packet.protocol = next;
        packet.l4_offset = static_cast<uint16_t>(offset + length);
        return kNoDrop;
      }
    }
    offset += length;
  }
}

}  // namespace vipgate
