// Which tracked flows an operator wants to see of the running workers, and what these have of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/service.h"
#include "common/snapshot.h"

namespace vipgate {

// What is left out matches everything.
struct FlowQuestion {
  std::optional<IpPrefix> source{}, destination{};  // the client; the VIP
  std::optional<uint16_t> source_port{}, destination_port{};
  std::optional<IpAddress> real{};
  std::optional<uint16_t> real_port{};
  std::optional<Protocol> protocol{};
  std::optional<FlowState> state{};
  std::optional<std::string> service{};  // its name
  std::optional<uint32_t> worker{};
  uint32_t limit = 100;  // of the flows that are told, per worker and in all; 1 to kFlowListMost
};
inline constexpr uint32_t kFlowListMost = 10'000;

struct ListedFlow {
  uint32_t worker = 0;
  Protocol protocol = Protocol::kTcp;
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
  std::string service;            // empty: it is gone
  std::optional<IpAddress> real;  // none: it is gone, and nothing else of the flow is kept
  uint16_t real_port = 0;
  std::optional<IpAddress> snat;  // the source that the real sees; none: the client's own
  uint16_t snat_port = 0;
  FlowState state = FlowState::kFree;
  uint32_t expires_ms = 0;          // if nothing comes; in steps of 250
  std::optional<uint32_t> idle_ms;  // since its last packet, in such steps; its service is known
};

// Flows that came or moved while the tables were looked at may be missing or there twice.
struct FlowList {
  std::vector<ListedFlow> flows;  // at most as many as wanted
  uint64_t matched = 0;           // that there are
  uint64_t looked_at = 0;
};

}  // namespace vipgate
