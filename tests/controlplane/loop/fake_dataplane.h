// A data plane that only notes what it is told.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/loop/dataplane_control.h"

namespace vipgate {

// The control loop's thread calls it, and the test's may look at it through wait_until().
class FakeDataplane : public DataplaneControl {
 public:
  uint64_t publish(std::shared_ptr<const Snapshot> snapshot) override {
    return locked<uint64_t>([&] {
      published.push_back(std::move(snapshot));
      return published.size();
    });
  }
  bool passed(uint64_t version) const override { return workers_pass || version <= passed_version; }
  size_t reclaim() override { return 0; }
  std::vector<ForwardingPort> ports() const override {
    return std::vector<ForwardingPort>(8,
                                       ForwardingPort{MacAddress{{2, 0, 0, 0, 0, 1}}, true, 1500});
  }
  std::string interface_name(size_t) const override { return ""; }
  std::vector<std::pair<std::string, uint64_t>> counters() const override {
    auto* self = const_cast<FakeDataplane*>(this);
    self->locked<int>([&] { return ++self->counters_read; });
    return {{"rx_packets", 5}};
  }
  TrafficFigures traffic_figures() const override { return traffic; }
  WorkerFigures worker_figures() const override { return figures; }
  Status watch(const std::optional<WatchOptions>& options) override {
    watches.push_back(options);
    if (watch_started && tells_watches && options && options->output) options->output->begin();
    return watch_started;
  }
  WatchStatus watch_status() const override { return watch_now; }
  Result<Explanation> explain(const ExplainPacket& packet) const override {
    return Explanation{.lines = {{"packet", to_string(packet.source)}, {"verdict", "forward"}},
                       .verdict = "forward"};
  }
  RealSignals real_signals(uint32_t real_index) const override {
    const auto found = signals.find(real_index);
    return found != signals.end() ? found->second : RealSignals{};
  }
  DnsStreamAnswer answer_dns(std::span<uint8_t>, size_t, const IpAddress&) const override {
    return {};
  }
  uint16_t answer_dns_datagram(std::span<uint8_t>, size_t, const AddressAndPort&) const override {
    return 0;
  }
  Result<FlowList> flows(const FlowQuestion& question) const override {
    return flow_list(question);
  }
  void note_wall_clock() override {}
  DnsRateFigures dns_rate_figures() const override { return dns_rates; }
  std::vector<uint64_t> snat_exhausted() const override { return exhausted; }
  std::vector<WorkerTables> tables() const override {
    auto* self = const_cast<FakeDataplane*>(this);
    return self->locked<std::vector<WorkerTables>>([&] { return worker_tables; });
  }
  TableFill packet_buffers() const override { return buffers; }
  void count_snat_flows() override {}
  std::vector<SnatPoolUse> snat_pools() const override { return pools; }
  bool link_up(size_t port) const override {
    auto* self = const_cast<FakeDataplane*>(this);
    return self->locked<bool>([&] { return ++self->links_read, !down.contains(port); });
  }
  void set_down(std::set<size_t> ports) {
    locked<int>([&] { return down = std::move(ports), 0; });
  }
  std::vector<TunnelError> take_tunnel_errors() override {
    return locked<std::vector<TunnelError>>([&] { return std::exchange(tunnel_errors, {}); });
  }
  void note_tunnel_error(const TunnelError& error) {
    locked<int>([&] { return tunnel_errors.push_back(error), 0; });
  }
  size_t announce(std::span<const IpAddress> addresses) override {
    return locked<size_t>([&] {
      ++announce_calls;
      const auto taken = addresses.first(std::min(addresses.size(), takes_announcements));
      announced.insert(announced.end(), taken.begin(), taken.end());
      return taken.size();
    });
  }

  void wait_until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, condition);
  }

  std::vector<std::shared_ptr<const Snapshot>> published;
  std::vector<IpAddress> announced;
  DnsRateFigures dns_rates;
  std::function<Result<FlowList>(const FlowQuestion&)> flow_list = [](const FlowQuestion&) {
    return FlowList{};
  };
  size_t takes_announcements = SIZE_MAX;  // at a time
  int announce_calls = 0;
  bool workers_pass = true;
  uint64_t passed_version = 0;
  int counters_read = 0;
  TrafficFigures traffic;
  WorkerFigures figures;
  std::vector<std::optional<WatchOptions>> watches;  // as they were asked for
  Status watch_started = Done{};
  WatchStatus watch_now;
  bool tells_watches = false;              // that they have begun
  std::vector<TunnelError> tunnel_errors;  // that nobody has taken
  std::set<size_t> down;                   // ports without link
  int links_read = 0;
  std::vector<WorkerTables> worker_tables;
  TableFill buffers;
  std::vector<SnatPoolUse> pools;
  std::vector<uint64_t> exhausted;          // of SNAT pools
  std::map<uint32_t, RealSignals> signals;  // by real index

 private:
  template <class T, class Function>
  T locked(const Function& function) {
    const std::lock_guard lock(mutex_);
    T result = function();
    changed_.notify_all();
    return result;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace vipgate
