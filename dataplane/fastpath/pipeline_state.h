// What a worker knows from one burst to the next. It is copied as a whole when another pipeline,
// with another observer, goes on where one stands: the tables lie elsewhere and are not copied with
// it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "common/counters.h"
#include "common/prefetch.h"
#include "common/snapshot.h"
#include "common/tunnel_error.h"
#include "dataplane/fastpath/affinity_table.h"
#include "dataplane/fastpath/dns_alias.h"
#include "dataplane/fastpath/dns_forwarder.h"
#include "dataplane/fastpath/dns_rate_table.h"
#include "dataplane/fastpath/flow_owners.h"
#include "dataplane/fastpath/flow_store.h"
#include "dataplane/fastpath/fragment_table.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/rate_limit.h"
#include "dataplane/fastpath/wall_clock.h"
#include "dataplane/fastpath/worker_details.h"

namespace vipgate {

struct PipelineOptions {
  uint32_t worker = 0;
  uint32_t workers = 1;
  HashSecret secret;
  const FlowOwners* owners = nullptr;  // the same in all workers; with one, none is needed
  FlowStoreMemory<Ipv4Address> flows4;
  FlowStoreMemory<Ipv6Address> flows6;
  std::span<AffinityTable<Ipv4Address>::Bucket> affinities4;
  std::span<AffinityTable<Ipv6Address>::Bucket> affinities6;
  FragmentMemory fragments;
  WorkerCounters* counters = nullptr;
  WorkerDetails* details = nullptr;
  std::span<ServiceCounters> services;  // by service index
  // Those of each worker, by its index: of this one, and of others as far as they are read.
  std::span<const std::span<const ServiceCounters>> all_services;
  std::span<RealCounters> reals;  // by real index
  std::span<RealSignalCounters> signals;
  std::span<TokenBucket> new_flows;  // of services that limit them, by service index
  std::span<DnsRateTable::Line> dns_rates;
  // By port: how many workers receive by it, that share what is limited.
  std::array<uint8_t, kMaxPorts> receivers{};
  TunnelErrorRing* tunnel_errors = nullptr;
  const std::atomic<int64_t>* wall_offset_ns = nullptr;  // see WallClock
  DnsForwarder* forwarder = nullptr;                     // null: no question is forwarded
};

class PipelineState {
 protected:
  explicit PipelineState(const PipelineOptions& options)
      : worker_(options.worker),
        workers_(options.workers),
        owners_(options.owners),
        flows4_(options.flows4, options.secret, *options.counters),
        flows6_(options.flows6, options.secret, *options.counters),
        affinities4_(options.affinities4, options.secret, *options.counters),
        affinities6_(options.affinities6, options.secret, *options.counters),
        fragments_(options.fragments, options.secret, options.worker, options.workers),
        counters_(*options.counters),
        details_(*options.details),
        services_(options.services),
        all_services_(options.all_services),
        reals_(options.reals),
        signals_(options.signals),
        new_flows_(options.new_flows),
        dns_rates_(options.dns_rates, options.secret),
        receivers_(options.receivers),
        tunnel_errors_(options.tunnel_errors),
        wall_clock_(options.wall_offset_ns),
        forwarder_(options.forwarder) {}

  template <class Address>
  FlowStore<Address>& flows() {
    if constexpr (sizeof(Address) == 4) {
      return flows4_;
    } else {
      return flows6_;
    }
  }
  template <class Address>
  AffinityTable<Address>& affinities() {
    if constexpr (sizeof(Address) == 4) {
      return affinities4_;
    } else {
      return affinities6_;
    }
  }

  const uint32_t worker_;
  const uint32_t workers_;
  const FlowOwners* owners_;
  FlowStore<Ipv4Address> flows4_;
  FlowStore<Ipv6Address> flows6_;
  AffinityTable<Ipv4Address> affinities4_;
  AffinityTable<Ipv6Address> affinities6_;
  FragmentTable fragments_;
  WorkerCounters& counters_;
  WorkerDetails& details_;
  std::span<ServiceCounters> services_;
  std::span<const std::span<const ServiceCounters>> all_services_;
  std::span<RealCounters> reals_;
  std::span<RealSignalCounters> signals_;
  std::span<TokenBucket> new_flows_;
  DnsRateTable dns_rates_;
  std::array<uint8_t, kMaxPorts> receivers_;
  TunnelErrorRing* tunnel_errors_;
  WallClock wall_clock_;
  DnsForwarder* forwarder_;
  std::array<TokenBucket, kCountOf<KernelReason>> kernel_limits_{};
  RateLimit echo_limit_{kEchoRepliesPerSecond};
  RateLimit unreachable_limit_{kUnreachablesPerSecond};
  RateLimit reset_limit_{kResetsPerSecond};
  RateLimit time_exceeded_limit_{kTimeExceededPerSecond};
  RateLimit too_big_limit_{kTooBigPerSecond};
  uint32_t dns_rotation_ = 0;
  DnsAlias dns_alias_;     // of the question that is answered
  Quarter told_levels_{};  // when tell_levels() did last

  // A service that came after the counters were allocated has none of its own, and so has a real.
  template <bool kIsReturn>
  [[gnu::always_inline]] void count_packets(uint32_t service, uint32_t packets, uint64_t bytes) {
    if (packets == 0) return;
    counters_.count(kIsReturn ? Event::kReturnPackets : Event::kForwardPackets, packets);
    if (service >= services_.size()) [[unlikely]]
      return;
    ServiceCounters& counters = services_[service];
    (kIsReturn ? counters.return_packets : counters.forward_packets).add(packets);
    (kIsReturn ? counters.return_bytes : counters.forward_bytes).add(bytes);
  }
  [[gnu::always_inline]] void count_real(RealId real, uint64_t bytes) {
    if (real.index() >= reals_.size()) return;
    RealCounters& counters = reals_[real.index()];
    counters.packets.add();
    counters.bytes.add(bytes);
  }
  [[gnu::always_inline]] void prefetch_counters(RealId real) const {
    if (real.index() < reals_.size()) prefetch_line(&reals_[real.index()]);
  }
  void signal(RealId real, Counter RealSignalCounters::*which) {
    if (real.index() < signals_.size()) (signals_[real.index()].*which).add();
  }

  // Tells how full the tables are, four times a second.
  void tell_levels(Now now) {
    if (now.quarter == told_levels_) [[likely]]
      return;
    told_levels_ = now.quarter;
    tell_all_levels(now);
  }
  [[gnu::noinline]] void tell_all_levels(Now now) {
    flows4_.tell_levels(details_.ipv4);
    flows6_.tell_levels(details_.ipv6);
    details_.ipv4.affinities.set(affinities4_.size());
    details_.ipv6.affinities.set(affinities6_.size());
    fragments_.count_datagrams(now.ns);
    details_.fragments.set(fragments_.datagrams());
    details_.held_fragments.set(fragments_.held());
    dns_rates_.count_keys(now.ns);
    details_.dns_rates.set(dns_rates_.keys());
    if (forwarder_ == nullptr) return;
    DnsCache& cache = forwarder_->cache();
    cache.count_answers(now.ns);
    details_.dns_answers.set(cache.answers());
    details_.dns_answers_evicted.set(cache.evictions());
    details_.dns_questions.set(forwarder_->flights().held());
  }
};

}  // namespace vipgate
