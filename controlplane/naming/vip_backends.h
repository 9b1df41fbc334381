// Which backends a task has behind which VIPs (named-vips 4-6). Pure but for host_addresses() and
// agent_addresses(), whose look-up of host names is the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/mesos/mesos_types.h"
#include "controlplane/naming/vip_labels.h"

namespace vipgate {

// Of ports as Mesos' JSON has them: any 32-bit number.
inline constexpr uint32_t kMaxPort = std::numeric_limits<uint16_t>::max();

// The addresses of a host name, at once or not at all: what asks a server must not be called here.
using HostLookup = std::function<std::vector<IpAddress>(const std::string& host)>;

// "slave(1)@[2001:db8::1]:5051"
struct MesosPid {
  std::string host;
  uint16_t port = 0;
};
std::optional<MesosPid> parse_pid(std::string_view pid);

// An address as text as itself; an IPv4-mapped IPv6 address counts as IPv4; anything else through
// `lookup`, which may be empty.
std::vector<IpAddress> host_addresses(const std::string& host, const HostLookup& lookup);
std::optional<IpAddress> parse_task_address(std::string_view text);

// Of the pid, or else of the host name: empty when neither is an address or has one.
std::vector<IpAddress> agent_addresses(const MesosAgent& agent, const HostLookup& lookup);

// The status with the greatest time stamp; nullptr: it has none.
const MesosTaskStatus* latest_status(const MesosTask& task);
// The latest that is RUNNING, of equals the first; nullptr: there is none.
const MesosTaskStatus* running_status(const MesosTask& task);
// 1 or 0 (no new flows); nothing: the task has no backends in this state.
std::optional<uint16_t> task_weight(const MesosTask& task);

// A port that a task is reached by. `host_port`: on the agent's addresses; else `port` on its own.
struct TaskPort {
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;       // 0: not told
  uint16_t host_port = 0;  // 0: none
  std::vector<VipTarget> vips;
};

struct BadItem {
  std::string item;  // the label's text, or the port's
  std::string why;
  bool operator==(const BadItem&) const = default;
};

// All sources of ports, joined. What is bad costs itself alone.
std::vector<TaskPort> task_ports(const MesosTask& task, std::vector<BadItem>& bad);

struct VipBackend {
  VipTarget vip;
  Protocol protocol = Protocol::kTcp;
  IpAddress address;
  uint16_t port = 0;
  uint16_t weight = 0;
  friend bool operator==(const VipBackend&, const VipBackend&) = default;
};

// In the order of ports, labels, addresses; an IP VIP has only those of its family. `on_agent`: the
// addresses of the task's agent.
std::vector<VipBackend> vip_backends(const MesosTask& task, const std::vector<IpAddress>& on_agent,
                                     std::vector<BadItem>& bad);
// Those that a task is about to have, with the weight 1: of one that is staging or starting, as far
// as its addresses are known by now, which is where its ports are its agent's.
std::vector<VipBackend> coming_vip_backends(const MesosTask& task,
                                            const std::vector<IpAddress>& on_agent);

}  // namespace vipgate
