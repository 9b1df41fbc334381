// The services that are served as the API tells of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "controlplane/dns/dns_compiler.h"
#include "controlplane/model/model.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {

// Empty: whatever it is.
struct ServiceFilter {
  std::string name;
  std::string origin;  // "yaml", "rest", "mesos"
};

// {"services":[…]}, by VIP, port and protocol; those that are leaving among them, as "leaving".
// Made a part at a time.
struct ServiceListing {
  std::string text = "{\"services\":[";
  std::optional<ServiceKey> last{};  // that was looked at
};

// Adds the next services to `listing`; looks at about `most` reals. False: those were the last
// ones, and the text is whole. On the control thread.
bool list_services(const Model& model, const RestServices& made, const DnsOptions& dns,
                   const ServiceFilter& filter, ServiceListing& listing, size_t most);

// One of them; empty: there is none of that id.
std::string model_text(const Model& model, const RestServices& made, const DnsOptions& dns,
                       const std::string& id);

}  // namespace vipgate
