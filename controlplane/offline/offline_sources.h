// What the sources want, without their networks: the configuration's services and, from a file,
// those of a Mesos cluster. For `compile`, `replay` and `--check`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/dns_record.h"
#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/naming/mesos_view.h"

namespace vipgate {

// A cluster as a file tells it.
struct OfflineCluster {
  MesosCluster cluster{MesosClusterOptions{}};
  std::vector<Skipped> skipped;  // what could not be read
};

// `file` is a /state document, a GET_STATE answer, or one operator-API event per line. The masters
// are those of the file and of the first entry of config.mesos.
Result<std::unique_ptr<OfflineCluster>> read_mesos_state(const std::string& file,
                                                         const Config& config);

struct OfflineSources {
  // All services with their addresses, each key once; zones of the cluster's names added.
  Config config;
  std::vector<DnsRecord> records;  // besides those of the services
  std::vector<Skipped> skipped;    // sorted
};
// `cluster` may be null. `lookup`: see MesosView.
Result<OfflineSources> offline_sources(const Config& config, OfflineCluster* cluster,
                                       const HostLookup& lookup);

}  // namespace vipgate
