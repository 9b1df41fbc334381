// The composition root: reads the command line, builds the two rooms and joins them. With
// replay_command.cpp the only file that sees both.
#include <malloc.h>
#include <sched.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/config/config_reader.h"
#include "controlplane/exit_status.h"
#include "controlplane/logging.h"
#include "controlplane/loop/control_loop.h"
#include "controlplane/model/snat_layout.h"
#include "controlplane/naming/hosts_file.h"
#include "controlplane/offline/compile_command.h"
#include "controlplane/offline/explain_command.h"
#include "controlplane/offline/replay_command.h"
#include "controlplane/worker_sizes.h"
#include "dataplane/cpu_check.h"
#include "dataplane/dataplane.h"

namespace vipgate {
namespace {

class DataplaneAdapter : public DataplaneControl {
 public:
  DataplaneAdapter(Dataplane& dataplane, const Config& config) : dataplane_(dataplane) {
    for (size_t i = 0; i < config.ports.size(); ++i) {
      ports_.push_back({dataplane.mac(i), config.ports[i].kernel, dataplane.mtu(i)});
    }
  }

  uint64_t publish(std::shared_ptr<const Snapshot> snapshot) override {
    return dataplane_.publish(std::move(snapshot));
  }
  bool passed(uint64_t version) const override { return dataplane_.passed(version); }
  size_t reclaim() override { return dataplane_.reclaim(); }
  std::vector<ForwardingPort> ports() const override { return ports_; }
  std::string interface_name(size_t port) const override { return dataplane_.interface_name(port); }
  NamedCounters counters() const override { return dataplane_.counters(); }
  TrafficFigures traffic_figures() const override { return dataplane_.traffic_figures(); }
  WorkerFigures worker_figures() const override { return dataplane_.worker_figures(); }
  Status watch(const std::optional<WatchOptions>& options) override {
    if (options) return dataplane_.watch(*options);
    dataplane_.stop_watching();
    return Done{};
  }
  WatchStatus watch_status() const override { return dataplane_.watch_status(); }
  Result<Explanation> explain(const ExplainPacket& packet) const override {
    return dataplane_.explain(packet);
  }
  RealSignals real_signals(uint32_t real_index) const override {
    return dataplane_.real_signals(real_index);
  }
  DnsStreamAnswer answer_dns(std::span<uint8_t> message, size_t length,
                             const IpAddress& client) const override {
    return dataplane_.answer_dns(message, length, client);
  }
  uint16_t answer_dns_datagram(std::span<uint8_t> message, size_t length,
                               const AddressAndPort& client) const override {
    return dataplane_.answer_dns_datagram(message, length, client);
  }
  Result<FlowList> flows(const FlowQuestion& question) const override {
    return dataplane_.flows(question);
  }
  void note_wall_clock() override { dataplane_.note_wall_clock(); }
  DnsRateFigures dns_rate_figures() const override { return dataplane_.dns_rate_figures(); }
  std::vector<uint64_t> snat_exhausted() const override { return dataplane_.snat_exhausted(); }
  std::vector<WorkerTables> tables() const override { return dataplane_.tables(); }
  TableFill packet_buffers() const override { return dataplane_.packet_buffers(); }
  void count_snat_flows() override { dataplane_.count_snat_flows(); }
  std::vector<SnatPoolUse> snat_pools() const override { return dataplane_.snat_pools(); }
  bool link_up(size_t port) const override { return dataplane_.link_up(port); }
  std::vector<TunnelError> take_tunnel_errors() override { return dataplane_.take_tunnel_errors(); }
  size_t announce(std::span<const IpAddress> addresses) override {
    return dataplane_.announce(addresses);
  }

