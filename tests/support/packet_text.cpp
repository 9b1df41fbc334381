// What a packet says: checksums_ok and describe, of packet_builder.h.
#include <algorithm>

#include "tests/support/packet_builder.h"

namespace vipgate::test {
namespace {

using View = std::span<const uint8_t>;

unsigned get16(View bytes, size_t at) { return bytes[at] * 256u + bytes[at + 1]; }
uint32_t get32(View bytes, size_t at) { return get16(bytes, at) << 16 | get16(bytes, at + 2); }

IpAddress get_ip(View bytes, size_t at, int family) {
  if (family == 4) return Ipv4Address{Be32(get32(bytes, at))};
  Ipv6Address address;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 16, address.bytes.begin());
  return address;
}

MacAddress get_mac(View bytes, size_t at) {
  MacAddress address;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 6, address.bytes.begin());
  return address;
}

struct Ip {
  bool whole = false;  // everything that the lengths promise is there
  bool header_ok = true;
  IpAddress source;
  IpAddress destination;
  uint8_t ttl = 0;
  uint8_t protocol = 0;
  bool fragment = false;
  unsigned fragment_offset = 0;
  View segment;
};

Ip parse_ipv4(View packet) {
  Ip ip;
  if (packet.size() < 20 || packet[0] >> 4 != 4) return ip;
  const size_t header = (packet[0] & 15) * 4u;
  const size_t total = get16(packet, 2);
  if (header < 20 || total < header || packet.size() < total) return ip;
  ip.whole = true;
  ip.header_ok = reference_checksum(packet.first(header)) == 0;
  ip.source = get_ip(packet, 12, 4);
  ip.destination = get_ip(packet, 16, 4);
  ip.ttl = packet[8];
  ip.protocol = packet[9];
  ip.fragment = (get16(packet, 6) & 0x3fff) != 0;
  ip.fragment_offset = (get16(packet, 6) & 0x1fff) * 8;
  ip.segment = packet.subspan(header, total - header);
  return ip;
}

Ip parse_ipv6(View packet) {
  Ip ip;
  if (packet.size() < 40 || packet[0] >> 4 != 6) return ip;
  const size_t length = get16(packet, 4);
  if (packet.size() < 40 + length) return ip;
  ip.source = get_ip(packet, 8, 6);
  ip.destination = get_ip(packet, 24, 6);
  ip.ttl = packet[7];
  ip.protocol = packet[6];
  ip.segment = packet.subspan(40, length);
  while (ip.protocol == 0 || ip.protocol == 43 || ip.protocol == 60 || ip.protocol == 44) {
    if (ip.segment.size() < 8) return ip;
    size_t header = 8;
    if (ip.protocol == 44) {
      // One that is all of its packet is none (RFC 6946).
      ip.fragment = (get16(ip.segment, 2) & 0xfff9) != 0;
      ip.fragment_offset = get16(ip.segment, 2) & 0xfff8;
    } else {
      header = (ip.segment[1] + 1u) * 8;
      if (ip.segment.size() < header) return ip;
    }
    ip.protocol = ip.segment[0];
    ip.segment = ip.segment.subspan(header);
    // What follows is the fragment's part, whatever its first one's next header is.
    if (ip.fragment_offset != 0) break;
  }
  ip.whole = true;
  return ip;
}

bool segment_ok(const Ip& ip) {
  const bool v6 = ip.source.is_v6();
  size_t minimum = 0;
  bool pseudo = true;
  if (ip.protocol == 6) {
    minimum = 20;
  } else if (ip.protocol == 17) {
    minimum = 8;
  } else if (ip.protocol == 132) {
    if (ip.segment.size() < 12) return false;
    const uint32_t crc = reference_sctp_checksum(ip.segment);
    for (size_t i = 0; i < 4; ++i) {
      if (ip.segment[8 + i] != (crc >> 8 * i & 255)) return false;
    }
    return true;
  } else if (ip.protocol == (v6 ? 58 : 1)) {
    minimum = 4;
    pseudo = v6;
  } else {
    return true;
  }
  View segment = ip.segment;
  if (segment.size() < minimum) return false;
  if (ip.protocol == 17) {
    if (get16(segment, 6) == 0) return !v6;
    const size_t length = get16(segment, 4);
    if (length < 8 || length > segment.size()) return false;
    segment = segment.first(length);
  }
  const uint32_t initial =
      pseudo ? reference_pseudo_header(ip.source, ip.destination, ip.protocol, segment.size()) : 0;
  return reference_checksum(segment, initial) == 0;
}

