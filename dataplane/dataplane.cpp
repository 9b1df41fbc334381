#include "dataplane/dataplane.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_mempool.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "common/dns_views.h"
#include "common/snapshot_cell.h"
#include "dataplane/announce.h"
#include "dataplane/counter_names.h"
#include "dataplane/device_claim.h"
#include "dataplane/eal.h"
#include "dataplane/exception_path.h"
#include "dataplane/fastpath/dns_responder.h"
#include "dataplane/packet_pool.h"
#include "dataplane/port.h"
#include "dataplane/watch_desk.h"
#include "dataplane/worker_memory.h"
#include "dataplane/worker_thread.h"
#include "dataplane/worker_wiring.h"

namespace vipgate {
namespace {

constexpr uint32_t kRingSize = 4096;
constexpr uint32_t kPoolSlack = 8192;  // caches, and packets in the hands of workers

int64_t unix_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// EAL's lcore 0 is the control thread's.
unsigned lcore_of(uint32_t worker) { return worker + 1; }

EalOptions eal_options(const DataplaneOptions& options) {
  EalOptions eal;
  eal.huge_pages = options.huge_pages;
  eal.memory_mb = options.memory_mb;
  eal.extra_args = options.extra_eal_args;
  eal.worker_cpus = options.worker_cpus;
  eal.main_cpu = options.control_cpus.empty() ? 0 : options.control_cpus.front();
  for (const DataplanePort& port : options.ports) {
    if (is_pci_device(port.device)) eal.pci_allow.push_back(port.device);
  }
  return eal;
}

}  // namespace

// Destroyed from the bottom up: workers, ports, then what both use, then EAL.
struct Dataplane::Parts {
  struct Eal {
    explicit Eal(EalMode started) : mode(std::move(started)) {}
    ~Eal() { stop_eal(); }
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;
    EalMode mode;
  };
  struct PoolDeleter {
    void operator()(rte_mempool* owned) const { rte_mempool_free(owned); }
  };

  struct Launch {
    Parts* parts;
    uint32_t worker;
  };

  explicit Parts(const DataplaneOptions& given)
      : options(given),
        workers(static_cast<uint32_t>(given.worker_cpus.size())),
        cell(given.worker_cpus.size()) {}
  ~Parts() {
    if (watches) watches->stop();  // while the workers can let go of it
    stop_workers();
  }

  Status start();
  Status open_ports();
  Status make_exception_path();
  void make_workers();
  Status start_workers();
  void note_wall_clock();
  bool announce(const IpAddress& address);
  void add_port_counters(NamedCounters& counters) const;
  void stop_workers();
  WorkerOptions worker_options(uint32_t worker);

