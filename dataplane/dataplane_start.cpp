// How a Dataplane comes to run, and ends: EAL, ports, the kernel's side, workers.
#include <rte_cycles.h>
#include <rte_launch.h>

#include <algorithm>

#include "common/unix_clock.h"
#include "dataplane/dataplane_parts.h"
#include "dataplane/packet_pool.h"

namespace vipgate {
namespace {

constexpr uint32_t kRingSize = 4096;
constexpr uint32_t kPoolSlack = 8192;  // caches, and packets in the hands of workers

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
                workers *
                    static_cast<uint32_t>(kHeldFragments + options.sizes.dns_questions + kBurst) +
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
  flow_desk = std::make_unique<FlowDesk>([this] { return cell.current(); });
  // Each of a port's queues is another worker's.
  std::array<uint8_t, kMaxPorts> receivers{};
  for (size_t i = 0; i < ports.size(); ++i) {
    receivers[i] = static_cast<uint8_t>(std::min<uint32_t>(ports[i]->rx_queues(), workers));
  }
  for (uint32_t i = 0; i < workers; ++i) {
    memory.push_back(
        std::make_unique<WorkerMemory>(WorkerMemoryOptions{.worker = i,
                                                           .workers = workers,
                                                           .sizes = options.sizes,
                                                           .snat = options.snat_addresses,
                                                           .secret = options.secrets.flows,
                                                           .owners = owners.get(),
                                                           .receivers = receivers,
                                                           .wall_offset_ns = &wall_offset_ns}));
    worker_objects.push_back(std::make_unique<Worker<EthdevIo>>(worker_options(i)));
    watches->add_worker(worker_objects.back()->watch_slot());
    flow_desk->add_worker(worker_objects.back()->walk_slot());
  }
  for (auto& own : memory) {
    for (uint32_t i = 0; i < workers; ++i) own->connect(i, *memory[i]);
  }
}

// Whether any port has an address of it: else its tables are left without memory.
bool Dataplane::Parts::has_ipv6() const {
  for (const DataplanePort& port : options.ports) {
    for (const IpPrefix& prefix : port.addresses) {
      if (!prefix.address.is_v4()) return true;
    }
  }
  return false;
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
      parts.memory[launch.worker]->populate(parts.has_ipv6());
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

}  // namespace vipgate
