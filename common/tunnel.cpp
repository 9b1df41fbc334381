#include "common/tunnel.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "common/checksum.h"

namespace vipgate {
namespace {

constexpr uint8_t kOuterTtl = 64;

// Appends headers to a block, front to back.
class Headers {
 public:
  template <class Header>
  void add(const Header& header) {
    assert(length_ + sizeof header <= bytes_.size());
    std::memcpy(bytes_.data() + length_, &header, sizeof header);
    length_ += sizeof header;
  }
  size_t length() const { return length_; }
  const uint8_t* data() const { return bytes_.data(); }

 private:
  std::array<uint8_t, TunnelHeader::kMaxLength> bytes_{};
  size_t length_ = 0;
};

void add_ethernet(Headers& headers, const TunnelWay& way) {
  const Be16 type(way.real.is_v4() ? kEtherTypeIpv4 : kEtherTypeIpv6);
  if (way.vlan == 0) return headers.add(EthernetHeader{way.next_hop, way.port_mac, type});
  headers.add(EthernetHeader{way.next_hop, way.port_mac, Be16(kEtherTypeVlan)});
  headers.add(VlanTag{Be16(way.vlan), type});
}

uint8_t inner_protocol(int family) { return family == 4 ? kProtocolIpv4 : kProtocolIpv6; }

void add_ip(Headers& headers, const TunnelOptions& options, const TunnelWay& way,
            uint8_t protocol) {
  if (way.real.is_v4()) {
    return headers.add(Ipv4Header{.version_ihl = 0x45,
                                  .tos = 0,
                                  .total_length = Be16{},
                                  .id = Be16{},
                                  .fragment = Be16(Ipv4Header::kDontFragment),
                                  .ttl = kOuterTtl,
                                  .protocol = protocol,
                                  .checksum = Be16{},
                                  .source = options.source_ipv4.address.v4(),
                                  .destination = way.real.v4()});
  }
  headers.add(Ipv6Header{.version_class_flow = Be32(6u << 28),
                         .payload_length = Be16{},
                         .next_header = protocol,
                         .hop_limit = kOuterTtl,
                         .source = options.source_ipv6.address.v6(),
                         .destination = way.real.v6()});
}

// Of the low 32 bits of an address, those that lie behind the prefix.
uint32_t host_mask(const IpPrefix& prefix) {
  const int bits = std::min(32, prefix.address.bits() - prefix.length);
  return static_cast<uint32_t>((uint64_t{1} << bits) - 1);
}

Be32 low_bits(const IpAddress& address) {
  return load<Be32>(address.bytes().data() + address.bits() / 8 - 4);
}

// The longest packet that may go into the tunnel. An IPv6 packet of 1280 bytes must: its sender
// would not make it shorter (RFC 8200 5), and who forges an error could else cut it off.
uint16_t longest_inner(const TunnelWay& way, uint16_t outer_length, int inner_family) {
  constexpr int kLeastIpv6Mtu = 1280;
  const int path = std::max(way.path_mtu - outer_length, inner_family == 6 ? kLeastIpv6Mtu : 0);
  return static_cast<uint16_t>(std::clamp(way.mtu - outer_length, 0, path));
}

}  // namespace

uint8_t tunnel_protocol(Mode mode, int inner_family) {
  if (mode == Mode::kGre) return kProtocolGre;
  return mode == Mode::kGue ? kProtocolUdp : inner_protocol(inner_family);
}

uint16_t tunnel_port(const TunnelOptions& options) {
  if (options.gue_port != 0) return options.gue_port;
  return options.gue_hops != 0 ? kGlbPort : kGuePort;
}

TunnelHeader make_tunnel_header(Mode mode, int inner_family, const TunnelOptions& options,
                                const TunnelWay& way) {
  assert(is_tunnel(mode));
  const bool is_v4 = way.real.is_v4();
  const bool is_gue = mode == Mode::kGue;
  Headers headers;
  add_ethernet(headers, way);
  const size_t l2_length = headers.length();
  add_ip(headers, options, way, tunnel_protocol(mode, inner_family));
  const size_t l4_at = headers.length();
  if (is_gue) headers.add(UdpHeader{Be16{}, Be16(tunnel_port(options)), Be16{}, Be16{}});
  if (is_gue && options.gue_variant == 0) {
    headers.add(GueHeader{
        .version_control_length = 0, .protocol = inner_protocol(inner_family), .flags = Be16{}});
  }
  if (mode == Mode::kGre) {
    headers.add(GreHeader{.flags_version = Be16{},
                          .protocol = Be16(inner_family == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6)});
  }

  TunnelHeader tunnel;
  std::memcpy(tunnel.bytes.data() + tunnel.bytes.size() - headers.length(), headers.data(),
              headers.length());
  tunnel.length = static_cast<uint8_t>(headers.length());
  tunnel.outer_length = static_cast<uint8_t>(headers.length() - l2_length);
  tunnel.outer_family = is_v4 ? 4 : 6;
  tunnel.is_udp = is_gue;
  tunnel.has_udp_checksum = is_gue && !is_v4 && !options.gue_zero_checksum;
  tunnel.has_gue_header = is_gue && options.gue_variant == 0;
  if (options.dscp != kCopyDscp) {
    tunnel.class_mask = 3;  // ECN
    tunnel.class_base = static_cast<uint8_t>(options.dscp << 2);
  }
  tunnel.max_inner = longest_inner(way, tunnel.outer_length, inner_family);
  const IpPrefix& source = is_v4 ? options.source_ipv4 : options.source_ipv6;
  tunnel.source_mask = Be32(host_mask(source));
  tunnel.source_base = Be32(low_bits(source.address).host() & ~host_mask(source));
  // The low bits of the source are added with the packet's.
  const auto* source_low = reinterpret_cast<const uint8_t*>(&tunnel.source_base);
  const uint16_t without_source = ones_negate(ones_fold(ones_sum(source_low, 4)));
  if (is_v4) {
    tunnel.sum = ones_add(ones_fold(ones_sum(headers.data() + l2_length, sizeof(Ipv4Header))),
                          without_source);
  } else if (tunnel.has_udp_checksum) {
    Ipv6Header ip;
    std::memcpy(&ip, headers.data() + l2_length, sizeof ip);
    uint64_t sum = pseudo_header_sum(ip, kProtocolUdp, 0);
    sum = ones_sum(headers.data() + l4_at, headers.length() - l4_at, sum);
    tunnel.sum = ones_add(ones_fold(sum), without_source);
  }
  return tunnel;
}

}  // namespace vipgate
