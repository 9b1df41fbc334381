// The first state of a cluster, from the bytes of its SUBSCRIBED to the snapshot that answers all
// names, on one thread: how long each part takes. The cluster is the one that
// tests/support/fake_mesos/generate.py makes up: ten tasks an app, a VIP for each app.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/feeds/mesos_store.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/mesos/mesos_stream.h"
#include "controlplane/naming/mesos_view.h"
#include "perf/bench/gateway_setup.h"

namespace vipgate {
namespace {

constexpr size_t kAgents = 2000;
constexpr size_t kTasksPerApp = 10;
constexpr size_t kPiece = 65536;  // as the HTTP client hands them over
constexpr std::string_view kCluster = "30257977-0153-499d-a5b0-35afd842ef4d";

Config make_config() {
  Config config = gateway_config();
  config.mesos.emplace_back();
  config.limits = {.services = 200'000, .reals = 2'000'000, .dns_names = 8'000'000};
  return config;
}

std::string quoted_id(std::string_view key, std::string_view value) {
  return std::string("\"").append(key).append("\":{\"value\":\"").append(value).append("\"}");
}

std::string status_json(std::string_view id, std::string_view agent, std::string_view address,
                        std::string_view state, std::string_view digest) {
  std::string text = "{" + quoted_id("task_id", id) + ",\"state\":\"";
  text.append(state).append("\",\"source\":\"SOURCE_EXECUTOR\",");
  text += quoted_id("agent_id", agent) + "," + quoted_id("executor_id", id);
  text += ",\"timestamp\":160000000";
  text += state == "TASK_RUNNING" ? "1.25" : "0.25";
  text += R"(,"uuid":"pFEwaqaivo/XzUTcX5URrg==","container_status":{)";
  text += quoted_id("container_id", digest);
  text += R"(,"network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":")";
  text.append(address).append("\"}]}]}}");
  return text;
}

std::string agent_address(size_t agent) {
  return "10.64." + std::to_string((agent + 1) >> 8) + "." + std::to_string((agent + 1) & 255);
}

std::string agent_id(size_t agent) { return std::string(kCluster) + "-S" + std::to_string(agent); }

// The index-th task to be told of, of app `app`.
std::string task_json(size_t index, size_t number, size_t app, bool has_vip) {
  char digest[33];
  std::snprintf(digest, sizeof digest, "%016llx%016llx",
                static_cast<unsigned long long>(number * 0x9e3779b97f4a7c15),
                static_cast<unsigned long long>(number * 0xbf58476d1ce4e5b9));
  const std::string_view hex(digest, 32);
  const std::string name = "app-" + std::to_string(app);
  const std::string id = name + "." + std::string(hex.substr(0, 8)) + "-" +
                         std::string(hex.substr(8, 4)) + "-11e8-" + std::string(hex.substr(12, 4)) +
                         "-" + std::string(hex.substr(16, 12));
  const size_t agent = index * 667 % kAgents;
  const std::string port = std::to_string(31000 + index / kAgents);
  std::string text = R"({"name":")" + name + "\"," + quoted_id("task_id", id) + "," +
                     quoted_id("framework_id", std::string(kCluster) + "-0000") + "," +
                     quoted_id("agent_id", agent_id(agent)) + R"(,"state":"TASK_RUNNING",)";
  constexpr std::string_view kRole = R"("allocation_info":{"role":"slave_public"}})";
  text += R"("resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},)";
  text.append(kRole) += R"(,{"name":"mem","type":"SCALAR","scalar":{"value":128.0},)";
  text.append(kRole) += R"(,{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":)" + port +
                        ",\"end\":" + port + "}]},";
  text.append(kRole) += R"(],"discovery":{"visibility":"FRAMEWORK","name":")" + name +
                        R"(","ports":{"ports":[{"number":)" + port +
                        R"(,"name":"http","protocol":"tcp")";
  if (has_vip) text += R"(,"labels":{"labels":[{"key":"VIP_0","value":"/)" + name + R"(:80"}]})";
  text += R"(}]}},"container":{"type":"DOCKER","docker":{"image":"app","network":"HOST",)"
          R"("privileged":false,"force_pull_image":false}},"statuses":[)";
  text += status_json(id, agent_id(agent), agent_address(agent), "TASK_STARTING", hex) + ",";
  text += status_json(id, agent_id(agent), agent_address(agent), "TASK_RUNNING", hex) + "]}";
  return text;
}

std::string agent_json(size_t agent) {
  const std::string address = agent_address(agent);
  return R"({"agent_info":{"hostname":")" + address + R"(","port":5051,)" +
         quoted_id("id", agent_id(agent)) +
         R"(,"domain":{"fault_domain":{"region":{"name":"region-1"},"zone":{"name":"zone-)" +
         std::to_string(agent % 3) + R"("}}}},"active":true,"pid":"slave(1)@)" + address +
         R"(:5051","total_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":4.0}}]})";
}

