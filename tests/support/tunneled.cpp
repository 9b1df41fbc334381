#include "tests/support/tunneled.h"

#include <algorithm>
#include <stdexcept>

namespace vipgate::test {
namespace {

// Reads from the front; what is not there is an error.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : rest_(bytes) {}
  std::span<const uint8_t> take(size_t count) {
    if (count > rest_.size()) throw std::invalid_argument("the frame is cut short");
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  unsigned u8() { return take(1)[0]; }
  unsigned u16() {
    const unsigned high = u8();
    return high << 8 | u8();
  }
  uint32_t u32() {
    const uint32_t high = u16();
    return high << 16 | u16();
  }
  MacAddress mac() {
    MacAddress value;
    std::ranges::copy(take(6), value.bytes.begin());
    return value;
  }
  Ipv4Address v4() { return Ipv4Address{Be32(u32())}; }
  Ipv6Address v6() {
    Ipv6Address value;
    std::ranges::copy(take(16), value.bytes.begin());
    return value;
  }
  std::span<const uint8_t> rest() const { return rest_; }

 private:
  std::span<const uint8_t> rest_;
};

void require_form(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

unsigned open_link(Cursor& at, Tunneled& out) {
  out.destination_mac = at.mac();
  out.source_mac = at.mac();
  unsigned type = at.u16();
  if (type == 0x8100) {
    out.vlan = static_cast<uint16_t>(at.u16() & 0xfff);
    type = at.u16();
  }
  return type;
}

void open_ipv4(Cursor& at, Tunneled& out) {
  const size_t available = at.rest().size();
  require_form(at.u8() == 0x45, "the outer IPv4 header is not one of 20 bytes");
  out.tos = static_cast<uint8_t>(at.u8());
  require_form(at.u16() == available, "the outer total length is not the frame's");
  out.ip_id = static_cast<uint16_t>(at.u16());
  out.fragment_bits = static_cast<uint16_t>(at.u16());
  out.ttl = static_cast<uint8_t>(at.u8());
  out.protocol = static_cast<uint8_t>(at.u8());
  at.u16();
  out.source = at.v4();
  out.destination = at.v4();
}

void open_ipv6(Cursor& at, Tunneled& out) {
  const uint32_t first = at.u32();
  require_form(first >> 28 == 6, "the outer version is not 6");
  out.tos = static_cast<uint8_t>(first >> 20);
  const unsigned length = at.u16();
  out.protocol = static_cast<uint8_t>(at.u8());
  out.ttl = static_cast<uint8_t>(at.u8());
  out.source = at.v6();
  out.destination = at.v6();
  require_form(length == at.rest().size(), "the outer payload length is not the frame's");
}

// Returns the protocol of what is inside: 4 or 41.
unsigned open_gue(Cursor& at, Tunneled& out) {
  const size_t available = at.rest().size();
  out.source_port = static_cast<uint16_t>(at.u16());
  out.destination_port = static_cast<uint16_t>(at.u16());
  require_form(at.u16() == available, "the UDP length is not the frame's");
  out.udp_checksum = static_cast<uint16_t>(at.u16());
  // Variant 1 has no header: its two bits are the first of IP's version.
  const unsigned version = at.rest()[0] >> 6;
  if (version == 1) {
    out.gue_variant = 1;
    return at.rest()[0] >> 4 == 4 ? 4 : 41;
  }
  require_form(version == 0, "the GUE version is neither 0 nor 1");
  out.gue_variant = 0;
  const unsigned first = at.u8();
  require_form((first & 0x20) == 0, "it is a GUE control message");
  const unsigned protocol = at.u8();
  require_form(at.u16() == 0, "GUE flags are set");
  const unsigned words = first & 0x1f;
  if (words == 0) return protocol;
  require_form(at.u16() == 0, "the type of GLB's private data is not 0");
  require_form(at.u8() == 0, "the next-hop index is not 0");
  const unsigned count = at.u8();
  require_form(count + 1 == words, "the GUE header's length is not that of its hops");
  out.hops.emplace();
  for (unsigned i = 0; i < count; ++i) out.hops->push_back(at.v4());
  return protocol;
}

unsigned open_gre(Cursor& at) {
  require_form(at.u16() == 0, "GRE flags are set");
  const unsigned type = at.u16();
  require_form(type == 0x0800 || type == 0x86dd, "GRE carries no IP");
  return type == 0x0800 ? 4 : 41;
}

}  // namespace

Tunneled open_tunnel(std::span<const uint8_t> frame) {
  Tunneled out;
  Cursor at(frame);
  const unsigned type = open_link(at, out);
  require_form(type == 0x0800 || type == 0x86dd, "the frame is not IP");
  type == 0x0800 ? open_ipv4(at, out) : open_ipv6(at, out);
  unsigned inside = out.protocol;
  if (out.protocol == 17) inside = open_gue(at, out);
  if (out.protocol == 47) inside = open_gre(at);
  require_form(inside == 4 || inside == 41, "there is no IP in the tunnel");
  out.inner.assign(at.rest().begin(), at.rest().end());
  require_form(!out.inner.empty() && out.inner[0] >> 4 == (inside == 4 ? 4 : 6),
               "the inner packet is not of the protocol that is named");
  return out;
}

Bytes ip_packet(std::span<const uint8_t> frame) {
  Tunneled link;
  Cursor at(frame);
  const unsigned type = open_link(at, link);
  require_form(type == 0x0800 || type == 0x86dd, "the frame is not IP");
  const auto rest = at.rest();
  const size_t length = type == 0x0800 ? rest[2] * 256u + rest[3] : 40 + rest[4] * 256u + rest[5];
  const auto packet = at.take(length);
  return {packet.begin(), packet.end()};
}

}  // namespace vipgate::test
