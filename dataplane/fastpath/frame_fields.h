// Whom a frame is from and to, read with care from whatever the bytes are: for those who watch. The
// packet path has parse.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/addresses.h"
#include "common/headers.h"

namespace vipgate {

// What the frame does not have is zero, or the address of no family.
struct FrameFields {
  uint16_t ether_type = 0;
  IpAddress source, destination;
  uint8_t protocol = 0;
  bool has_ports = false;
  uint16_t source_port = 0, destination_port = 0;
};

namespace frame_fields_detail {

// Steps over extension headers that have their length where most have it (RFC 8200 4).
inline bool step_over(const uint8_t* data, size_t length, size_t& at, uint8_t& protocol) {
  for (int i = 0; i < 8; ++i) {
    const bool is_fragment = protocol == kProtocolIpv6Fragment;
    if (!is_fragment && protocol != kProtocolIpv6HopByHop && protocol != kProtocolIpv6Routing &&
        protocol != kProtocolIpv6DestinationOptions) {
      return true;
    }
    if (at + 8 > length) return false;
    const uint8_t* header = data + at;
    protocol = header[0];
    if (is_fragment && (header[2] != 0 || (header[3] & 0xf8) != 0)) return false;
    at += is_fragment ? sizeof(Ipv6FragmentHeader) : (header[1] + 1u) * 8;
  }
  return false;
}

}  // namespace frame_fields_detail

inline FrameFields read_fields(const uint8_t* data, size_t length) {
  FrameFields fields;
  size_t at = sizeof(EthernetHeader);
  if (length < at) return fields;
  const auto type_at = [&](size_t offset) {
    return static_cast<uint16_t>(data[offset] << 8 | data[offset + 1]);
  };
  fields.ether_type = type_at(12);
  if (fields.ether_type == kEtherTypeVlan && length >= at + sizeof(VlanTag)) {
    fields.ether_type = type_at(16);
    at += sizeof(VlanTag);
  }
  bool is_first = true;
  if (fields.ether_type == kEtherTypeIpv4) {
    if (length < at + sizeof(Ipv4Header)) return fields;
    Ipv4Header ip;
    std::memcpy(&ip, data + at, sizeof ip);
    fields.source = ip.source;
    fields.destination = ip.destination;
    fields.protocol = ip.protocol;
    is_first = (ip.fragment.host() & Ipv4Header::kFragmentOffset) == 0;
    at += static_cast<size_t>(ip.header_length());
  } else if (fields.ether_type == kEtherTypeIpv6) {
    if (length < at + sizeof(Ipv6Header)) return fields;
    Ipv6Header ip;
    std::memcpy(&ip, data + at, sizeof ip);
    fields.source = ip.source;
    fields.destination = ip.destination;
    fields.protocol = ip.next_header;
    at += sizeof ip;
    is_first = frame_fields_detail::step_over(data, length, at, fields.protocol);
  } else {
    return fields;
  }
  if (!has_ports(fields.protocol) || !is_first || length < at + 4) return fields;
  fields.has_ports = true;
  fields.source_port = type_at(at);
  fields.destination_port = type_at(at + 2);
  return fields;
}

}  // namespace vipgate
