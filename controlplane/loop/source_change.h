// What a source of services says: the currency between the sources (YAML, Mesos, REST) and the
// reconciler. A service's VIP is an address by now: names have been through the VipAllocator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/dns_record.h"
#include "common/dns_record_list.h"
#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

// Several of an origin: clusters, by their position in the configuration.
struct SourceId {
  Origin origin = Origin::kYaml;
  size_t instance = 0;
  friend auto operator<=>(const SourceId&, const SourceId&) = default;
};

struct SourceChange {
  // Each service that changed: as this source wants it now, or nothing when it no longer has it.
  std::map<ServiceKey, std::optional<ServiceConfig>> services;
  // Of `services`, those that fall back on another one when they have no real.
  std::map<ServiceKey, ServiceKey> fallbacks;
  // Records that lead to no VIP (task, agent, master names) and so wait for no forwarding. A record
  // may be added several times and is there until it was removed as often.
  DnsRecordList records_added;
  std::vector<DnsRecord> records_removed;
  bool empty() const {
    return services.empty() && records_added.empty() && records_removed.empty();
  }
};

}  // namespace vipgate
