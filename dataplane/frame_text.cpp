#include "dataplane/frame_text.h"

#include <cstdio>

#include "dataplane/fastpath/frame_fields.h"

namespace vipgate {
namespace {

std::string protocol_name(uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return "tcp";
    case kProtocolUdp:
      return "udp";
    case kProtocolSctp:
      return "sctp";
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      return "icmp";
    case kProtocolGre:
      return "gre";
    case kProtocolIpv4:
    case kProtocolIpv6:
      return "ipip";
    default:
      return "protocol " + std::to_string(protocol);
  }
}

}  // namespace

std::string frame_text(std::span<const uint8_t> frame) {
  const FrameFields fields = read_fields(frame.data(), frame.size());
  if (fields.source.family() == 0) {
    if (fields.ether_type == kEtherTypeArp) return "arp";
    char text[32];
    std::snprintf(text, sizeof text, "ether type 0x%04x", fields.ether_type);
    return text;
  }
  const std::string name = protocol_name(fields.protocol) + " ";
  if (!fields.has_ports)
    return name + to_string(fields.source) + " > " + to_string(fields.destination);
  return name + endpoint_to_string(fields.source, fields.source_port) + " > " +
         endpoint_to_string(fields.destination, fields.destination_port);
}

}  // namespace vipgate
