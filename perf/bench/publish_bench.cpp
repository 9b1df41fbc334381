// What a publish costs the control thread, by the number of services there are: from a document
// that the API was given, a move of a task, or a health check's verdict, to the published snapshot.
// Two reals each. HTTP, the disk and the workers are left out.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/feeds/feeds.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/json_document.h"
#include "controlplane/rest/rest_feed.h"
#include "perf/bench/gateway_setup.h"

namespace vipgate {
namespace {

constexpr uint32_t kMostServices = 100'000;
constexpr uint32_t kReals = 2;

Config bench_config() {
  Config config = gateway_config();
  config.store = "none";
  config.limits.services = config.limits.dns_names = 2 * kMostServices;
  config.limits.reals = 2 * kReals * kMostServices;
  return config;
}

IpAddress vip_of(uint32_t i) { return Ipv4Address{Be32(0x0b000000 + i)}; }
IpAddress real_of(uint32_t i, uint32_t r) {
  return Ipv4Address{Be32(0x0a010000 + (i * kReals + r) % 2000)};
}

// So that others' memory does not count: what the process has.
double resident_mb() {
  std::ifstream file("/proc/self/statm");
  size_t pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

// A gateway of which all services come from the API.
class ApiGateway {
 public:
  explicit ApiGateway(uint32_t services)
      : reconciler_(
            bench_config(), sink_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
            parallel_ring_runner()) {
    auto feeds = Feeds::create(bench_config(), reconciler_, sink_);
    if (!feeds || !reconciler_.apply(bench_config(), 0)) std::abort();
    feeds_ = std::move(*feeds);
    put_all(services, 1);
  }

  static std::string text(uint32_t i, uint32_t weight) {
    std::string reals;
    for (uint32_t r = 0; r < kReals; ++r) {
      reals += (r == 0 ? "" : ",") + std::string(R"({"address":")") + to_string(real_of(i, r)) +
               R"(","port":8080,"weight":)" + std::to_string(r == 0 ? weight : 1) + "}";
    }
    return R"({"name":"s)" + std::to_string(i) + R"(","vip":")" + to_string(vip_of(i)) +
           R"(","port":80,"reals":[)" + reals + "]}";
  }
  static std::string list_text(uint32_t services, uint32_t weight) {
    std::string all = "[";
    for (uint32_t i = 0; i < services; ++i) all += (i == 0 ? "" : ",") + text(i, weight);
    return all + "]";
  }
  static YamlNodePtr list(uint32_t services, uint32_t weight) {
    return read(list_text(services, weight));
  }
  static YamlNodePtr read(const std::string& text) {
    Diagnostics diagnostics("body");
    return read_json(text, diagnostics);
  }

  // Each change differs from those before it, those of earlier repetitions among them.
  uint32_t next_round() { return round_++; }
  void put_all(uint32_t services, uint32_t weight) { put_all(list(services, weight)); }
  void put_all(const YamlNodePtr& list) {
    finish(rest().services().plan_all(list, rest().config()));
  }
  // The same from its text, told apart: the document's tree; what it changes of what there is; all
  // that is staged of it; up to the snapshot that the workers get; the names, and what else
  // follows.
  void put_all_in_parts(const std::string& text, std::array<double, 5>& seconds) {
    Stopwatch watch;
    watch.lap();
    const YamlNodePtr list = read(text);
    seconds[0] += watch.lap();
    auto plan = rest().services().plan_all(list, rest().config());
    seconds[1] += watch.lap();
    bool is_published = false;
    sink_.on_publish = [&] {
      if (!std::exchange(is_published, true)) seconds[3] += watch.lap();
    };
    finish(std::move(plan), [&] { seconds[2] += watch.lap(); });
    sink_.on_publish = [] {};
    seconds[4] += watch.lap();
  }
  void put(uint32_t i, uint32_t weight) {
    finish(rest().services().plan_one(read(text(i, weight)), "", rest().config()));
  }
  void remove(uint32_t i) {
    finish(rest().services().plan_removal(to_string(vip_of(i)) + ":80:tcp", rest().config()));
  }

 private:
  RestFeed& rest() { return feeds_->rest(); }
  // As the control loop does.
  void finish(
      RestResult<RestPlan> planned, const std::function<void()>& on_staged = [] {}) {
    bool is_done = false;
    rest().apply(std::get<RestPlan>(std::move(planned)),
                 [&](const RestResult<Done>& outcome) { is_done = outcome.index() == 0; });
    on_staged();
    while (!is_done || reconciler_.is_pending()) {
      now_ms_ = std::max(now_ms_ + 100, monotonic_ms());
      feeds_->act(now_ms_);
      if (!reconciler_.tick(now_ms_ / 1000)) std::abort();
      feeds_->act(now_ms_);
    }
  }

  Sink sink_;
  Reconciler reconciler_;
  std::unique_ptr<Feeds> feeds_;
  int64_t now_ms_ = monotonic_ms();
  uint32_t round_ = 0;
};

// One for all benchmarks with so many services, which follow each other.
ApiGateway& api_gateway(uint32_t services) {
  static std::pair<uint32_t, std::unique_ptr<ApiGateway>> last;
  if (last.first != services) {
    last.second.reset();
    last = {services, std::make_unique<ApiGateway>(services)};
  }
  return *last.second;
}

// A PUT of one service.
void rest_one(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  ApiGateway& gateway = api_gateway(services);
  for (auto _ : state) {
    const uint32_t round = gateway.next_round();
    gateway.put(round * 7919 % services, 2 + round / services % 2);
  }
  state.counters["resident_mb"] = resident_mb();
}

