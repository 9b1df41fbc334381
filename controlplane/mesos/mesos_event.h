// What a cluster tells, parsed: the currency between a MesosSource's thread and the control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/mesos/mesos_types.h"

namespace vipgate {

// An item that could not be read and was left out.
struct MesosSkipped {
  std::string where;  // "task 'redis.1'", "agent 'S3'"
  std::string why;
  bool operator==(const MesosSkipped&) const = default;
};

// The whole cluster: SUBSCRIBED, GET_STATE, or v0 /state.
struct MesosState {
  std::vector<MesosAgent> agents;
  // Agents that registered with the master before the present one, and not with this one yet: their
  // tasks are missing here, not gone.
  std::vector<SharedText> recovered_agent_ids;
  std::vector<MesosFramework> frameworks;
  std::vector<MesosTask> tasks;     // those with a terminal state are left out
  std::string leader;               // v0 only: "master@10.0.0.1:5050"; else empty
  double heartbeat_interval_s = 0;  // SUBSCRIBED only; 0: not told
  std::vector<MesosSkipped> skipped;
};

struct MesosTaskAdded {
  MesosTask task;
};
// Only state and status: all else is known from when the task was added.
struct MesosTaskUpdated {
  MesosTaskKey key;
  MesosTaskState state = MesosTaskState::kUnknown;
  MesosTaskStatus status;
};
struct MesosAgentAdded {
  MesosAgent agent;
};
struct MesosAgentRemoved {
  SharedText agent_id;
};
// FRAMEWORK_ADDED and FRAMEWORK_UPDATED.
struct MesosFrameworkAdded {
  MesosFramework framework;
};
struct MesosFrameworkRemoved {
  SharedText framework_id;
};
struct MesosHeartbeat {};
// A type that this version does not know.
struct MesosUnknownEvent {
  std::string type;
};

struct MesosSubscribed {
  MesosState state;
};

using MesosEvent = std::variant<MesosSubscribed, MesosTaskAdded, MesosTaskUpdated, MesosAgentAdded,
                                MesosAgentRemoved, MesosFrameworkAdded, MesosFrameworkRemoved,
                                MesosHeartbeat, MesosUnknownEvent>;

constexpr uint16_t kMesosMasterPort = 5050;

// A master that is known, in the order of the configuration or of ZooKeeper.
struct MesosMaster {
  std::string ip;
  uint16_t port = kMesosMasterPort;
  bool operator==(const MesosMaster&) const = default;
};

// Who leads, and who else there is: for the records `leader`, `master` and `masterN`.
struct MesosMasters {
  std::optional<MesosMaster> leader;
  std::vector<MesosMaster> masters;
  bool operator==(const MesosMasters&) const = default;
};

// Whether a source is in touch with its cluster.
struct MesosLink {
  bool connected = false;
  std::string detail;  // why not, or with whom: one sentence
};

// What comes out of a source's queue.
struct MesosInput {
  size_t cluster = 0;  // position in Config::mesos
  // MesosState: a sweep (GET_STATE, /state).
  std::variant<MesosEvent, MesosState, MesosMasters, MesosLink> what;
  int64_t received_ns = 0;  // steady clock, when its last byte had come
  int64_t asked_ns = 0;     // of a sweep: steady clock, when it was asked for
};

}  // namespace vipgate
