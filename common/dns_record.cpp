#include "common/dns_record.h"

namespace vipgate {
namespace {

Result<std::string> folded_wire_name(std::string_view text) {
  auto wire = dns_name_from_text(text);
  if (!wire) return wire;
  return dns_fold(*wire);
}

// RFC 1035 3.5, RFC 3596 2.5.
std::string reverse_name(const IpAddress& address) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string wire;
  const auto label = [&wire](std::string_view text) {
    wire += static_cast<char>(text.size());
    wire += text;
  };
  for (int i = address.bits() / 8 - 1; i >= 0; --i) {
    const uint8_t octet = address.bytes()[static_cast<size_t>(i)];
    if (address.is_v4()) {
      label(std::to_string(octet));
    } else {
      label({&kHex[octet & 15], 1});
      label({&kHex[octet >> 4], 1});
    }
  }
  label(address.is_v4() ? "in-addr" : "ip6");
  label("arpa");
  wire += '\0';
  return wire;
}

}  // namespace

Result<DnsRecord> dns_address_record(std::string_view owner, const IpAddress& address,
                                     uint32_t ttl_s) {
  auto wire = folded_wire_name(owner);
  if (!wire) return Error{wire.error()};
  const auto* octets = reinterpret_cast<const char*>(address.bytes().data());
  return DnsRecord{std::move(*wire), address.is_v4() ? DnsType::kA : DnsType::kAaaa, ttl_s,
                   std::string(octets, static_cast<size_t>(address.bits()) / 8)};
}

Result<DnsRecord> dns_srv_record(std::string_view owner, uint16_t priority, uint16_t weight,
                                 uint16_t port, std::string_view target, uint32_t ttl_s) {
  auto wire = folded_wire_name(owner);
  if (!wire) return Error{wire.error()};
  auto wire_target = folded_wire_name(target);
  if (!wire_target) return Error{wire_target.error()};
  DnsWriter rdata;
  rdata.u16(priority);
  rdata.u16(weight);
  rdata.u16(port);
  rdata.bytes(*wire_target);
  return DnsRecord{std::move(*wire), DnsType::kSrv, ttl_s, rdata.octets()};
}

Result<DnsRecord> dns_ptr_record(const IpAddress& address, std::string_view target,
                                 uint32_t ttl_s) {
  auto wire_target = folded_wire_name(target);
  if (!wire_target) return Error{wire_target.error()};
  return DnsRecord{reverse_name(address), DnsType::kPtr, ttl_s, std::move(*wire_target)};
}

}  // namespace vipgate
