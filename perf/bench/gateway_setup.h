// What benchmarks of the reconciler share: a data plane that costs nothing, and a configuration.
#pragma once

#include <time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/loop/dataplane_control.h"

namespace vipgate {

// CPU seconds since the last call; the clock of the process, so that other load counts for nothing.
class Stopwatch {
 public:
  double lap() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    const double at = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    const double taken = at - last_;
    last_ = at;
    return taken;
  }

 private:
  double last_ = 0;
};

// Workers that take every snapshot at once.
class Sink : public DataplaneControl {
 public:
  std::function<void()> on_publish = [] {};

  uint64_t publish(std::shared_ptr<const Snapshot> snapshot) override {
    on_publish();
    last_ = std::move(snapshot);
    return ++version_;
  }
  bool passed(uint64_t) const override { return true; }
  size_t reclaim() override { return 0; }
  std::vector<ForwardingPort> ports() const override { return {{MacAddress{{2}}, true}}; }
  std::string interface_name(size_t) const override { return ""; }
  std::vector<std::pair<std::string, uint64_t>> counters() const override { return {}; }
  TrafficFigures traffic_figures() const override { return {}; }
  WorkerFigures worker_figures() const override { return {}; }
  Status watch(const std::optional<WatchOptions>&) override { return Done{}; }
  WatchStatus watch_status() const override { return {}; }
  Result<Explanation> explain(const ExplainPacket&) const override { return Explanation{}; }
  Result<FlowList> flows(const FlowQuestion&) const override { return FlowList{}; }
  DnsStreamAnswer answer_dns(std::span<uint8_t>, size_t, const IpAddress&) const override {
    return {};
  }
  uint16_t answer_dns_datagram(std::span<uint8_t>, size_t, const AddressAndPort&) const override {
    return 0;
  }
  void note_wall_clock() override {}
  RealSignals real_signals(uint32_t) const override { return {}; }
  DnsRateFigures dns_rate_figures() const override { return {}; }
  std::vector<uint64_t> snat_exhausted() const override { return {}; }
  std::vector<WorkerTables> tables() const override { return {}; }
  TableFill packet_buffers() const override { return {}; }
  void count_snat_flows() override {}
  std::vector<SnatPoolUse> snat_pools() const override { return {}; }
  bool link_up(size_t) const override { return true; }
  std::vector<TunnelError> take_tunnel_errors() override { return {}; }
  size_t announce(std::span<const IpAddress> addresses) override { return addresses.size(); }

 private:
  std::shared_ptr<const Snapshot> last_;
  uint64_t version_ = 0;
};

// One port, one SNAT address, the zones of services and of tasks.
inline Config gateway_config() {
  Config config;
  PortConfig port;
  port.name = "edge";
  port.addresses = {*parse_ip_prefix("10.0.0.1/8")};
  config.ports = {port};
  config.snat_pools = {{"default", {*parse_ip_address("192.0.2.1")}, {}}};
  config.dns.zones = {{"l4lb.thisdcos.directory", true, {}, {}}, {"mesos", false, {}, {}}};
  return config;
}

}  // namespace vipgate
