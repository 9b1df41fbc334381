// Which VIPs a framework may have by labels: the configuration's ranges and claim rules.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/addresses.h"
#include "controlplane/config/config.h"
#include "controlplane/naming/vip_labels.h"

namespace vipgate {

// Made from a configuration that outlives it; never changed: any thread may ask.
class VipPolicy {
 public:
  explicit VipPolicy(const Config& config);

  // Why not; nothing: it may. `full_name`: cleaned, "redis.marathon"; for a target that is a name.
  std::optional<std::string> refusal(const VipTarget& target, const std::string& framework,
                                     const std::string& full_name) const;

 private:
  std::optional<std::string> address_refusal(const IpAddress& address) const;

  const NamedVipsConfig& named_vips_;
  size_t longest_zone_ = 0;  // of those that names are put below
  std::set<IpAddress> own_;  // addresses that have another use
};

}  // namespace vipgate
