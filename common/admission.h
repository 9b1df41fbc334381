// Which new flows a service takes, and what it remembers of their clients. Flows that it has are
// not asked again while their real lives.
#pragma once

#include <cstdint>
#include <vector>

#include "common/addresses.h"
#include "common/prefix_set.h"

namespace vipgate {

// As configured.
struct AdmissionRules {
  std::vector<IpPrefix> allow_sources;  // none: all
  std::vector<IpPrefix> deny_sources;   // counts more than `allow_sources`
  uint32_t new_flows_per_s = 0;         // through one gateway; 0: any number
  uint32_t max_connections = 0;         // at the same time, through one gateway; 0: any number
  // New flows of a client that was seen in this time go to the real that its last one went to; 0:
  // each goes by its row. At most kMaxTimeoutSeconds.
  uint16_t affinity_s = 0;

  // Whether nothing is to be asked.
  bool are_empty() const { return *this == AdmissionRules{}; }
  friend bool operator==(const AdmissionRules&, const AdmissionRules&) = default;
};

// As the packet path asks.
class Admission {
 public:
  explicit Admission(const AdmissionRules& rules)
      : allowed_(rules.allow_sources),
        denied_(rules.deny_sources),
        allows_all_(rules.allow_sources.empty()),
        new_flows_per_s_(rules.new_flows_per_s),
        max_connections_(rules.max_connections),
        affinity_quarters_(static_cast<uint16_t>(rules.affinity_s * 4)) {}

  template <class Address>
  bool admits(const Address& source) const {
    return (allows_all_ || allowed_.contains(source)) && !denied_.contains(source);
  }
  uint32_t new_flows_per_s() const { return new_flows_per_s_; }
  // 0: any number.
  uint32_t max_connections() const { return max_connections_; }
  // As flows count time; 0: clients are not remembered.
  uint16_t affinity_quarters() const { return affinity_quarters_; }

 private:
  PrefixSet allowed_, denied_;
  bool allows_all_;
  uint32_t new_flows_per_s_;
  uint32_t max_connections_;
  uint16_t affinity_quarters_;
};

}  // namespace vipgate
