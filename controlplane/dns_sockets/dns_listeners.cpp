#include "controlplane/dns_sockets/dns_listeners.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/dns_policy.h"
#include "common/dns_wire.h"
#include "common/kernel_address.h"
#include "controlplane/dns/dns_policy_compiler.h"

namespace vipgate {
namespace {

IpPrefix as_host(const IpAddress& address) { return {address, address.bits()}; }

}  // namespace

std::string dns_interface(const IpAddress& address, const std::vector<PortConfig>& ports,
                          const std::vector<std::string>& interfaces) {
  std::string first;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (interfaces[i].empty()) continue;
    const auto& prefixes = ports[i].addresses;
    const bool is_home = std::any_of(prefixes.begin(), prefixes.end(), [&](const IpPrefix& prefix) {
      return prefix.contains(address);
    });
    if (is_home) return interfaces[i];
    if (first.empty()) first = interfaces[i];
  }
  return first;
}

DnsListeners::~DnsListeners() {
  for (const auto& [address, interface] : held_) {
    const Status status = remove_kernel_address(interface, as_host(address));
    if (!status) spdlog::warn("dns.listen: {}", status.error());
  }
}

NamedCounters DnsListeners::counters() const {
  NamedCounters counters = server_.counters();
  for (auto& counter : datagrams_.counters()) counters.push_back(std::move(counter));
  return counters;
}

void DnsListeners::follow_resolvers(const Config& config, const std::set<RealKey>& down_resolvers) {
  if (down_resolvers != down_resolvers_) set_forwarding(config, down_resolvers);
}

void DnsListeners::set_forwarding(const Config& config, const std::set<RealKey>& down_resolvers) {
  DnsForwarding forwarding = dns_policy_of(config).forwarding;
  leave_out(forwarding, down_resolvers);
  server_.set_forwarding(forwarding);
  down_resolvers_ = down_resolvers;
}

void DnsListeners::follow(const Config& config, const std::set<RealKey>& down_resolvers) {
  const std::set<IpAddress> wanted(config.dns.listen.begin(), config.dns.listen.end());
  std::vector<AddressAndPort> endpoints;
  for (const IpAddress& address : wanted) {
    if (!held_.contains(address)) {
      const std::string interface = dns_interface(address, config.ports, interfaces_);
      if (interface.empty()) {
        spdlog::warn(
            "dns.listen: {} is not answered over TCP, nor where a question comes in fragments: no "
            "port has a kernel side",
            to_string(address));
        continue;
      }
      const Status status =
          add_kernel_address(interface, as_host(address), KernelAddressUse::kListen);
      // Somebody may have put it there: whether it is the kernel's shows when it is listened on.
      if (status.ok()) {
        held_.emplace(address, interface);
      } else {
        spdlog::warn("dns.listen: {}", status.error());
      }
    }
    endpoints.push_back({address, kDnsPort.host()});
  }
  server_.set_limits(config.dns.tcp);
  set_forwarding(config, down_resolvers);
  for (const std::string& fault : server_.listen(endpoints)) {
    spdlog::warn("dns.listen: {}", fault);
  }
  for (const std::string& fault : datagrams_.listen(endpoints)) {
    spdlog::warn("dns.listen: {}", fault);
  }
  for (auto held = held_.begin(); held != held_.end();) {
    if (wanted.contains(held->first)) {
      ++held;
      continue;
    }
    const Status status = remove_kernel_address(held->second, as_host(held->first));
    if (!status) spdlog::warn("dns.listen: {}", status.error());
    held = held_.erase(held);
  }
}

}  // namespace vipgate
