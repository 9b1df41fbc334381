#include "perf/generator/ports.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace vipgate::generator {
namespace {

constexpr uint32_t kMbufs = 16384;
constexpr uint16_t kDescriptors = 1024;  // memif goes by rsize
constexpr int kConnectMs = 10000;

// The driver takes whole paths alone.
std::string device(int number, const std::string& socket, const Options& options) {
  return "net_memif" + std::to_string(number) +
         ",role=client,socket-abstract=no,rsize=" + std::to_string(options.ring_log2) +
         ",socket=" + std::filesystem::absolute(socket).string();
}

Status start_eal(const Options& options) {
  std::vector<std::string> arguments = {"vipgen",
                                        "--lcores",
                                        "0@" + std::to_string(options.cpu),
                                        "--main-lcore",
                                        "0",
                                        "-m",
                                        std::to_string(options.memory_mb),
                                        "--no-pci",
                                        "--no-telemetry",
                                        "--log-level=*:warning",
                                        "--file-prefix",
                                        "vipgen-" + std::to_string(getpid())};
  if (options.huge) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  std::vector<std::string> sockets = {options.edge_socket};
  if (!options.cluster_socket.empty()) sockets.push_back(options.cluster_socket);
  for (size_t i = 0; i < sockets.size(); ++i) {
    arguments.emplace_back("--vdev=" + device(static_cast<int>(i), sockets[i], options));
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  rte_openlog_stream(stderr);
  if (rte_eal_init(argc, argv.data()) >= 0) return Done{};
  return Error{std::string("DPDK did not start: ") + rte_strerror(rte_errno) +
               "; its messages stand above"};
}

Status start_port(uint16_t port, rte_mempool* pool, const std::string& socket) {
  rte_eth_conf conf{};
  const int socket_id = rte_eth_dev_socket_id(port);
  const auto node = static_cast<unsigned>(socket_id < 0 ? 0 : socket_id);
  if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
      rte_eth_rx_queue_setup(port, 0, kDescriptors, node, nullptr, pool) != 0 ||
      rte_eth_tx_queue_setup(port, 0, kDescriptors, node, nullptr) != 0 ||
      rte_eth_dev_start(port) != 0) {
    return Error{"no port at " + socket + ": does a gateway listen there (role=server)?"};
  }
  return Done{};
}

// The gateway's thread that answers is not waited for by an event: the driver gives none.
Status wait_for_link(uint16_t port, const std::string& socket) {
  for (int ms = 0; ms < kConnectMs; ++ms) {
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP) {
      return Done{};
    }
    rte_delay_us_sleep(1000);
  }
  return Error{socket + ": the gateway did not take the connection in " +
               std::to_string(kConnectMs / 1000) + " s; is another client connected?"};
}

}  // namespace

Result<Ports> open_ports(const Options& options) {
  const bool two = !options.cluster_socket.empty();
  for (const std::string& socket : {options.edge_socket, options.cluster_socket}) {
    if (!socket.empty() && access(socket.c_str(), F_OK) != 0) {
      return Error{"no socket at " + socket +
                   ": start the gateway first, with role=server and socket-abstract=no"};
    }
  }
  if (const Status started = start_eal(options); !started.ok()) return Error{started.error()};
  Ports ports;
  ports.pool = rte_pktmbuf_pool_create("frames", kMbufs, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  if (ports.pool == nullptr) {
    return Error{std::string("no packet buffers: ") + rte_strerror(rte_errno) +
                 "; give more of --memory-mb"};
  }
  if (rte_eth_dev_get_port_by_name("net_memif0", &ports.edge) != 0 ||
      rte_eth_dev_get_port_by_name(two ? "net_memif1" : "net_memif0", &ports.cluster) != 0) {
    return Error{
        "DPDK made no net_memif: its messages stand above; the driver is librte-net-memif23's"};
  }
  const std::string& second = options.cluster_socket;
  Status status = start_port(ports.edge, ports.pool, options.edge_socket);
  if (status.ok() && two) status = start_port(ports.cluster, ports.pool, second);
  if (status.ok()) status = wait_for_link(ports.edge, options.edge_socket);
  if (status.ok() && two) status = wait_for_link(ports.cluster, second);
  if (!status.ok()) return Error{status.error()};
  return ports;
}

void close_ports(const Ports& ports) {
  rte_eth_dev_stop(ports.edge);
  rte_eth_dev_close(ports.edge);
  if (ports.two()) {
    rte_eth_dev_stop(ports.cluster);
    rte_eth_dev_close(ports.cluster);
  }
  rte_eal_cleanup();
}

}  // namespace vipgate::generator
