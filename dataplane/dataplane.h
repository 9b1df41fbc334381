// The data plane's façade: all that the composition root sees of it. No DPDK type appears here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/address_and_port.h"
#include "common/addresses.h"
#include "common/counters.h"
#include "common/dns_forwarding.h"
#include "common/explanation.h"
#include "common/flow_list.h"
#include "common/huge_pages.h"
#include "common/loop_counters.h"
#include "common/named_counters.h"
#include "common/result.h"
#include "common/rss_fields.h"
#include "common/snapshot.h"
#include "common/table_figures.h"
#include "common/traffic_figures.h"
#include "common/tunnel_error.h"
#include "common/watch.h"
#include "dataplane/secrets.h"
#include "dataplane/worker_sizes.h"

namespace vipgate {

struct DataplanePort {
  std::string name;
  std::string device;  // PCI address or vdev string
  uint16_t mtu = 1500;
  uint16_t vlan = 0;
  std::vector<IpPrefix> addresses;
  uint16_t queues = 0;  // 0: one per worker, as far as the device allows
  RssFields rss = RssFields::kSource;
  bool kernel = true;  // a TAP interface carries the addresses
};

struct DataplaneOptions {
  HugePages huge_pages = HugePages::kAuto;
  uint32_t memory_mb = 1024;
  uint32_t mbuf_bytes = 0;  // room for packet data in one buffer; 0: what the largest MTU needs
  uint32_t mbufs = 0;       // 0: what the queues need
  std::vector<std::string> extra_eal_args;
  std::vector<int> control_cpus;
  std::vector<int> worker_cpus;  // one worker each
  bool poll = false;             // never sleep
  WorkerSizes sizes;             // of each worker
  std::vector<DataplanePort> ports;
  std::vector<SnatAddress> snat_addresses;
  Secrets secrets;
};

// Owns EAL, the ports, the exception path and the workers. Made once per process; all methods are
// the control thread's, but for counters(), worker_figures(), real_signals(), snat_exhausted(),
// dns_rate_figures(), flows() and explain(), which any thread may call.
class Dataplane {
 public:
  // Starts everything; the workers run, and wait for the first snapshot.
  static Result<std::unique_ptr<Dataplane>> start(const DataplaneOptions& options);
  // Stops the workers, then the ports, then EAL.
  ~Dataplane();
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;

  // SnapshotCell's, see there.
  uint64_t publish(std::shared_ptr<const Snapshot> snapshot);
  bool passed(uint64_t version) const;
  size_t reclaim();

  // For the log: which memory is used and why, and a line per port; and what did not work but does
  // not prevent service.
  const std::string& memory_mode() const;
  std::vector<std::string> port_summaries() const;
  const std::vector<std::string>& warnings() const;

  MacAddress mac(size_t port) const;
  // What the device took of DataplanePort::mtu.
  uint16_t mtu(size_t port) const;
  // Whether it has link now; true, if the device does not tell.
  bool link_up(size_t port) const;
  // Of the port's exception path: "vg-edge"; empty without one.
  std::string interface_name(size_t port) const;

  // Tells the segments that `addresses` live here now: on the port whose prefix has the address, or
  // else on all ports with a kernel side. Returns how many of them, from the front, were queued:
  // the rest must be tried again.
  size_t announce(std::span<const IpAddress> addresses);

  // Writes the reply to the DNS message in the first `length` octets over it, as for TCP, by the
  // tables in force. All of `message` may be written, of which 65535 octets are used. Any thread.
  DnsStreamAnswer answer_dns(std::span<uint8_t> message, size_t length,
                             const IpAddress& client) const;

  // The same over UDP, to questions that come to the kernel: see dns_answer_datagram(). Returns the
  // length of the reply; 0: there is none.
  uint16_t answer_dns_datagram(std::span<uint8_t> message, size_t length,
                               const AddressAndPort& client) const;

  // Which flows the workers have: see FlowDesk::list(). Any thread, which may wait some seconds.
  Result<FlowList> flows(const FlowQuestion& question) const;

  // Has workers follow the wall clock: to be called now and then, as that may be set or slewed.
  void note_wall_clock();

  // Follows packets through the workers into the files that the options name, from when each worker
  // has begun another loop until as many as wanted are followed to their ends. Ends the watch
  // before. An error: a file cannot be made. REQUIRES: a snapshot has been published.
  Status watch(const WatchOptions& options);
  void stop_watching();
  WatchStatus watch_status() const;

  // What would become of a packet by the snapshot in force, if it were the first one of its flow:
  // see explain.h. An error: there is no snapshot yet, or no memory. Any thread.
  Result<Explanation> explain(const ExplainPacket& packet) const;

  // What the traffic says of the real with this index, over all workers; any thread. Nothing (all
  // zero) beyond limits.reals.
  RealSignals real_signals(uint32_t real_index) const;

  // New flows that found no free port of their pool, over all workers, at the position of the
  // pool's first address of the family in DataplaneOptions::snat_addresses; any thread.
  std::vector<uint64_t> snat_exhausted() const;

  // DNS replies that were over the rate limit, over all workers; any thread.
  DnsRateFigures dns_rate_figures() const;

  // How full each worker's tables are, and the flows that found no room; any thread.
  std::vector<WorkerTables> tables() const;

  // Packet buffers that are not in the pool, and how many there are; any thread.
  TableFill packet_buffers() const;

  // How full SNAT pools are that services use, as count_snat_flows() has found them: to be called
  // about once a second, for some thousand reals each time.
  void count_snat_flows();
  const std::vector<SnatPoolUse>& snat_pools() const;

  // What the workers have noted since the last call of ICMP errors about packets of tunnels.
  std::vector<TunnelError> take_tunnel_errors();

  // What each worker's core did with its time since the start: busy ratio, cycles per packet, how
  // full bursts were, how long loops took; any thread. LoopFigures::since() makes a window of two.
  WorkerFigures worker_figures() const;

  // Those of no service and no real, summed over workers: of SNAT pools, ports, types of DNS
  // questions and drops by worker also where they are zero, so that who looks at their growth sees
  // the first one, and the others that are not:
  // "drop.no_flow", "dns.answer", "rx_packets", "port.edge.rx_missed", …
  NamedCounters counters() const;
  // What passed by service and real, of those that the current snapshot has.
  TrafficFigures traffic_figures() const;

 private:
  struct Parts;
  explicit Dataplane(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace vipgate
