// The services that are served as the API tells of them.
#pragma once

#include <string>

#include "controlplane/dns_compiler.h"
#include "controlplane/model.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {

// Empty: whatever it is.
struct ServiceFilter {
  std::string name;
  std::string origin;  // "yaml", "rest", "mesos"
};

// {"services":[…]}, by VIP, port and protocol; those that are leaving among them, as "leaving".
std::string model_text(const Model& model, const RestServices& made, const DnsOptions& dns,
                       const ServiceFilter& filter);

// One of them; empty: there is none of that id.
std::string model_text(const Model& model, const RestServices& made, const DnsOptions& dns,
                       const std::string& id);

}  // namespace vipgate
