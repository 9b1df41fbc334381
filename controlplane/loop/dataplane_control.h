// What the control plane needs of the data plane. The composition root adapts the real one; tests
// have their own.
#pragma once

#include <cstdint>
#include <optional>
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
#include "common/loop_counters.h"
#include "common/named_counters.h"
#include "common/result.h"
#include "common/table_figures.h"
#include "common/traffic_figures.h"
#include "common/tunnel_error.h"
#include "common/watch.h"
#include "controlplane/loop/publisher.h"
#include "controlplane/model/compiler.h"

namespace vipgate {

// Called by the control thread only; no call blocks, but that watch() may wait for each worker to
// begin another loop.
class DataplaneControl : public SnapshotSink {
 public:
  // As the configuration's `ports`.
  [[nodiscard]] virtual std::vector<ForwardingPort> ports() const = 0;
  // The interface on which the kernel resolves the port's neighbours; empty: there is none.
  [[nodiscard]] virtual std::string interface_name(size_t port) const = 0;
  // Those of no service and no real, by name: see Dataplane::counters().
  [[nodiscard]] virtual NamedCounters counters() const = 0;
  // What passed by service and real, of those that are served now.
  [[nodiscard]] virtual TrafficFigures traffic_figures() const = 0;
  // What each worker's core did with its time since the start.
  [[nodiscard]] virtual WorkerFigures worker_figures() const = 0;
  // Writes packets that match to files, or gives them to the options' output; without options, ends
  // that. An error: a file cannot be made, or there is no memory.
  [[nodiscard]] virtual Status watch(const std::optional<WatchOptions>& options) = 0;
  // Of the last watch.
  [[nodiscard]] virtual WatchStatus watch_status() const = 0;
  // What would become of a packet now, if it were the first one of its flow. An error: there is no
  // snapshot yet, or no memory. Any thread; takes some milliseconds.
  [[nodiscard]] virtual Result<Explanation> explain(const ExplainPacket& packet) const = 0;
  // Writes the reply to the DNS message in the first `length` octets over it, as for TCP. Any
  // thread.
  [[nodiscard]] virtual DnsStreamAnswer answer_dns(std::span<uint8_t> message, size_t length,
                                                   const IpAddress& client) const = 0;
  // The same over UDP; the length of the reply, 0: there is none. Any thread.
  [[nodiscard]] virtual uint16_t answer_dns_datagram(std::span<uint8_t> message, size_t length,
                                                     const AddressAndPort& client) const = 0;
  // Which flows the workers have; waits for them, some seconds at most. Any thread but the control
  // thread. An error: see FlowDesk::list().
  [[nodiscard]] virtual Result<FlowList> flows(const FlowQuestion& question) const = 0;
  // Has workers follow the wall clock: to be called now and then.
  virtual void note_wall_clock() = 0;
  // What traffic says of the real with this index; see there for what the numbers mean.
  [[nodiscard]] virtual RealSignals real_signals(uint32_t real_index) const = 0;
  // New flows that found no free port, at the position of the first address of their pool and
  // family in SnatLayout::addresses.
  [[nodiscard]] virtual std::vector<uint64_t> snat_exhausted() const = 0;
  // How full each worker's tables are, and which flows found no room in them.
  [[nodiscard]] virtual std::vector<WorkerTables> tables() const = 0;
  // Packet buffers in use, of those that there are.
  [[nodiscard]] virtual TableFill packet_buffers() const = 0;
  // Goes on counting the flows of SNAT pools that services use; to be called about once a second.
  virtual void count_snat_flows() = 0;
  // How full they are, as it has found them last.
  [[nodiscard]] virtual std::vector<SnatPoolUse> snat_pools() const = 0;
  // DNS replies that were over dns.rate_limit since the start.
  [[nodiscard]] virtual DnsRateFigures dns_rate_figures() const = 0;
  // Whether the port has link; true, if its device does not tell.
  [[nodiscard]] virtual bool link_up(size_t port) const = 0;
  // What workers have noted since the last call of ICMP errors about packets of tunnels.
  [[nodiscard]] virtual std::vector<TunnelError> take_tunnel_errors() = 0;
  // Tells the segments that these addresses live here now. Returns how many it took, from the
  // front: the others are to be given again a little later. All, if there is no way to tell anyone.
  [[nodiscard]] virtual size_t announce(std::span<const IpAddress> addresses) = 0;
};

}  // namespace vipgate
