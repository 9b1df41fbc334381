// The two forms of VIP labels and the grammar of their values (named-vips 1). Pure functions: any
// thread may call. Values come from whoever deploys a task: an error is about that label alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/addresses.h"
#include "common/result.h"
#include "common/service.h"
#include "controlplane/mesos/mesos_types.h"

namespace vipgate {

// What a label asks for: a name's VIP, or an address.
struct VipTarget {
  std::string name;  // cleaned, without the framework; empty: `address` counts
  IpAddress address;
  uint16_t port = 0;
  friend bool operator==(const VipTarget&, const VipTarget&) = default;
};

// `<what>:<port>`: a name, an IPv4 address, an IPv6 address with or without brackets.
Result<VipTarget> parse_vip_value(std::string_view value);

// Of a discovery port: `VIP…` or `vip…`.
bool is_vip_key(std::string_view key);

// Of a task: `vip_port<N>: tcp://<what>:<port>`, in any case of the key.
struct TaskVipLabel {
  size_t port_index = 0;  // into the task's `ports` resource
  Protocol protocol = Protocol::kTcp;
  VipTarget target;
};
// Nothing: it is no VIP label.
std::optional<Result<TaskVipLabel>> parse_task_vip_label(const MesosLabel& label);

// "tcp" or "udp" in any case, and no list of both.
std::optional<Protocol> parse_vip_protocol(std::string_view text);

}  // namespace vipgate
