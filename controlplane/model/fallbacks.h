// Which service another one falls back on when it has no real: `no_real: {fallback: NAME}`.
#pragma once

#include <cstddef>
#include <map>
#include <string_view>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

// Of one configuration, which must outlive it.
class Fallbacks {
 public:
  explicit Fallbacks(const Config& config);

  // Position in config.services of the service that the one at `index` falls back on. A name may
  // stand for several: it is the one of the same family and protocol; of several such, the one with
  // the same port. An error says what is wrong with the name.
  // REQUIRES: the service's no_real is kFallback.
  Result<size_t> find(size_t index) const;

 private:
  const Config& config_;
  std::multimap<std::string_view, size_t> by_name_;
};

// All that there are, by service. REQUIRES: the configuration was checked.
[[nodiscard]] std::map<ServiceKey, ServiceKey> fallbacks_of(const Config& config);

}  // namespace vipgate