std::string describe_segment(const Ip& ip) {
  const View s = ip.segment;
  const auto number = [](size_t value) { return std::to_string(value); };
  if (ip.protocol == 6 && s.size() >= 20) {
    std::string text = "TCP " + number(get16(s, 0)) + " > " + number(get16(s, 2)) + " ";
    for (size_t bit = 0; bit < 6; ++bit) {
      if ((s[13] >> bit & 1) != 0) text += "FSRPAU"[bit];
    }
    const size_t header = (s[12] >> 4) * 4u;
    text += " seq " + number(get32(s, 4)) + " ack " + number(get32(s, 8));
    return text + " len " + (header <= s.size() ? number(s.size() - header) : "bad");
  }
  if (ip.protocol == 17 && s.size() >= 8) {
    return "UDP " + number(get16(s, 0)) + " > " + number(get16(s, 2)) + " len " +
           number(s.size() - 8);
  }
  if (ip.protocol == 132 && s.size() >= 16) {
    return "SCTP " + number(get16(s, 0)) + " > " + number(get16(s, 2)) + " tag " +
           number(get32(s, 4)) + " chunk " + number(s[12]) + " len " + number(s.size() - 12);
  }
  if ((ip.protocol == 1 || ip.protocol == 58) && s.size() >= 8) {
    return std::string(ip.protocol == 1 ? "ICMP" : "ICMPv6") + " type " + number(s[0]) + " code " +
           number(s[1]) + " rest " + number(get32(s, 4)) + " len " + number(s.size() - 8);
  }
  return "protocol " + number(ip.protocol) + " len " + number(s.size());
}

std::string describe_ip(const Ip& ip, View packet) {
  if (!ip.whole) return "IP cut short or malformed (" + std::to_string(packet.size()) + " bytes)";
  std::string text =
      to_string(ip.source) + " > " + to_string(ip.destination) + " ttl " + std::to_string(ip.ttl);
  if (ip.fragment) text += " fragment at " + std::to_string(ip.fragment_offset);
  text += " ";
  if (ip.fragment_offset > 0) return text + "len " + std::to_string(ip.segment.size());
  return text + describe_segment(ip);
}

std::string describe_arp(View arp) {
  if (arp.size() < 28) return "ARP cut short";
  const std::string sender = to_string(get_ip(arp, 14, 4)) + " at " + to_string(get_mac(arp, 8));
  const std::string target = to_string(get_ip(arp, 24, 4));
  if (get16(arp, 6) == 1) return "ARP who has " + target + " tell " + sender;
  return "ARP " + sender + " tells " + target;
}

// Steps over the tags. False when the packet ends within them.
bool skip_ethernet(View packet, size_t& offset, unsigned& ether_type, std::string& tags) {
  if (packet.size() < 14) return false;
  offset = 14;
  ether_type = get16(packet, 12);
  while (ether_type == 0x8100) {
    if (packet.size() < offset + 4) return false;
    tags += " vlan " + std::to_string(get16(packet, offset) & 0xfff);
    ether_type = get16(packet, offset + 2);
    offset += 4;
  }
  return true;
}

}  // namespace

bool checksums_ok(View packet) {
  size_t offset = 0;
  unsigned ether_type = 0;
  std::string tags;
  if (!skip_ethernet(packet, offset, ether_type, tags)) return false;
  if (ether_type != 0x0800 && ether_type != 0x86dd) return true;
  const View rest = packet.subspan(offset);
  const Ip ip = ether_type == 0x0800 ? parse_ipv4(rest) : parse_ipv6(rest);
  return ip.whole && ip.header_ok && (ip.fragment || segment_ok(ip));
}

std::string describe(View packet) {
  size_t offset = 0;
  unsigned ether_type = 0;
  std::string tags;
  if (!skip_ethernet(packet, offset, ether_type, tags)) {
    return "frame cut short (" + std::to_string(packet.size()) + " bytes)";
  }
  const View rest = packet.subspan(offset);
  const std::string link =
      to_string(get_mac(packet, 6)) + " > " + to_string(get_mac(packet, 0)) + tags + " ";
  if (ether_type == 0x0800) return link + describe_ip(parse_ipv4(rest), rest);
  if (ether_type == 0x86dd) return link + describe_ip(parse_ipv6(rest), rest);
  if (ether_type == 0x0806) return link + describe_arp(rest);
  return link + "ether type " + std::to_string(ether_type) + " len " + std::to_string(rest.size());
}

}  // namespace vipgate::test