  DataplaneOptions options;
  uint32_t workers;
  std::unique_ptr<FlowOwners> owners;
  SnapshotCell<Snapshot> cell;
  std::unique_ptr<Eal> eal;
  std::unique_ptr<rte_mempool, PoolDeleter> pool;
  std::unique_ptr<WorkerMesh> mesh;
  std::unique_ptr<ExceptionPath> exception_path;
  std::vector<DeviceClaim> claims;
  std::vector<std::unique_ptr<Port>> ports;
  std::vector<std::string> warnings;
  std::vector<std::unique_ptr<WorkerMemory>> memory;
  std::vector<std::unique_ptr<Worker<EthdevIo>>> worker_objects;
  std::unique_ptr<WatchDesk> watches;
  std::unique_ptr<TscClock> clock;
  std::atomic<int64_t> wall_offset_ns{0};  // the wall clock's lead over `clock`
  std::atomic<uint32_t> dns_rotation{0};   // of answers over TCP
  std::atomic<bool> stop{false};
  std::vector<Launch> launches;
  uint32_t running = 0;  // workers that were launched
};

Status Dataplane::Parts::start() {
  auto mode = start_eal(eal_options(options));
  if (!mode) return Error{mode.error()};
  eal = std::make_unique<Eal>(*mode);
  if (auto done = open_ports(); !done) return done;
  owners = std::make_unique<FlowOwners>(options.secrets.owner, workers, owner_buckets(ports));
  if (auto done = make_exception_path(); !done) return done;
  auto rings = WorkerMesh::create(workers, kRingSize);
  if (!rings) return Error{rings.error()};
  mesh = std::make_unique<WorkerMesh>(std::move(rings).value());
  make_workers();
  for (const auto& port : ports) {
    if (auto done = port->start(*owners); !done) return done;
    warnings.insert(warnings.end(), port->warnings().begin(), port->warnings().end());
  }
  return start_workers();
}

Status Dataplane::Parts::open_ports() {
  uint32_t room = options.mbuf_bytes;
  if (room == 0) {
    room = 2048;
    for (const DataplanePort& port : options.ports) room = std::max(room, frame_room(port.mtu));
  }
  for (const DataplanePort& port : options.ports) {
    if (std::string warning = short_buffers_warning(port.name, port.mtu, room); !warning.empty()) {
      warnings.push_back(std::move(warning));
    }
  }
  const auto port_count = static_cast<uint32_t>(options.ports.size());
  const uint32_t queues = port_count * workers;
  const uint32_t count =
      options.mbufs != 0
          ? options.mbufs
          : queues * 2048 + workers * workers * kRingSize +
                workers * static_cast<uint32_t>(kHeldFragments + options.dns_questions_per_worker +
                                                kBurst) +
                kPoolSlack;
  auto made = make_packet_pool("packets", count, static_cast<uint16_t>(room), SOCKET_ID_ANY);
  if (!made) return Error{made.error()};
  pool.reset(*made);
  for (const DataplanePort& port : options.ports) {
    auto claim = DeviceClaim::take(port.device);
    if (!claim) return Error{claim.error()};
    claims.push_back(std::move(claim).value());
  }
  for (size_t i = 0; i < options.ports.size(); ++i) {
    const DataplanePort& port = options.ports[i];
    auto opened = Port::open({.index = static_cast<int>(i),
                              .name = port.name,
                              .device = port.device,
                              .mtu = port.mtu,
                              .workers = static_cast<uint16_t>(workers),
                              .rx_queues = port.queues,
                              .rss = port.rss,
                              .rss_key = options.secrets.owner,
                              .pool = pool.get()});
    if (!opened) return Error{opened.error()};
    ports.push_back(std::move(opened).value());
  }
  return Done{};
}

Status Dataplane::Parts::make_exception_path() {
  ExceptionPathOptions path{
      .ports = {}, .workers = static_cast<uint16_t>(workers), .cpus = options.control_cpus};
  for (size_t i = 0; i < ports.size(); ++i) {
    const DataplanePort& port = options.ports[i];
    if (!port.kernel) continue;
    path.ports.push_back(
        {.port = static_cast<uint16_t>(i),
         .port_name = port.name,
         .mac = ports[i]->mac(),
         .mtu = ports[i]->mtu(),
         .vlan = port.vlan,
         .addresses = port.addresses,
         .owner = static_cast<uint16_t>(queue_owner(static_cast<uint32_t>(i), 0, workers))});
  }
  if (path.ports.empty()) return Done{};
  auto made = ExceptionPath::create(path);
  if (!made) return Error{made.error()};
  exception_path = std::move(made).value();
  return Done{};
}

WorkerOptions Dataplane::Parts::worker_options(uint32_t worker) {
  WorkerOptions result;
  result.index = worker;
  result.workers = workers;
  result.port_count = static_cast<uint32_t>(ports.size());
  for (uint32_t i = 0; i < ports.size(); ++i) {
    result.ports[i] = assign_port(i, ports[i]->id(), ports[i]->rx_queues(), ports[i]->tx_queues(),
                                  worker, workers);
    if (exception_path) {
      result.ports[i].kernel =
          exception_path->kernel_port(static_cast<uint16_t>(worker), static_cast<uint16_t>(i));
    }
  }
  mesh->connect(worker, result);
  result.kernel_waker = exception_path ? exception_path->waker() : nullptr;
  result.cell = &cell;
  result.loop_counters = &memory[worker]->loop_counters();
  result.pipeline = memory[worker]->pipeline_options();
  result.pool = pool.get();
  return result;
}

void Dataplane::Parts::make_workers() {
  WatchDeskOptions desk{
      .port_names = {}, .cpus = options.control_cpus, .current = [this] { return cell.current(); }};
  for (const DataplanePort& port : options.ports) desk.port_names.push_back(port.name);
  watches = std::make_unique<WatchDesk>(std::move(desk));
  // Each of a port's queues is another worker's.
  std::array<uint8_t, kMaxPorts> receivers{};
  for (size_t i = 0; i < ports.size(); ++i) {
    receivers[i] = static_cast<uint8_t>(std::min<uint32_t>(ports[i]->rx_queues(), workers));
  }
  for (uint32_t i = 0; i < workers; ++i) {
    memory.push_back(std::make_unique<WorkerMemory>(
        WorkerMemoryOptions{.worker = i,
                            .workers = workers,
                            .flows = options.flows_per_worker,
                            .wide_flows = options.wide_flows_per_worker,
                            .affinities = options.affinities_per_worker,
                            .fragments = options.fragments_per_worker,
                            .dns_rates = options.dns_rates_per_worker,
                            .dns_answers = options.dns_answers_per_worker,
                            .dns_questions = options.dns_questions_per_worker,
                            .services = options.services,
                            .reals = options.reals,
                            .snat = options.snat_addresses,
                            .secret = options.secrets.flows,
                            .owners = owners.get(),
                            .receivers = receivers,
                            .wall_offset_ns = &wall_offset_ns}));
    worker_objects.push_back(std::make_unique<Worker<EthdevIo>>(worker_options(i)));
    watches->add_worker(worker_objects.back()->watch_slot());
  }
  for (auto& own : memory) {
    for (uint32_t i = 0; i < workers; ++i) own->connect(i, *memory[i]);
  }
}

// On EAL's own threads: they are pinned, and have caches of the packet pools.
Status Dataplane::Parts::start_workers() {
  clock = std::make_unique<TscClock>();
  note_wall_clock();
  for (uint32_t i = 0; i < workers; ++i) launches.push_back({this, i});
  for (uint32_t i = 0; i < workers; ++i) {
    const auto run = [](void* argument) {
      const auto& launch = *static_cast<const Launch*>(argument);
      Parts& parts = *launch.parts;
      run_worker(*parts.worker_objects[launch.worker], *parts.clock, parts.options.poll,
                 parts.stop);
      return 0;
    };
    if (rte_eal_remote_launch(run, &launches[i], lcore_of(i)) != 0) {
      return Error{"worker " + std::to_string(i) + " could not be started"};
    }
    ++running;
  }
  return Done{};
}

void Dataplane::Parts::note_wall_clock() {
  const auto now_ns = static_cast<int64_t>(clock->ns_of(rte_rdtsc()));
  wall_offset_ns.store(unix_ns() - now_ns, std::memory_order_relaxed);
}

void Dataplane::Parts::stop_workers() {
  stop.store(true, std::memory_order_relaxed);
  for (; running > 0; --running) rte_eal_wait_lcore(lcore_of(running - 1));
}

Dataplane::Dataplane(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Dataplane::~Dataplane() = default;

Result<std::unique_ptr<Dataplane>> Dataplane::start(const DataplaneOptions& options) {
  auto parts = std::make_unique<Parts>(options);
  try {
    if (auto done = parts->start(); !done) return Error{done.error()};
  } catch (const std::bad_alloc&) {
    return Error{"not enough memory for the flow tables: lower limits.flows_per_worker"};
  }
  return std::unique_ptr<Dataplane>(new Dataplane(std::move(parts)));
}

uint64_t Dataplane::publish(std::shared_ptr<const Snapshot> snapshot) {
  return parts_->cell.publish(std::move(snapshot));
}
bool Dataplane::passed(uint64_t version) const { return parts_->cell.passed(version); }
size_t Dataplane::reclaim() { return parts_->cell.reclaim(); }

const std::string& Dataplane::memory_mode() const { return parts_->eal->mode.description; }
std::vector<std::string> Dataplane::port_summaries() const {
  std::vector<std::string> lines;
  for (const auto& port : parts_->ports) lines.push_back(port->summary());
  return lines;
}
const std::vector<std::string>& Dataplane::warnings() const { return parts_->warnings; }

MacAddress Dataplane::mac(size_t port) const { return parts_->ports[port]->mac(); }
uint16_t Dataplane::mtu(size_t port) const { return parts_->ports[port]->mtu(); }

bool Dataplane::link_up(size_t port) const { return parts_->ports[port]->link().up; }

std::string Dataplane::interface_name(size_t port) const {
  if (!parts_->exception_path) return {};
  return parts_->exception_path->interface_name(static_cast<uint16_t>(port));
}

size_t Dataplane::announce(std::span<const IpAddress> addresses) {
  for (size_t taken = 0; taken < addresses.size(); ++taken) {
    if (!parts_->announce(addresses[taken])) return taken;
  }
  return addresses.size();
}

// False: the port's ring has no room for it now.
bool Dataplane::Parts::announce(const IpAddress& address) {
  if (!exception_path) return true;
  const auto is_home = [&](const DataplanePort& port) {
    return std::any_of(port.addresses.begin(), port.addresses.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(address); });
  };
  const bool has_home = std::any_of(options.ports.begin(), options.ports.end(), is_home);
  for (size_t i = 0; i < ports.size(); ++i) {
    const DataplanePort& port = options.ports[i];
    if (!port.kernel || (has_home && !is_home(port))) continue;
    const auto frame = announcement(address, ports[i]->mac(), port.vlan);
    if (!exception_path->inject(static_cast<uint16_t>(i), frame)) return false;
  }
  return true;
}

void Dataplane::note_wall_clock() { parts_->note_wall_clock(); }

DnsStreamAnswer Dataplane::answer_dns(std::span<uint8_t> message, size_t length,
                                      const IpAddress& client) const {
  const std::shared_ptr<const Snapshot> snapshot = parts_->cell.current();
  if (snapshot == nullptr) return {};
  const DnsQuery query{
      .message = message.data(),
      .length = static_cast<uint16_t>(length),
      .capacity = static_cast<uint16_t>(std::min<size_t>(message.size(), UINT16_MAX)),
      .source_port = {},
      .client = client.bytes().data(),
      .client_length = static_cast<uint8_t>(client.bits() / 8),
      .is_stream = true};
  const uint32_t rotation = parts_->dns_rotation.fetch_add(1, std::memory_order_relaxed);
  const DnsContext context{*snapshot->dns, *snapshot->dns_policy, static_cast<uint64_t>(unix_ns()),
                           snapshot->dns_views.get()};
  DnsParsed parsed;
  dns_parse(context, query, parsed);
  dns_prefetch(context, parsed);
  const DnsReply reply = dns_answer(context, parsed, rotation);
  return {.length = reply.length,
          .is_for_others = reply.verdict == DnsVerdict::kForward,
          .question_end = parsed.question_end,
          .has_opt = parsed.has_opt,
          .is_dnssec_ok = parsed.is_dnssec_ok};
}

// What the devices and the kernel's side lost, and what passed to and from the kernel.
void Dataplane::Parts::add_port_counters(NamedCounters& counters) const {
  const auto add = [&](std::string name, uint64_t value) {
    counters.emplace_back(std::move(name), value);
  };
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string prefix = "port." + options.ports[i].name + ".";
    const rte_eth_stats device = ports[i]->stats();
    add(prefix + "rx_packets", device.ipackets);
    add(prefix + "tx_packets", device.opackets);
    add(prefix + "rx_missed", device.imissed);
    add(prefix + "rx_errors", device.ierrors);
    add(prefix + "rx_no_buffer", device.rx_nombuf);
    add(prefix + "tx_errors", device.oerrors);
    if (!options.ports[i].kernel) continue;
    const KernelPortStats kernel = exception_path->stats(static_cast<uint16_t>(i));
    add(prefix + "to_kernel", kernel.to_kernel);
    add(prefix + "to_kernel_dropped", kernel.to_kernel_dropped);
    add(prefix + "from_kernel", kernel.from_kernel);
    add(prefix + "from_kernel_dropped", kernel.from_kernel_dropped);
  }
}

