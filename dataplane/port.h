// One DPDK port, from device string to link up.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/hash.h"
#include "common/result.h"
#include "dataplane/port_rss.h"

namespace vipgate {

// Whether a device string names a PCI device ("0000:3b:00.0", "3b:00.0", each perhaps with
// ",arguments") and so belongs in EalOptions::pci_allow.
bool is_pci_device(const std::string& device);

// Which receive offloads to ask a device for, of those that it has: UDP checksums, which DNS
// questions would else be summed for. Only of hardware: software would sum every packet, and
// virtio would let ones through whose checksums are still to be filled in.
uint64_t wanted_rx_offloads(const std::string& device, const std::string& driver,
                            uint64_t capabilities);

struct PortOptions {
  int index = 0;       // position in the configuration's `ports`, for messages
  std::string name;    // "edge"
  std::string device;  // PCI address "0000:3b:00.0" or vdev "net_tap0,iface=vg0"
  uint16_t mtu = 1500;
  uint16_t workers = 1;    // transmit queues wanted: one per worker
  uint16_t rx_queues = 0;  // 0: one per worker, as far as the PMD allows
  RssFields rss = RssFields::kSource;
  ToeplitzHash::Key rss_key = {};
  uint16_t rx_descriptors = 1024;
  uint16_t tx_descriptors = 1024;
  rte_mempool* pool = nullptr;
  int socket = SOCKET_ID_ANY;
};

// What the device is; reported, not relied upon.
struct PortFacts {
  std::string driver;
  uint64_t rss_hf = 0;        // what its RSS hashes, RTE_ETH_RSS_…; 0: it has none, or one queue
  uint32_t reta_entries = 0;  // of its redirection table, if that can name owners
};

// A device that does not tell counts as up: what is sent may well arrive.
struct PortLink {
  bool up = true;
  uint32_t speed_mbps = 0;  // 0: unknown
};

// Owns one DPDK port: probes the device, configures it, and on destruction stops, closes and
// unplugs it. Owned by the composition root; called by the main thread only, except stats(), link()
// and the plain getters, which any control thread may call while the port exists.
class Port {
 public:
  // Probes the device (vdevs are plugged as given), sets up queues and MTU. Does not start it.
  // REQUIRES: EAL is started; options.pool is set.
  static Result<std::unique_ptr<Port>> open(const PortOptions& options);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // Lets packets flow: link up, own MAC and all multicast (ND needs it); to their owners, where the
  // device has RSS.
  Status start(const FlowOwners& owners);
  // REQUIRES: no worker polls the port any more.
  void stop();

  uint16_t id() const { return id_; }
  const std::string& name() const { return name_; }
  const MacAddress& mac() const { return mac_; }
  uint16_t mtu() const { return mtu_; }
  uint16_t rx_queues() const { return rx_queues_; }
  // May be fewer than the workers; a queue is never used by two of them.
  uint16_t tx_queues() const { return tx_queues_; }
  const PortFacts& facts() const { return facts_; }
  // What did not work but does not prevent service, one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  PortLink link() const;
  // For the log: device, driver, address, queues, link.
  std::string summary() const;
  rte_eth_stats stats() const;

 private:
  explicit Port(const PortOptions& options);
  Status probe();
  Status configure(const rte_eth_dev_info& info);
  Status set_up_queues();
  void set_mtu();
  Error error(const std::string& what) const;
  Error failed(const std::string& step, int code) const;
  void warn(const std::string& what);
  std::string rss_text() const;

  PortOptions options_;
  std::string name_;
  uint16_t id_ = RTE_MAX_ETHPORTS;
  rte_device* device_ = nullptr;
  bool started_ = false;
  MacAddress mac_;
  uint16_t mtu_ = 0;
  uint16_t rx_queues_ = 0;
  uint16_t tx_queues_ = 0;
  PortFacts facts_;
  std::vector<uint8_t> rss_key_;  // as long as the device wants it
  std::vector<std::string> warnings_;
};

// For FlowOwners: the fewest entries of a redirection table of theirs, as longer ones repeat them.
uint32_t owner_buckets(std::span<const std::unique_ptr<Port>> ports);

}  // namespace vipgate
