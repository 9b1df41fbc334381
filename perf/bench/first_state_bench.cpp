// The first state of a cluster, from the bytes of its SUBSCRIBED to the snapshot that answers all
// names, on one thread: how long each part takes. The cluster is the one that
// tests/support/fake_mesos/generate.py makes up: ten tasks an app, a VIP for each app.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

// Each part in CPU seconds; all but `receive` comes after the last byte.
void first_state(benchmark::State& bench) {
  const auto tasks = static_cast<size_t>(bench.range(0));
  const std::string stream_bytes = make_stream(tasks);
  const std::string_view bytes = stream_bytes;
  const size_t last = (bytes.size() - 1) / kPiece * kPiece;
  for (auto _ : bench) {
    const Config config = make_config();
    Sink sink;
    Reconciler reconciler(
        config, sink, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        parallel_ring_runner());
    if (!reconciler.apply(config, 0)) std::abort();
    VipAllocator allocator(config.named_vips);
    MesosCluster cluster{MesosClusterOptions{}};
    MesosView view(config, 0, allocator);
    auto state_store = StateStore::open("none", "");
    MesosStore store(**state_store, "mesos");
    std::optional<MesosEvent> subscribed;
    MesosParser parser;
    MesosStreamCounters counters;
    MesosStream stream(size_t{4} << 30, parser, counters, [&](MesosEvent event, int64_t) {
      subscribed = std::move(event);
      return true;
    });
    Stopwatch watch;
    const auto lap = [&](const char* name) { bench.counters[name] = watch.lap(); };
    watch.lap();
    for (size_t at = 0; at < last; at += kPiece) stream.feed(bytes.substr(at, kPiece));
    lap("receive");
    stream.feed(bytes.substr(last));
    if (!subscribed) std::abort();
    lap("1_parse");
    cluster.apply(std::move(*subscribed), 0);
    subscribed.reset();
    MesosChanges changes = cluster.take_changes();
    if (changes.tasks.size() != tasks) std::abort();
    lap("2_cluster");
    SourceChange change = view.update(cluster, changes);
    if (change.services.size() != tasks / kTasksPerApp) std::abort();
    lap("3_view");
    store.mark(std::move(changes), cluster);
    lap("4_mark");
    reconciler.stage({Origin::kMesos, 0}, std::move(change));
    lap("5_stage");
    if (!reconciler.commit(1, 0)) std::abort();
    lap("6_commit");
    while (reconciler.is_pending()) {
      if (!reconciler.tick(1)) std::abort();
    }
    lap("7_names");
    bench.counters["names"] = static_cast<double>(reconciler.dns_table().names());
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  bench.counters["peak_mb"] = static_cast<double>(usage.ru_maxrss) / 1024;
}
BENCHMARK(first_state)->Arg(50'000)->Arg(400'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vipgate
