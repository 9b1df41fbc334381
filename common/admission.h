// Which new flows a service takes. Flows that it has are not asked again while their real lives.
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

  bool admits_all() const {
    return allow_sources.empty() && deny_sources.empty() && new_flows_per_s == 0;
  }
  friend bool operator==(const AdmissionRules&, const AdmissionRules&) = default;
};

// As the packet path asks.
class Admission {
 public:
  explicit Admission(const AdmissionRules& rules)
      : allowed_(rules.allow_sources),
        denied_(rules.deny_sources),
        allows_all_(rules.allow_sources.empty()),
        new_flows_per_s_(rules.new_flows_per_s) {}

  template <class Address>
  bool admits(const Address& source) const {
    return (allows_all_ || allowed_.contains(source)) && !denied_.contains(source);
  }
  uint32_t new_flows_per_s() const { return new_flows_per_s_; }

 private:
  PrefixSet allowed_, denied_;
  bool allows_all_;
  uint32_t new_flows_per_s_;
};

}  // namespace vipgate