 private:
  Dataplane& dataplane_;
  std::vector<ForwardingPort> ports_;
};

DataplaneOptions dataplane_options(const Config& config, const Secrets& secrets) {
  DataplaneOptions options;
  options.huge_pages = config.dpdk.huge_pages;
  options.memory_mb = config.dpdk.memory_mb;
  options.mbuf_bytes = config.dpdk.mbuf_bytes;
  options.mbufs = config.dpdk.mbufs;
  options.extra_eal_args = config.dpdk.extra_eal_args;
  options.control_cpus.assign(config.control.cpus.begin(), config.control.cpus.end());
  options.worker_cpus.assign(config.workers.cpus.begin(), config.workers.cpus.end());
  options.poll = config.workers.idle == IdleMode::kPoll;
  options.sizes = worker_sizes(config.limits);
  for (const PortConfig& port : config.ports) {
    options.ports.push_back({.name = port.name,
                             .device = port.device,
                             .mtu = port.mtu,
                             .vlan = port.vlan,
                             .addresses = port.addresses,
                             .queues = port.queues,
                             .rss = port.rss,
                             .kernel = port.kernel});
  }
  options.snat_addresses = snat_layout(config).addresses;
  options.secrets = secrets;
  return options;
}

// Threads inherit this, so the control plane's own (TBB's, too) stay off the workers' CPUs.
void pin_to(const std::vector<uint16_t>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const uint16_t cpu : cpus) CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

// One heap for all threads: a cluster's state is read on one and kept by another, and what either
// frees is then of use to both. The workers take nothing from it.
void share_one_heap() { mallopt(M_ARENA_MAX, 1); }

int run(const Config& config, std::optional<uint64_t> seed) {
  share_one_heap();
  // `compile` and `--check` do without; a gateway would run and do nothing.
  if (config.ports.empty()) {
    return fail(kExitBadConfiguration,
                config.file + ": no port to serve on: add one to `ports`, with name and device");
  }
  if (auto status = check_cpus(config); !status) {
    return fail(kExitBadConfiguration, status.error());
  }
  set_up_logging(config.log);
  ControlLoop::block_signals();
  const auto secrets = make_secrets(seed);
  if (!secrets) return fail(kExitFailure, secrets.error());
  auto dataplane = Dataplane::start(dataplane_options(config, *secrets));
  if (!dataplane) return fail(kExitFailure, dataplane.error());
  pin_to(config.control.cpus);
  spdlog::info("{}", (*dataplane)->memory_mode());
  for (const std::string& port : (*dataplane)->port_summaries()) spdlog::info("{}", port);
  for (const std::string& warning : (*dataplane)->warnings()) spdlog::warn("{}", warning);

  DataplaneAdapter adapter(**dataplane, config);
  auto loop = ControlLoop::create({config, secrets->names, secrets->cookies}, adapter);
  if (!loop) return fail(kExitFailure, loop.error());
  if (auto status = (*loop)->run(); !status) return fail(kExitFailure, status.error());
  return kExitOk;
}

int compile(const Config& config, CompileOutput output, const std::string& mesos_state) {
  std::unique_ptr<OfflineCluster> cluster;
  if (!mesos_state.empty()) {
    auto state = read_mesos_state(mesos_state, config);
    if (!state) return fail(kExitFailure, state.error());
    cluster = std::move(*state);
  }
  auto text = compile_command(config, output, cluster.get(), read_hosts_file("/etc/hosts"));
  if (!text) return fail(kExitBadConfiguration, text.error());
  return print(*text);
}

CLI::App* add_replay(CLI::App& app, std::string& file, ReplayArguments& arguments) {
  CLI::App* replay = app.add_subcommand("replay", "put captures through the packet path, offline");
  replay->add_option("--config", file, "configuration file");
  replay->add_option("--in", arguments.in, "capture: FILE (first port) or PORT=FILE; may repeat")
      ->required()
      ->take_all();
  replay->add_option("--out", arguments.out, "capture of what is sent")->required();
  replay->add_option("--verdicts", arguments.verdicts, "one JSON object per packet and line");
  replay->add_option("--counters", arguments.counters, "what was counted, as one JSON object");
  replay->add_option("--next-hop-mac", arguments.next_hop_mac, "MAC address of every next hop")
      ->capture_default_str();
  replay->add_option("--seed", arguments.seed, "makes the secrets of hash tables, as the daemon's");
  return replay;
}

CLI::App* add_explain(CLI::App& app, std::string& file, ExplainArguments& arguments) {
  CLI::App* explain = app.add_subcommand("explain", "say what would become of a packet, and why");
  explain->add_option("--config", file, "configuration file");
  explain->add_option("--port", arguments.packet.port,
                      "by which it comes in; the first without this");
  explain->add_option("--seed", arguments.seed,
                      "makes the secrets of hash tables, as the daemon's");
  explain->add_option("PROTOCOL", arguments.packet.protocol, "tcp, udp or sctp")->required();
  explain->add_option("SOURCE", arguments.packet.source, "ADDRESS:PORT or [ADDRESS]:PORT")
      ->required();
  explain->add_option("DESTINATION", arguments.packet.destination, "the same")->required();
  return explain;
}

// What would end the process: a reload or a question for counters that comes before the control
// loop listens waits for it; a log reader that has gone is an error of a write.
void survive_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int run_command_line(int argc, char** argv) {
  CLI::App app("Layer-4 load balancer and DNS responder");
  std::string file;
  bool check = false;
  std::optional<uint64_t> seed;
  app.set_version_flag("--version", "vipgated " VIPGATE_VERSION, "say which version this is");
  app.add_option("--config", file, "configuration file");
  app.add_flag("--check", check, "only say whether the configuration is good");
  app.add_option("--seed", seed, "makes the secrets of hash tables repeatable: for benchmarks");

  CLI::App* compile_app = app.add_subcommand("compile", "show what a configuration serves");
  compile_app->add_option("--config", file, "configuration file");
  std::string mesos_state;
  compile_app->add_option("--mesos-state", mesos_state,
                          "a cluster: /state, GET_STATE, or one event per line");
  std::vector<std::pair<CompileOutput, bool>> outputs = {{CompileOutput::kRecords, false},
                                                         {CompileOutput::kServices, false},
                                                         {CompileOutput::kSkipped, false},
                                                         {CompileOutput::kSnapshotStats, false}};
  CLI::Option_group* output = compile_app->add_option_group("output");
  output->add_flag("--records", outputs[0].second, "DNS records, one per line");
  output->add_flag("--services", outputs[1].second, "services, one JSON object per line");
  output->add_flag("--skipped", outputs[2].second, "what was left out, one JSON object per line");
  output->add_flag("--snapshot-stats", outputs[3].second, "sizes, build times and checksums");
  output->require_option(1);
  ReplayArguments replay_arguments;
  const CLI::App* replay_app = add_replay(app, file, replay_arguments);
  ExplainArguments explain_arguments;
  const CLI::App* explain_app = add_explain(app, file, explain_arguments);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitBadConfiguration;
  }
  size_t times = app.count("--config");
  for (const CLI::App* command : app.get_subcommands()) {
    times += command->count("--config");
    if (check) {
      return fail(kExitBadConfiguration,
                  "--check and " + command->get_name() + " exclude each other; write one of them");
    }
  }
  if (times > 1) return fail(kExitBadConfiguration, "--config is there twice; write it once");
  if (file.empty()) return fail(kExitBadConfiguration, "--config FILE is required");

  const ConfigUse use = compile_app->parsed()           ? ConfigUse::kCompile
                        : app.get_subcommands().empty() ? ConfigUse::kStart
                                                        : ConfigUse::kRun;
  auto config = read_config(file, use);
  if (!config) return fail(kExitBadConfiguration, config.error());
  if (compile_app->parsed()) {
    for (const auto& [kind, wanted] : outputs) {
      if (wanted) return compile(*config, kind, mesos_state);
    }
  }
  if (replay_app->parsed()) return replay_command(*config, replay_arguments);
  if (explain_app->parsed()) return explain_command(*config, explain_arguments);
  if (!check) return run(*config, seed);
  // What only the numbering of services and reals can find out.
  if (auto status = check_compiles(*config); !status) {
    return fail(kExitBadConfiguration, status.error());
  }
  return print(file + ": ok\n");
}

}  // namespace
}  // namespace vipgate

int main(int argc, char** argv) {
  vipgate::survive_signals();
  if (const char* problem = vipgate::check_cpu()) {
    std::fprintf(stderr, "%s\n", problem);
    return 1;
  }
  return vipgate::run_command_line(argc, argv);
}
