// What a cluster of Mesos costs: its state as JSON and RecordIO, parsed; then kept, event by event.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/mesos/mesos_parser.h"
#include "controlplane/mesos/recordio.h"

namespace vipgate {
namespace {

constexpr size_t kTasksPerAgent = 25;
constexpr std::string_view kCluster = "52b1358f-044b-4382-8b05-d972166ff18f";
constexpr std::string_view kFramework = "52b1358f-044b-4382-8b05-d972166ff18f-0002";

MesosTask make_task(size_t i) {
  const std::string number = std::to_string(i);
  MesosTask task;
  task.name = "app-" + std::to_string(i / 10);
  task.id = task.name + ".0ef76549-2630-11e8-af52-" + std::to_string(100'000'000'000 + i);
  task.framework_id = kFramework;
  task.agent_id = std::string(kCluster) + "-S" + std::to_string(i / kTasksPerAgent);
  task.state = MesosTaskState::kRunning;
  MesosTaskStatus status;
  status.state = MesosTaskState::kRunning;
  status.timestamp_s = 1521177819.0087 + static_cast<double>(i);
  const std::string ip = "10." + std::to_string(i >> 16 & 0xff) + "." +
                         std::to_string(i >> 8 & 0xff) + "." + std::to_string(i & 0xff);
  status.networks = {{{ip}, "", {}}};
  task.statuses = {status};
  const auto port = static_cast<uint32_t>(31000 + i % 1000);
  task.discovery =
      MesosDiscovery{task.name, {{port, "http", "tcp", {{"VIP_0", "/" + task.name + ":80"}}}}};
  task.container = MesosContainerType::kMesos;
  task.resource_ports = {{port, port}};
  return task;
}

MesosAgent make_agent(size_t i) {
  return {std::string(kCluster) + "-S" + std::to_string(i), "host-" + std::to_string(i),
          "slave(1)@10.200." + std::to_string(i >> 8) + "." + std::to_string(i & 0xff) + ":5051",
          "eu", "eu-1a"};
}

MesosState make_state(size_t tasks) {
  MesosState state;
  state.frameworks = {{std::string(kFramework), "marathon", "", "10.0.0.1"}};
  for (size_t i = 0; i < (tasks + kTasksPerAgent - 1) / kTasksPerAgent; ++i) {
    state.agents.push_back(make_agent(i));
  }
  for (size_t i = 0; i < tasks; ++i) state.tasks.push_back(make_task(i));
  return state;
}

// A SUBSCRIBED record. What Mesos tells beside what we read is as long as in a recorded one.
std::string make_subscribed(size_t tasks) {
  const MesosState state = make_state(tasks);
  std::string json = R"({"type":"SUBSCRIBED","subscribed":{"get_state":{"get_tasks":{"tasks":[)";
  for (const MesosTask& task : state.tasks) {
    std::string text = to_json(task);
    text.back() = ',';
    json += text;
    json += R"("executor_id":{"value":"app__2531276d-e8fb-46ed-9f24-e1900d9b60f8"},)"
            R"("status_update_state":"TASK_RUNNING","status_update_uuid":)"
            R"("I2DqP9X9QlOhXb61wiMeVw==","user":"nobody","command":{"shell":false,)"
            R"("environment":{"variables":[{"name":"A","type":"VALUE","value":"1.25"}]}}},)";
  }
  json.back() = ']';
  json += R"(},"get_frameworks":{"frameworks":[)" + to_json(state.frameworks[0]) +
          R"(]},"get_agents":{"agents":[)";
  for (const MesosAgent& agent : state.agents) json += to_json(agent) + ',';
  json.back() = ']';
  return json + R"(}},"heartbeat_interval_seconds":15.0}})";
}

void parse_subscribed(benchmark::State& bench) {
  const auto tasks = static_cast<size_t>(bench.range(0));
  std::string json = make_subscribed(tasks);
  const size_t size = json.size();
  json.resize(size + PaddedJson::kPadding);
  MesosParser parser;
  for (auto _ : bench) {
    auto event = parser.parse_event(PaddedJson{{json.data(), size}});
    if (!event || std::get<MesosSubscribed>(*event).state.tasks.size() != tasks) std::abort();
    benchmark::DoNotOptimize(event);
  }
  bench.SetBytesProcessed(static_cast<int64_t>(bench.iterations() * size));
}
BENCHMARK(parse_subscribed)->Arg(50'000)->Arg(400'000)->Unit(benchmark::kMillisecond);

// As it comes from the network.
void frame_subscribed(benchmark::State& bench) {
  const std::string json = make_subscribed(static_cast<size_t>(bench.range(0)));
  const std::string stream = std::to_string(json.size()) + "\n" + json;
  constexpr size_t kPiece = 65536;
  for (auto _ : bench) {
    RecordIoDecoder decoder(size_t{1} << 30);
    for (size_t at = 0; at < stream.size(); at += kPiece) {
      decoder.feed(std::string_view(stream).substr(at, kPiece));
      auto record = decoder.next();
      benchmark::DoNotOptimize(record);
    }
  }
  bench.SetBytesProcessed(static_cast<int64_t>(bench.iterations() * stream.size()));
}
BENCHMARK(frame_subscribed)->Arg(50'000)->Unit(benchmark::kMillisecond);

void parse_update(benchmark::State& bench) {
  const std::string json =
      R"({"type":"TASK_UPDATED","task_updated":{"framework_id":{"value":")" +
      std::string(kFramework) +
      R"("},"status":{"task_id":{"value":"docker-on-bridge.0ef76549-2630-11e8-af52-70b3d5800001"},)"
      R"("state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","agent_id":{"value":"S0"},)"
      R"("timestamp":1520884850.64141,"uuid":"5vx6i1n4SE6OIYFSUa3DKg==","container_status":)"
      R"({"network_infos":[{"ip_addresses":[{"protocol":"IPv4","ip_address":"172.18.0.2"}]}]}},)"
      R"("state":"TASK_RUNNING"}})";
  MesosParser parser;
  for (auto _ : bench) {
    auto event = parser.parse_event(json);
    benchmark::DoNotOptimize(event);
  }
}
BENCHMARK(parse_update);

// A whole state into a cluster that is empty, and the same once more.
void apply_subscribed(benchmark::State& bench) {
  const auto tasks = static_cast<size_t>(bench.range(0));
  double bytes = 0;
  for (auto _ : bench) {
    bench.PauseTiming();
    malloc_trim(0);
    const auto before = mallinfo2();
    auto cluster = std::make_unique<MesosCluster>(MesosClusterOptions{});
    MesosSubscribed event{make_state(tasks)};
    bench.ResumeTiming();
    cluster->apply(std::move(event), 0);
    auto changes = cluster->take_changes();
    bench.PauseTiming();
    if (changes.tasks.size() != tasks) std::abort();
    changes = {};
    const auto after = mallinfo2();
    bytes = static_cast<double>(after.uordblks + after.hblkhd) -
            static_cast<double>(before.uordblks + before.hblkhd);
    cluster.reset();
    bench.ResumeTiming();
  }
  bench.counters["bytes_per_task"] = bytes / static_cast<double>(tasks);
}
BENCHMARK(apply_subscribed)->Arg(50'000)->Arg(400'000)->Unit(benchmark::kMillisecond);

void apply_same_sweep(benchmark::State& bench) {
  const auto tasks = static_cast<size_t>(bench.range(0));
  MesosCluster cluster{MesosClusterOptions{}};
  cluster.apply(MesosSubscribed{make_state(tasks)}, 0);
  (void)cluster.take_changes();
  for (auto _ : bench) {
    bench.PauseTiming();
    MesosState state = make_state(tasks);
    bench.ResumeTiming();
    cluster.apply_sweep(std::move(state), 1, 1);
    if (!cluster.take_changes().empty()) std::abort();
  }
}
BENCHMARK(apply_same_sweep)->Arg(50'000)->Arg(400'000)->Unit(benchmark::kMillisecond);

void apply_update(benchmark::State& bench) {
  const auto tasks = static_cast<size_t>(bench.range(0));
  MesosCluster cluster{MesosClusterOptions{}};
  cluster.apply(MesosSubscribed{make_state(tasks)}, 0);
  (void)cluster.take_changes();
  const MesosTask task = make_task(tasks / 2);
  MesosTaskUpdated update{task.key(), MesosTaskState::kRunning, task.statuses[0]};
  for (auto _ : bench) {
    update.status.timestamp_s += 1;
    cluster.apply(update, 1);
    auto changes = cluster.take_changes();
    benchmark::DoNotOptimize(changes);
  }
}
BENCHMARK(apply_update)->Arg(50'000)->Arg(400'000);

}  // namespace
}  // namespace vipgate
