// What of the API's services a new one could be in conflict with, found without a look at all of
// them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/config/config_check_services.h"

namespace vipgate {

// Services by their ids. REQUIRES: they have been found good together; what is removed is as it was
// added. Owned by RestServices.
class ServiceIndex {
 public:
  void add(const std::string& id, const ServiceConfig& service);
  void remove(const std::string& id, const ServiceConfig& service);

  // Of the service with that name, family, port and protocol; nullptr: there is none.
  [[nodiscard]] const std::string* same_label(const ServiceConfig& service) const;
  // In the order of their ids, but for `replaced`: those that check_services_alone() could blame
  // `service` for. If it finds nothing wrong with these and it, it finds nothing with all.
  [[nodiscard]] std::set<std::string> rivals(const ServiceConfig& service,
                                             const std::string& replaced) const;
  // Services with that name, and those that name it as their fallback.
  [[nodiscard]] const std::set<std::string>& named(const std::string& name) const;
  [[nodiscard]] const std::set<std::string>& falling_back_on(const std::string& name) const;
  // What there is besides `service`, its rivals and the one that it replaces, which may be null.
  [[nodiscard]] ServicesBeside beside(const ServiceConfig& service,
                                      const std::vector<const ServiceConfig*>& rivals,
                                      const ServiceConfig* replaced) const;

 private:
  using Label = std::tuple<std::string, int, uint16_t, ServiceExtent, Protocol>;
  using Ranges = std::tuple<IpAddress, uint8_t, Protocol>;  // of ports, of a VIP or prefix
  using NatReal = std::tuple<IpAddress, uint16_t, Protocol>;

  static Label label_of(const ServiceConfig& service);
  static bool has_range(const ServiceConfig& service);
  static Ranges ranges_of(const ServiceConfig& service) {
    return {service.vip, service.extent.prefix_length, service.protocol};
  }

  size_t services_ = 0;
  size_t reals_ = 0;
  using IdsByName = std::map<std::string, std::set<std::string>>;
  IdsByName names_;
  IdsByName fallbacks_;  // by the name of the fallback
  std::map<Label, std::string> labels_;
  std::map<Ranges, std::map<uint16_t, std::string>> ranges_;  // by the first port
  // A real of `nat` services and who has it. All of these have the same affinity, so that one of
  // them speaks for the others.
  std::map<NatReal, std::set<std::string>> nat_reals_;
};

}  // namespace vipgate
