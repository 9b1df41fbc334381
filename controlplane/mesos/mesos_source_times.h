// The times of a MesosSource, apart so that tests need not wait for them.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/mesos_source.h"
#include "controlplane/mesos/zk_leader.h"

namespace vipgate {

struct MesosSourceTimes {
  std::chrono::milliseconds connect{5'000};  // each of: resolving, connecting, TLS
  // From the request to the answer's head: a big cluster's state takes its master a while.
  std::chrono::milliseconds answer{30'000};
  // Between heartbeats, until SUBSCRIBED says how much it is.
  std::chrono::milliseconds heartbeat{15'000};
  int missed_heartbeats = 3;  // in a row: the stream is dead
  std::chrono::milliseconds backoff_min{2'000};
  std::chrono::milliseconds backoff_max{30'000};
  // Where SUBSCRIBE was refused: after so long, it is tried again.
  std::chrono::milliseconds resubscribe{600'000};
  // Negative: as configured.
  std::chrono::milliseconds sweep{-1};
  std::chrono::milliseconds poll{-1};
  ZkLeader::Times zookeeper;
};

// MesosSource::start() with other times.
Result<std::unique_ptr<MesosSource>> start_mesos_source(const MesosConfig& config, size_t cluster,
                                                        MesosQueue& queue,
                                                        const MesosSourceTimes& times);

}  // namespace vipgate
