#include "controlplane/dns/fed_zones.h"

#include <string>

#include "common/dns_table.h"
#include "common/dns_wire.h"
#include "controlplane/naming/mesos_dns_records.h"

namespace vipgate {
namespace {

// A zone below another one takes the names there from it.
bool is_within(std::string_view zone, std::string_view outer) {
  const auto name = dns_name_from_text(outer);
  return name && dns_is_within(zone, dns_fold(*name));
}

}  // namespace

bool is_fed_by(const Config& config, size_t cluster, std::string_view zone) {
  const MesosConfig& mesos = config.mesos[cluster];
  if (is_within(zone, mesos.domain) || is_within(zone, kDcosZone)) return true;
  const bool is_reverse = is_within(zone, "in-addr.arpa") || is_within(zone, "ip6.arpa");
  if (is_reverse && mesos.ptr) return true;
  if (!config.named_vips.enabled) return false;
  if (is_reverse) return config.dns.ptr;
  const ZoneConfig* services = services_zone(config);
  if (services == nullptr) return false;
  return is_within(zone, services->name);
}

}  // namespace vipgate
