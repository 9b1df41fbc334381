// Our options in the words of Mesos-DNS's (mesos-dns 11), as its /v1/config tells them.
#pragma once

#include <cstdint>
#include <string>

#include "controlplane/config/config.h"

namespace vipgate {

// Of the first cluster, at the listener `at`. Passwords and secrets are not told. What Mesos-DNS
// has and vipgate has no option for is as vipgate behaves.
std::string mesos_dns_config_text(const Config& config, const RestEndpoint& at, uint32_t serial);

// The options of the cluster at this position; the defaults if there is none.
const MesosConfig& mesos_dns_cluster(const Config& config, size_t cluster);

}  // namespace vipgate