// One comes, its name follows, and it goes.
void rest_come_and_go(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  ApiGateway& gateway = api_gateway(services);
  for (auto _ : state) {
    gateway.put(services, 1);
    gateway.remove(services);
  }
}

// A PUT of all of them, each changed.
void rest_batch(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  ApiGateway& gateway = api_gateway(services);
  const std::vector<YamlNodePtr> lists = {ApiGateway::list(services, 4),
                                          ApiGateway::list(services, 5)};
  for (auto _ : state) gateway.put_all(lists[gateway.next_round() % 2]);
}

// The same from the text of the request, in parts; CPU microseconds.
void rest_batch_parts(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  ApiGateway& gateway = api_gateway(services);
  constexpr std::array kNames = {"1_parse_us", "2_plan_us", "3_stage_us", "4_compile_us",
                                 "5_names_us"};
  std::array<double, kNames.size()> seconds{};
  for (auto _ : state) {
    state.PauseTiming();
    const std::string text = ApiGateway::list_text(services, 4 + gateway.next_round() % 2);
    state.ResumeTiming();
    gateway.put_all_in_parts(text, seconds);
  }
  for (size_t i = 0; i < seconds.size(); ++i) {
    state.counters[kNames[i]] = seconds[i] * 1e6 / static_cast<double>(state.iterations());
  }
}

// A gateway whose services come from a cluster and are checked.
class CheckedGateway {
 public:
  explicit CheckedGateway(uint32_t services)
      : reconciler_(
            bench_config(), sink_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
            parallel_ring_runner()) {
    if (!reconciler_.apply(bench_config(), 0)) std::abort();
    SourceChange change;
    for (uint32_t i = 0; i < services; ++i) change.services.emplace(key(i), service(i, 0));
    commit(std::move(change));
    static_cast<void>(reconciler_.take_health_changes());
  }

  static ServiceKey key(uint32_t i) { return {vip_of(i), 80, Protocol::kTcp}; }
  static RealKey real(uint32_t i, uint32_t r, uint32_t moved) {
    return {real_of(i, r), static_cast<uint16_t>(31'000 + (r == 0 ? moved : 0))};
  }
  static ServiceConfig service(uint32_t i, uint32_t moved) {
    ServiceConfig config;
    config.origin = Origin::kMesos;
    config.name = "app-" + std::to_string(i) + ".marathon";
    config.vip = vip_of(i);
    config.port = 80;
    config.health.type = HealthType::kTcp;
    config.timeouts.drain_s = 0;
    for (uint32_t r = 0; r < kReals; ++r) {
      config.reals.push_back({real(i, r, moved).address, real(i, r, moved).port, 1, {}});
    }
    return config;
  }

  uint32_t next_round() { return round_++; }
  void verdict(uint32_t i, RealHealth health) {
    reconciler_.stage_health(key(i), real(i, 1, 0), health);
    commit({});
  }
  void move(uint32_t i, uint32_t moved) {
    SourceChange change;
    change.services.emplace(key(i), service(i, moved));
    commit(std::move(change));
  }

 private:
  void commit(SourceChange change) {
    reconciler_.stage({Origin::kMesos, 0}, std::move(change));
    ++now_s_;
    if (!reconciler_.commit(now_s_, 0)) std::abort();
    while (reconciler_.is_pending()) {
      if (!reconciler_.tick(now_s_)) std::abort();
    }
  }

  Sink sink_;
  Reconciler reconciler_;
  int64_t now_s_ = 0;
  uint32_t round_ = 0;
};

CheckedGateway& checked_gateway(uint32_t services) {
  static std::pair<uint32_t, std::unique_ptr<CheckedGateway>> last;
  if (last.first != services) {
    last.second.reset();
    last = {services, std::make_unique<CheckedGateway>(services)};
  }
  return *last.second;
}

// A real goes down, or comes up again.
void health_one(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  CheckedGateway& gateway = checked_gateway(services);
  for (auto _ : state) {
    const uint32_t round = gateway.next_round();
    const bool is_down = round / services % 2 == 0;
    gateway.verdict(round * 7919 % services, is_down ? RealHealth::kDown : RealHealth::kUp);
  }
  state.counters["resident_mb"] = resident_mb();
}

// A task of a service moves.
void task_one(benchmark::State& state) {
  const auto services = static_cast<uint32_t>(state.range(0));
  CheckedGateway& gateway = checked_gateway(services);
  for (auto _ : state) {
    const uint32_t round = gateway.next_round();
    gateway.move(round * 7919 % services, 1 + round / services % 2);
  }
}

int register_all() {
  for (const int64_t services : {1'000, 10'000, 100'000}) {
    const auto add = [&](const char* name, void (*run)(benchmark::State&)) {
      return benchmark::RegisterBenchmark(name, run)->Arg(services)->MinTime(0.3);
    };
    add("rest_one", rest_one)->Unit(benchmark::kMicrosecond);
    add("rest_come_and_go", rest_come_and_go)->Unit(benchmark::kMicrosecond);
    // The lists of more take longer to make than all else.
    if (services <= 10'000) add("rest_batch", rest_batch)->Unit(benchmark::kMillisecond);
    if (services >= 10'000)
      add("rest_batch_parts", rest_batch_parts)->Unit(benchmark::kMillisecond);
    add("health_one", health_one)->Unit(benchmark::kMicrosecond);
    add("task_one", task_one)->Unit(benchmark::kMicrosecond);
  }
  return 0;
}
[[maybe_unused]] const int kRegistered = register_all();

}  // namespace
}  // namespace vipgate
