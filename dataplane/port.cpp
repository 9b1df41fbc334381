#include "dataplane/port.h"

#include <rte_bus_pci.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_pci.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace vipgate {
namespace {

constexpr uint16_t kDefaultMtu = 1500;

std::string without_arguments(const std::string& device) {
  return device.substr(0, device.find(','));
}

// The name under which DPDK knows the port: PCI addresses get their domain.
std::string dpdk_name(const std::string& device) {
  std::string name = without_arguments(device);
  rte_pci_addr address;
  if (rte_pci_addr_parse(name.c_str(), &address) != 0) return name;
  char text[PCI_PRI_STR_SIZE];
  rte_pci_device_name(&address, text, sizeof(text));
  return text;
}

// For devices that have no address (net_ring): zeros are no station's, neither as the source of a
// frame nor as the address of the kernel's side. "vg", locally administered.
MacAddress made_up_mac(int index) { return {{0x02, 'v', 'g', 0, 0, static_cast<uint8_t>(index)}}; }

std::string reason(int code) { return std::strerror(code < 0 ? -code : code); }

}  // namespace

bool is_pci_device(const std::string& device) {
  rte_pci_addr address;
  return rte_pci_addr_parse(without_arguments(device).c_str(), &address) == 0;
}

uint64_t wanted_rx_offloads(const std::string& device, const std::string& driver,
                            uint64_t capabilities) {
  if (!is_pci_device(device) || driver.find("virtio") != std::string::npos) return 0;
  return capabilities & RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
}

Port::Port(const PortOptions& options) : options_(options), name_(options.name) {}

Error Port::error(const std::string& what) const {
  return Error{"ports[" + std::to_string(options_.index) + "] " + name_ + ": device '" +
               options_.device + "' " + what};
}

Error Port::failed(const std::string& step, int code) const {
  return error(step + " failed: " + reason(code));
}

void Port::warn(const std::string& what) { warnings_.push_back(error(what).message); }

Result<std::unique_ptr<Port>> Port::open(const PortOptions& options) {
  std::unique_ptr<Port> port(new Port(options));
  if (Status status = port->probe(); !status.ok()) return Error{status.error()};

  rte_eth_dev_info info{};
  if (int code = rte_eth_dev_info_get(port->id_, &info); code != 0) {
    return port->failed("reading its properties", code);
  }
  port->device_ = info.device;
  port->facts_.driver = info.driver_name;
  if (Status status = port->configure(info); !status.ok()) return Error{status.error()};
  if (Status status = port->set_up_queues(); !status.ok()) return Error{status.error()};
  port->set_mtu();

  rte_ether_addr mac{};
  if (int code = rte_eth_macaddr_get(port->id_, &mac); code != 0) {
    return port->failed("reading its MAC address", code);
  }
  std::memcpy(port->mac_.bytes.data(), mac.addr_bytes, sizeof(mac.addr_bytes));
  if (port->mac_ == MacAddress{}) port->mac_ = made_up_mac(options.index);
  return port;
}

Status Port::probe() {
  const std::string name = dpdk_name(options_.device);
  const bool pci = is_pci_device(options_.device);
  // EAL has probed the devices that it was given at start.
  int code = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id_) != 0) {
    code = rte_dev_probe(options_.device.c_str());
    if (code == 0) code = rte_eth_dev_get_port_by_name(name.c_str(), &id_);
  }
  if (code == 0) return Done{};
  id_ = RTE_MAX_ETHPORTS;
  if (pci) {
    return error("not found: bind it to vfio-pci (dpdk-devbind.py -b vfio-pci " + name +
                 ") and see that its driver's package (librte-net-...) is installed");
  }
  const char* privilege = geteuid() != 0 ? "run as root, or " : "";
  return error("cannot be made (" + reason(code) + "): " + privilege +
               "check the driver's name (net_af_packet0,iface=" + name +
               " for an interface of the kernel's), its arguments and that its package "
               "(librte-net-...) is installed");
}

Status Port::configure(const rte_eth_dev_info& info) {
  // The kernel spreads packets over the queues of these two as it likes and may move a flow from
  // one to another, which would reorder it.
  const bool is_kernel_backed = facts_.driver == "net_tap" || facts_.driver == "net_af_packet";
  const uint16_t automatic = is_kernel_backed ? 1 : options_.workers;
  const uint16_t wanted_rx = options_.rx_queues != 0 ? options_.rx_queues : automatic;
  rx_queues_ = std::min(wanted_rx, info.max_rx_queues);
  tx_queues_ = std::min(options_.workers, info.max_tx_queues);
  // net_tap's queues are the kernel's queue pairs.
  if (facts_.driver == "net_tap") rx_queues_ = tx_queues_ = std::min(rx_queues_, tx_queues_);
  if (rx_queues_ == 0 || tx_queues_ == 0) return error("has no receive or no transmit queue");
  if (options_.rx_queues > rx_queues_) {
    warn("has " + std::to_string(rx_queues_) + " receive queues, not the " +
         std::to_string(options_.rx_queues) + " configured");
  }
  if (tx_queues_ < options_.workers) {
    warn("has " + std::to_string(tx_queues_) + " transmit queues for " +
         std::to_string(options_.workers) + " workers");
  }

  rte_eth_conf conf{};
  mtu_ = std::clamp(options_.mtu, info.min_mtu, info.max_mtu);
  if (mtu_ != options_.mtu) {
    warn("takes an MTU of " + std::to_string(info.min_mtu) + " to " + std::to_string(info.max_mtu) +
         ": uses " + std::to_string(mtu_));
  }
  conf.rxmode.mtu = mtu_;
  conf.rxmode.offloads = wanted_rx_offloads(options_.device, facts_.driver, info.rx_offload_capa);
  rss_key_ = rss_key(options_.rss_key, info.hash_key_size);
  const uint64_t rss = wanted_rss(info.flow_type_rss_offloads, options_.rss);
  if (rx_queues_ > 1 && rss != 0) {
    facts_.rss_hf = rss;
    if (can_redirect(info.reta_size) && !rss_key_.empty()) facts_.reta_entries = info.reta_size;
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf = {.rss_key = rss_key_.empty() ? nullptr : rss_key_.data(),
                                 .rss_key_len = static_cast<uint8_t>(rss_key_.size()),
                                 .rss_hf = rss};
  }
  const int code = rte_eth_dev_configure(id_, rx_queues_, tx_queues_, &conf);
  if (code != 0) {
    return failed("configuring " + std::to_string(rx_queues_) + " receive and " +
                      std::to_string(tx_queues_) + " transmit queues",
                  code);
  }
  return Done{};
}

