#include "dataplane/worker_memory.h"

#include <algorithm>
#include <bit>

namespace vipgate {
namespace {

// The zeroed bytes of a mapping, as `count` objects: all of these types start out as zero.
template <class T>
std::span<T> array_in(PageMemory& memory, size_t count) {
  memory = PageMemory(count * sizeof(T));
  return {static_cast<T*>(memory.data()), count};
}

}  // namespace

WorkerMemory::WorkerMemory(const WorkerMemoryOptions& options)
    : options_(options),
      counters_(std::make_unique<WorkerCounters>()),
      details_(std::make_unique<WorkerDetails>()),
      loop_counters_(std::make_unique<LoopCounters>()) {
  services_ = array_in<ServiceCounters>(service_memory_, options.sizes.services);
  all_services_[options.worker] = services_;
  reals_ = array_in<RealCounters>(real_memory_, options.sizes.reals);
  snat_exhausted_ = array_in<Counter>(snat_exhausted_memory_, options.snat.size());
  make_family(v4_);
  make_family(v6_);
  make_forwarder();
  constexpr size_t kWays = FragmentTable::kWays;
  const size_t datagrams = (std::max(options.sizes.fragments, kWays) + kWays - 1) / kWays * kWays;
  fragments_.datagrams = array_in<FragmentedDatagram>(datagram_memory_, datagrams);
  fragments_.held = array_in<HeldFragment>(held_memory_, kHeldFragments);
  signals_ = array_in<RealSignalCounters>(signal_memory_, options.sizes.reals);
  new_flows_ = array_in<TokenBucket>(new_flow_memory_, options.sizes.services);
  dns_rates_ = array_in<DnsRateTable::Line>(dns_rate_memory_,
                                            DnsRateTable::lines_for(options.sizes.dns_rates));
  for (uint8_t& count : options_.receivers) {
    if (count == 0) count = static_cast<uint8_t>(options.workers);
  }
}

template <class Address>
void WorkerMemory::make_family(Family<Address>& family) {
  using Table = FlowTable<typename FlowKeyOf<Address>::Type>;
  using WideTable = FlowTable<WideFlowKey<Address>>;
  size_t owned = 0;
  for (const SnatAddress& address : options_.snat) {
    const bool is_mine = address.address.is_v4() == (sizeof(Address) == 4);
    family.snat.push_back(is_mine ? SnatPorts(address, options_.worker, options_.owners)
                                  : SnatPorts());
    owned += family.snat.back().count();
  }
  const uint32_t records = owned == 0 ? 0 : snat_records_for(options_.sizes.flows, owned);
  family.memory = {
      .buckets = array_in<typename Table::Bucket>(family.buckets,
                                                  Table::buckets_for(options_.sizes.flows)),
      .wide_buckets = array_in<typename WideTable::Bucket>(
          family.wide_buckets, WideTable::buckets_for(options_.sizes.wide_flows)),
      .records = array_in<NatRecord<Address>>(family.records, records + options_.sizes.flows),
      .snat = family.snat,
      .connections = array_in<ConnectionCounts::Slot>(
          family.connections, ConnectionCounts::slots_for(options_.sizes.services)),
      .services = services_,
      .reals = reals_,
      .snat_exhausted = snat_exhausted_,
      .first_nat_record = records,
      .worker = options_.worker,
  };
  using Affinities = AffinityTable<Address>;
  family.affinities = array_in<typename Affinities::Bucket>(
      family.affinity_buckets, Affinities::buckets_for(options_.sizes.affinities));
}

void WorkerMemory::populate(bool ipv6) {
  const auto populate = [](auto& family) {
    for (PageMemory* memory : {&family.buckets, &family.wide_buckets, &family.records}) {
      memory->populate();
    }
  };
  populate(v4_);
  if (ipv6) populate(v6_);
}

void WorkerMemory::make_forwarder() {
  if (options_.sizes.dns_answers == 0 || options_.sizes.dns_questions == 0) return;
  const size_t buckets = DnsCacheMemory::buckets_for(options_.sizes.dns_answers);
  dns_places_ = buckets * DnsCacheBucket::kWays;
  const size_t chains = std::bit_ceil(options_.sizes.dns_questions);
  const auto links =
      array_in<uint32_t>(dns_link_memory_, chains * (1 + DnsForwarding::kMaxAttempts));
  forwarder_ = std::make_unique<DnsForwarder>(
      DnsForwarderMemory{
          .cache = {.buckets = array_in<DnsCacheBucket>(dns_bucket_memory_, buckets),
                    .slots = array_in<DnsCacheSlot>(dns_slot_memory_, dns_places_)},
          .flights = {.flights =
                          array_in<DnsFlight>(dns_flight_memory_, options_.sizes.dns_questions),
                      .waiters =
                          array_in<DnsWaiter>(dns_waiter_memory_, options_.sizes.dns_questions),
                      .by_question = links.first(chains),
                      .by_port = links.subspan(chains),
                      .per_client = array_in<uint16_t>(dns_client_memory_, 8 * chains)},
          .snat4 = v4_.snat,
          .snat6 = v6_.snat},
      options_.secret, options_.worker);
}

WorkerTables WorkerMemory::tables() const {
  const auto fill = [](const auto& family, const WorkerDetails::Family& levels) {
    const auto& memory = family.memory;
    constexpr size_t kWays = FlowTable<FlowKeyOf<Ipv4Address>::Type>::kWays;
    return WorkerTables::Family{
        .flows = {levels.flows.value(), memory.buckets.size() * kWays},
        .wide_flows = {levels.wide_flows.value(), memory.wide_buckets.size() * kWays},
        .nat_records = {levels.nat_records.value(),
                        memory.records.size() - memory.first_nat_record},
        .snat_records = {levels.snat_records.value(), memory.first_nat_record},
        // Half of the slots stay free.
        .affinities = {levels.affinities.value(), family.affinities.size() * kWays / 2}};
  };
  return {.ipv4 = fill(v4_, details_->ipv4),
          .ipv6 = fill(v6_, details_->ipv6),
          .fragments = {details_->fragments.value(), fragments_.datagrams.size()},
          .held_fragments = {details_->held_fragments.value(), fragments_.held.size()},
          .dns_rates = {details_->dns_rates.value(), dns_rates_.size() * DnsRateTable::kWays},
          .dns_answers = {details_->dns_answers.value(), dns_places_},
          .dns_questions = {details_->dns_questions.value(),
                            forwarder_ == nullptr ? 0 : options_.sizes.dns_questions},
          .flows_created = counters_->value(Event::kFlowsCreated),
          .flows_evicted = counters_->value(Event::kFlowsEvictedEmbryonic),
          .flows_refused = counters_->value(DropReason::kFlowTableFull),
          .dns_answers_evicted = details_->dns_answers_evicted.value()};
}

PipelineOptions WorkerMemory::pipeline_options() {
  return {.worker = options_.worker,
          .workers = options_.workers,
          .secret = options_.secret,
          .owners = options_.owners,
          .flows4 = v4_.memory,
          .flows6 = v6_.memory,
          .affinities4 = v4_.affinities,
          .affinities6 = v6_.affinities,
          .fragments = fragments_,
          .counters = counters_.get(),
          .details = details_.get(),
          .services = services_,
          .all_services = all_services_,
          .reals = reals_,
          .signals = signals_,
          .new_flows = new_flows_,
          .dns_rates = dns_rates_,
          .receivers = options_.receivers,
          .tunnel_errors = &tunnel_errors_,
          .wall_offset_ns = options_.wall_offset_ns,
          .forwarder = forwarder_.get()};
}

}  // namespace vipgate