Status Dataplane::watch(const WatchOptions& options) { return parts_->watches->start(options); }
void Dataplane::stop_watching() { parts_->watches->stop(); }
WatchStatus Dataplane::watch_status() const { return parts_->watches->status(); }

RealSignals Dataplane::real_signals(uint32_t real_index) const {
  RealSignals sum;
  for (const auto& worker : parts_->memory) {
    if (real_index >= worker->signals().size()) continue;
    const RealSignalCounters& part = worker->signals()[real_index];
    sum.opened += part.opened.value();
    sum.answered += part.answered.value();
    sum.resets += part.resets.value();
  }
  return sum;
}

DnsRateFigures Dataplane::dns_rate_figures() const {
  DnsRateFigures sum;
  for (const auto& worker : parts_->memory) {
    sum.dropped += worker->counters().value(DropReason::kDnsRateLimited);
    sum.truncated += worker->counters().value(DnsOutcome::kSlipped);
  }
  return sum;
}

std::vector<uint64_t> Dataplane::snat_exhausted() const {
  return add_up_snat_exhausted(parts_->memory);
}

std::vector<TunnelError> Dataplane::take_tunnel_errors() {
  std::vector<TunnelError> errors;
  for (const auto& worker : parts_->memory) {
    worker->tunnel_errors().take([&](const TunnelError& error) { errors.push_back(error); });
  }
  return errors;
}

WorkerFigures Dataplane::worker_figures() const {
  WorkerFigures figures{.ticks_per_second = rte_get_tsc_hz(), .workers = {}};
  for (const auto& worker : parts_->memory) {
    figures.workers.push_back(read_figures(worker->loop_counters()));
  }
  return figures;
}

TrafficFigures Dataplane::traffic_figures() const {
  const auto snapshot = parts_->cell.current();
  return snapshot == nullptr ? TrafficFigures{} : add_up_traffic(parts_->memory, *snapshot);
}

NamedCounters Dataplane::counters() const {
  NamedCounters counters = add_up_own_counters(parts_->memory, parts_->cell.current().get());
  parts_->add_port_counters(counters);
  return counters;
}

}  // namespace vipgate
