#include "common/dns_forwarding.h"

#include "common/dns_local_zones.h"
#include "common/dns_table.h"
#include "common/siphash.h"

namespace vipgate {

const std::vector<DnsResolver>& DnsForwarding::resolvers(std::string_view name) const {
  for (const DnsForwardZone& zone : zones) {
    if (dns_is_within(name, zone.suffix)) return zone.resolvers;
  }
  return zones.back().resolvers;
}

std::string_view DnsForwarding::local_zone(std::string_view name) const {
  if (!has_local_zones) return {};
  const std::string_view zone = dns_local_zone(name);
  // The last list is that of all names.
  const bool has_servers = !zone.empty() && &resolvers(name) != &zones.back().resolvers;
  return has_servers ? std::string_view() : zone;
}

uint32_t DnsForwarding::epoch_of(const DnsForwarding& forwarding) {
  std::string text;
  for (const DnsForwardZone& zone : forwarding.zones) {
    text += zone.suffix;
    for (const DnsResolver& resolver : zone.resolvers) {
      text += endpoint_to_string(resolver.address, resolver.port);
      text += ' ';
    }
  }
  const auto* octets = reinterpret_cast<const uint8_t*>(text.data());
  return static_cast<uint32_t>(siphash24(SipKey{}, octets, text.size()));
}

bool DnsForwarding::has_zone_below(std::string_view name) const {
  for (size_t i = 0; i + 1 < zones.size(); ++i) {
    const std::string_view zone = zones[i].suffix;
    if (zone.size() > name.size() && dns_is_within(zone, name)) return true;
  }
  return false;
}

bool dns_stays_here(std::string_view name, DnsType type) {
  constexpr std::string_view kLocal[] = {std::string_view("\x09localhost\0", 11),
                                         std::string_view("\x07invalid\0", 9),
                                         std::string_view("\x05onion\0", 7)};
  for (const std::string_view suffix : kLocal) {
    if (dns_is_within(name, suffix)) return true;
  }
  // OPT, and TKEY to MAILA; ANY is a question.
  const auto number = static_cast<uint16_t>(type);
  return type == DnsType::kOpt || (number >= 249 && number <= 254);
}

}  // namespace vipgate
