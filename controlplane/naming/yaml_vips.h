// The services of the configuration and of the API, and the VipAllocator: gives `vip: auto` its
// address, and keeps the addresses that are written down from being given to other names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/config/config.h"
#include "controlplane/model/model.h"
#include "controlplane/naming/vip_allocator.h"

namespace vipgate {

// Owned and called by the control thread.
class YamlVips {
 public:
  // REQUIRES: that `config` was read and checked. To be called for each configuration that comes
  // into force, in order. An error: a range has no address left, or an address that is written down
  // is another name's.
  Status resolve(Config& config, VipAllocator& allocator);

  // What resolve() of all services would do when one of the API's comes, goes or is another one:
  // null is none. REQUIRES: `before` is as it was resolved.
  void change(const ServiceConfig* before, const ServiceConfig* after, VipAllocator& allocator);
  // The address that `after` would have by change(), as long as it is plain that no other service's
  // address would change with it; any, if there is no `after`. Nothing: resolve() of all tells.
  [[nodiscard]] std::optional<IpAddress> address_alone(const ServiceConfig* before,
                                                       const ServiceConfig* after,
                                                       const VipAllocator& allocator) const;

 private:
  using Name = std::pair<std::string, int>;  // of a family
  // Where a service stands: the file's by their position, behind them the API's by their keys.
  using Place = std::pair<size_t, ServiceKey>;
  struct Use {
    std::map<Place, IpAddress> pins;  // the last one counts
    size_t wanted = 0;                // services with `vip: auto`
    [[nodiscard]] std::optional<IpAddress> pinned() const;
  };
  using Uses = std::map<Name, Use>;

  static std::optional<Name> name_of(const ServiceConfig& service);
  static void add(Uses& uses, const ServiceConfig& service, size_t position);
  static void remove(Uses& uses, const ServiceConfig& service);
  static void settle(const Uses& before, const Uses& after, VipAllocator& allocator);
  [[nodiscard]] Uses uses_of(const ServiceConfig* before, const ServiceConfig* after) const;

  Uses uses_;
};

}  // namespace vipgate
