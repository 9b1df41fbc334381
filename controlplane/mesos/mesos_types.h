// What we know of a Mesos cluster, in the words of its operator API v1. Plain values; made by
// mesos_parser.h from any of the forms that Mesos speaks (v1 events and GET_STATE, v0 /state).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/mesos/shared_text.h"

namespace vipgate {

enum class MesosTaskState : uint8_t {
  kStaging,
  kStarting,
  kRunning,
  kKilling,
  kFinished,
  kFailed,
  kKilled,
  kError,
  kLost,
  kDropped,
  kUnreachable,
  kGone,
  kGoneByOperator,
  kUnknown,
};

// "TASK_RUNNING". What is not known is kUnknown.
MesosTaskState mesos_task_state(std::string_view text);
std::string_view to_string(MesosTaskState state);
// A state that the master never leaves.
bool is_terminal(MesosTaskState state);

struct MesosLabel {
  std::string key;
  std::string value;
  bool operator==(const MesosLabel&) const = default;
};

struct MesosPortMapping {
  uint32_t host_port = 0;
  uint32_t container_port = 0;
  std::string protocol;  // as written; empty: tcp
  bool operator==(const MesosPortMapping&) const = default;
};

struct MesosNetworkInfo {
  std::vector<std::string> ip_addresses;
  std::string ip_address;  // the single one of Mesos 0.25
  std::vector<MesosPortMapping> port_mappings;
  bool operator==(const MesosNetworkInfo&) const = default;
};

struct MesosTaskStatus {
  MesosTaskState state = MesosTaskState::kUnknown;
  double timestamp_s = 0;  // of the agent's clock
  std::optional<bool> healthy;
  std::vector<MesosLabel> labels;
  std::vector<MesosNetworkInfo> networks;  // of container_status
  bool operator==(const MesosTaskStatus&) const = default;
};

struct MesosDiscoveryPort {
  std::optional<uint32_t> number;
  std::string name;
  std::optional<std::string> protocol;  // as written; absent is not the same as empty
  std::vector<MesosLabel> labels;
  bool operator==(const MesosDiscoveryPort&) const = default;
};

struct MesosDiscovery {
  std::string name;
  std::vector<MesosDiscoveryPort> ports;
  bool operator==(const MesosDiscovery&) const = default;
};

enum class MesosContainerType : uint8_t { kNone, kMesos, kDocker };

struct MesosTaskKey {
  SharedText framework_id;
  SharedText task_id;
  // The task first: frameworks are few, and long to compare.
  friend bool operator==(const MesosTaskKey& a, const MesosTaskKey& b) {
    return a.task_id == b.task_id && a.framework_id == b.framework_id;
  }
  friend std::strong_ordering operator<=>(const MesosTaskKey& a, const MesosTaskKey& b) {
    const auto order = a.task_id <=> b.task_id;
    return order != 0 ? order : a.framework_id <=> b.framework_id;
  }
};
// As std::sort(), of very many.
void sort_task_keys(std::vector<MesosTaskKey>& keys);

struct MesosTask {
  SharedText id;
  std::string name;
  SharedText framework_id;
  SharedText agent_id;
  MesosTaskState state = MesosTaskState::kUnknown;
  bool has_health_check = false;
  MesosContainerType container = MesosContainerType::kNone;
  std::vector<MesosTaskStatus> statuses;
  std::vector<MesosLabel> labels;
  std::optional<MesosDiscovery> discovery;
  std::vector<MesosPortMapping> docker_port_mappings;         // container.docker
  std::vector<MesosPortMapping> network_port_mappings;        // container.network_infos, joined
  std::vector<std::pair<uint32_t, uint32_t>> resource_ports;  // inclusive ranges, in order

  MesosTaskKey key() const { return {framework_id, id}; }
  bool operator==(const MesosTask&) const = default;
};

struct MesosAgent {
  SharedText id;
  std::string hostname;
  std::string pid;     // "slave(1)@10.0.0.1:5051"; empty: not told
  std::string region;  // of its fault domain; empty: none
  std::string zone;
  bool operator==(const MesosAgent&) const = default;
};

struct MesosFramework {
  SharedText id;
  std::string name;
  std::string pid;  // empty: a scheduler that uses the HTTP API
  std::string hostname;
  bool operator==(const MesosFramework&) const = default;
};

}  // namespace vipgate