std::string make_stream(size_t tasks) {
  std::vector<size_t> order(tasks);
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  const size_t apps = tasks / kTasksPerApp;
  std::string json = R"({"type":"SUBSCRIBED","subscribed":{"get_state":{"get_tasks":{"tasks":[)";
  for (size_t i = 0; i < tasks; ++i) {
    if (i != 0) json += ',';
    json += task_json(i, order[i], order[i] % apps, true);
  }
  json += R"(]},"get_executors":{},"get_frameworks":{"frameworks":[{"framework_info":{)"
          R"("user":"root","name":"marathon",)" +
          quoted_id("id", std::string(kCluster) + "-0000") +
          R"(,"hostname":"127.0.0.1"},"active":true}]},"get_agents":{"agents":[)";
  for (size_t i = 0; i < kAgents; ++i) {
    if (i != 0) json += ',';
    json += agent_json(i);
  }
  json += R"(]}},"heartbeat_interval_seconds":15.0}})";
  return std::to_string(json.size()) + "\n" + json;
}

// A gateway without network, workers and disk, before it has a state.
class Gateway {
 public:
  Gateway() {
    if (!reconciler_.apply(config_, 0)) std::abort();
  }

  // Each part in CPU seconds; all but `receive` comes after the last byte. A function by itself for
  // perf/instructions.
  [[gnu::noinline]] void serve_first_state(benchmark::State& bench, std::string_view bytes,
                                           size_t tasks) {
    const size_t last = (bytes.size() - 1) / kPiece * kPiece;
    Stopwatch watch;
    const auto lap = [&](const char* name) { bench.counters[name] = watch.lap(); };
    watch.lap();
    for (size_t at = 0; at < last; at += kPiece) stream_.feed(bytes.substr(at, kPiece));
    lap("receive");
    stream_.feed(bytes.substr(last));
    if (!subscribed_) std::abort();
    lap("1_parse");
    cluster_.apply(std::move(*subscribed_), 0);
    subscribed_.reset();
    MesosChanges changes = cluster_.take_changes();
    if (changes.tasks.size() != tasks) std::abort();
    lap("2_cluster");
    SourceChange change = view_.update(cluster_, changes);
    if (change.services.size() != tasks / kTasksPerApp) std::abort();
    lap("3_view");
    store_.mark(std::move(changes), cluster_);
    lap("4_mark");
    reconciler_.stage({Origin::kMesos, 0}, std::move(change));
    lap("5_stage");
    if (!reconciler_.commit(1, 0)) std::abort();
    lap("6_commit");
    while (reconciler_.is_pending()) {
      if (!reconciler_.tick(1)) std::abort();
    }
    lap("7_names");
    bench.counters["names"] = static_cast<double>(reconciler_.dns_table().names());
  }

 private:
  const Config config_ = make_config();
  Sink sink_;
  // All on this thread.
  Reconciler reconciler_{
      config_, sink_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{}, {}};
  VipAllocator allocator_{config_.named_vips};
  MesosCluster cluster_{MesosClusterOptions{}};
  MesosView view_{config_, 0, allocator_};
  Result<std::unique_ptr<StateStore>> state_store_ = StateStore::open("none", "");
  MesosStore store_{**state_store_, "mesos"};
  std::optional<MesosEvent> subscribed_;
  MesosParser parser_;
  MesosStreamCounters counters_;
  MesosStream stream_{size_t{4} << 30, parser_, counters_, [this](MesosEvent event, int64_t) {
                        subscribed_ = std::move(event);
                        return true;
                      }};
};

void first_state(benchmark::State& bench) {
  const auto tasks = static_cast<size_t>(bench.range(0));
  const std::string bytes = make_stream(tasks);
  for (auto _ : bench) {
    const auto gateway = std::make_unique<Gateway>();
    gateway->serve_first_state(bench, bytes, tasks);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  bench.counters["peak_mb"] = static_cast<double>(usage.ru_maxrss) / 1024;
}
BENCHMARK(first_state)->Arg(50'000)->Arg(400'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vipgate
