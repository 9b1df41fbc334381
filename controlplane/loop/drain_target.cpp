#include "controlplane/loop/drain_target.h"

#include "common/address_and_port.h"

namespace vipgate {

Result<DrainTarget> parse_drain_target(std::string_view text) {
  if (const auto address = parse_ip_address(text)) return DrainTarget{*address, 0};
  const auto both = parse_address_and_port(text);
  if (!both) {
    return Error{"'" + std::string(text) +
                 "' is no real; write its address, or address and port: 10.0.0.5, 10.0.0.5:8080, "
                 "[fd00::5]:8080"};
  }
  return DrainTarget{both->address, both->port};
}

std::string to_string(const DrainTarget& target) {
  return target.port == 0 ? to_string(target.address)
                          : endpoint_to_string(target.address, target.port);
}

}  // namespace vipgate