Status Port::set_up_queues() {
  uint16_t rx_descriptors = options_.rx_descriptors;
  uint16_t tx_descriptors = options_.tx_descriptors;
  if (int code = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors, &tx_descriptors);
      code != 0) {
    return failed("adjusting descriptors", code);
  }
  const auto socket = static_cast<unsigned>(options_.socket);
  for (uint16_t queue = 0; queue < rx_queues_; ++queue) {
    const int code =
        rte_eth_rx_queue_setup(id_, queue, rx_descriptors, socket, nullptr, options_.pool);
    if (code != 0) return failed("setting up receive queue " + std::to_string(queue), code);
  }
  for (uint16_t queue = 0; queue < tx_queues_; ++queue) {
    const int code = rte_eth_tx_queue_setup(id_, queue, tx_descriptors, socket, nullptr);
    if (code != 0) return failed("setting up transmit queue " + std::to_string(queue), code);
  }
  return Done{};
}

void Port::set_mtu() {
  const int code = rte_eth_dev_set_mtu(id_, mtu_);
  if (code == 0) return;
  // Drivers without the call serve the usual size.
  if (code == -ENOTSUP && mtu_ == kDefaultMtu) return;
  warn("does not take the MTU " + std::to_string(mtu_) + " (" + reason(code) +
       "): longer frames than its own limit will be lost");
}

Status Port::start(const FlowOwners& owners) {
  if (int code = rte_eth_dev_start(id_); code != 0) return failed("starting", code);
  started_ = true;
  if (facts_.reta_entries != 0) {
    Status status = hash_by(id_, rss_key_, facts_.rss_hf);
    if (status.ok()) {
      status = redirect(id_, redirection(facts_.reta_entries, static_cast<uint32_t>(options_.index),
                                         rx_queues_, owners));
    }
    if (!status.ok()) {
      facts_.reta_entries = 0;
      warn(status.error() + ": packets are handed over to the workers that own their flows");
    }
  }
  for (auto [what, code] :
       {std::pair("link up", rte_eth_dev_set_link_up(id_)),
        std::pair("receiving all multicast", rte_eth_allmulticast_enable(id_))}) {
    if (code != 0 && code != -ENOTSUP) warn(std::string(what) + " failed: " + reason(code));
  }
  return Done{};
}

void Port::stop() {
  if (started_) rte_eth_dev_stop(id_);
  started_ = false;
}

Port::~Port() {
  if (id_ == RTE_MAX_ETHPORTS) return;
  stop();
  rte_eth_dev_close(id_);
  // Unplugging a vdev makes its interface and files go; a PCI device stays bound for the next
  // start.
  if (device_ != nullptr && !is_pci_device(options_.device)) rte_dev_remove(device_);
}

PortLink Port::link() const {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) != 0) return {};
  const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  return {.up = link.link_status == RTE_ETH_LINK_UP, .speed_mbps = known ? link.link_speed : 0};
}

std::string Port::rss_text() const {
  if (facts_.rss_hf == 0) return "";
  if (!finds_owner(facts_.rss_hf) || facts_.reta_entries == 0) return ", RSS";
  return options_.rss == RssFields::kSource ? ", RSS by source" : ", RSS by destination";
}

std::string Port::summary() const {
  const PortLink now = link();
  std::string text = "port " + name_ + ": " + options_.device + " (" + facts_.driver + "), MAC " +
                     to_string(mac_) + ", MTU " + std::to_string(mtu_) + ", " +
                     std::to_string(rx_queues_) + " receive and " + std::to_string(tx_queues_) +
                     " transmit queues" + rss_text() + (now.up ? ", link up" : ", link down");
  if (now.speed_mbps != 0) text += ", " + std::to_string(now.speed_mbps) + " Mbit/s";
  return text;
}

rte_eth_stats Port::stats() const {
  rte_eth_stats stats{};
  rte_eth_stats_get(id_, &stats);
  return stats;
}

uint32_t owner_buckets(std::span<const std::unique_ptr<Port>> ports) {
  uint32_t buckets = FlowOwners::kBuckets;
  for (const auto& port : ports) {
    const uint32_t entries = port->facts().reta_entries;
    if (entries != 0) buckets = std::min(buckets, entries);
  }
  return buckets;
}

}  // namespace vipgate
