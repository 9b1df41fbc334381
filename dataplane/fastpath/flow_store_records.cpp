// The records of a FlowStore: which one a new flow takes, and what becomes of it afterwards.
#include <algorithm>

#include "dataplane/fastpath/flow_store_begin.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {
namespace {

template <class Address>
bool is_free_or_over(const NatRecord<Address>& record, Quarter now) {
  return record.state == FlowState::kFree || has_passed(record.deadline, now);
}

// Whether a new flow may take the record: it is free, over, closing or unanswered.
template <class Address>
bool may_go(const NatRecord<Address>& record, Quarter now) {
  return record.state < FlowState::kReplied || has_passed(record.deadline, now);
}

// The order in which records go: as in FlowTable::choose.
template <class Address>
bool is_worth_less(const NatRecord<Address>& a, const NatRecord<Address>& b, Quarter now) {
  const auto worth = [now](const NatRecord<Address>& record) -> uint32_t {
    if (is_free_or_over(record, now)) return 0;
    return eviction_worth(record.state) << 16 | static_cast<uint16_t>(record.deadline - now);
  };
  return worth(a) < worth(b);
}

}  // namespace

// Tries kSnatProbes ports from a place that the flow's hash chooses: no list is walked, and a burst
// of new flows spreads over the pool. Where all are taken, the least worthy unanswered or closing
// flow goes, as a flood of made-up clients would else take every port. Null, with the reason: there
// is no such flow either.
template <class Address>
auto FlowStore<Address>::take_snat_port(const ServiceEntry& service, const Snapshot& snapshot,
                                        const Endpoint<Address>& real,
                                        const SnatTry<Address>& first_try, uint64_t hash, Now now,
                                        DropReason& reason) -> Record* {
  if (service.snat_count == 0) {
    reason = DropReason::kSnatExhausted;
    return nullptr;
  }
  SnatTry<Address> found = first_try;
  if (found.record == nullptr || !is_free_or_over(*found.record, now.quarter)) {
    found = find_snat_port(service, snapshot, real, hash, now);
    if (found.record == nullptr || !may_go(*found.record, now.quarter)) {
      note_exhaustion(service, reason);
      return nullptr;
    }
  }
  Record& record = *found.record;
  if (record.state != FlowState::kFree) evict(record, now);
  ++snat_used_;
  record.source = snapshot.snat_addresses[found.slot].address.template as<Address>();
  record.source_port = found.port;
  return &record;
}

// The first one whose record is free, else that of the least worthy flow; null: the worker owns no
// port of those tried.
template <class Address>
auto FlowStore<Address>::find_snat_port(const ServiceEntry& service, const Snapshot& snapshot,
                                        const Endpoint<Address>& real, uint64_t hash, Now now) const
    -> SnatTry<Address> {
  using namespace flow_store_detail;  // NOLINT(google-build-using-namespace)
  uint32_t chosen = first_address(hash, service.snat_count);
  const uint32_t tries = std::min<uint32_t>(service.snat_count, 4);
  SnatTry<Address> least;
  for (uint32_t i = 0; i < tries; ++i) {
    const uint32_t slot = service.snat_first + chosen;
    const SnatPorts& ports = memory_.snat[slot];
    const auto source = snapshot.snat_addresses[slot].address.template as<Address>();
    const uint32_t common = snat_hash(real.address, source, real.protocol);
    uint32_t position = first_position(hash, ports.count());
    const uint32_t step = step_of(hash, ports.count());
    for (uint32_t probe = 0; probe < std::min(kSnatProbes / tries, ports.count()); ++probe) {
      const Be16 port(ports.port(position));
      Record& record = return_record(common, snat_ports_word(real.port, port));
      if (least.record == nullptr || is_worth_less(record, *least.record, now.quarter)) {
        least = {&record, slot, port};
        if (is_free_or_over(record, now.quarter)) return least;
      }
      position = next_position(position, step, ports.count());
    }
    chosen = chosen + 1 == service.snat_count ? 0 : chosen + 1;
  }
  return least;
}

// Where nearly all records are in use, it is not the ports that are too few.
template <class Address>
void FlowStore<Address>::note_exhaustion(const ServiceEntry& service, DropReason& reason) {
  if (snat_used_ > memory_.first_nat_record / 8 * 7) {
    reason = DropReason::kFlowTableFull;
    return;
  }
  reason = DropReason::kSnatExhausted;
  memory_.snat_exhausted[service.snat_first].add();
}

template <class Address>
auto FlowStore<Address>::take_nat_record(Now now) -> Record* {
  if (nat_free_ != kNone) {
    Record& record = memory_.records[nat_free_];
    nat_free_ = record.next_free;
    --nat_given_back_;
    return &record;
  }
  const size_t next = memory_.first_nat_record + nat_used_;
  if (next >= memory_.records.size()) return reuse_nat_record(now);
  ++nat_used_;
  return &memory_.records[next];
}

// All are in use: the next one, in turn, whose flow may go.
template <class Address>
auto FlowStore<Address>::reuse_nat_record(Now now) -> Record* {
  for (uint32_t probe = 0; probe < std::min(kSnatProbes, nat_used_); ++probe) {
    Record& record = memory_.records[memory_.first_nat_record + nat_hand_];
    nat_hand_ = nat_hand_ + 1 == nat_used_ ? 0 : nat_hand_ + 1;
    if (!may_go(record, now.quarter)) continue;
    evict(record, now);
    nat_free_ = record.next_free;  // where release() has just put it
    --nat_given_back_;
    return &record;
  }
  return nullptr;
}

template <class Address>
void FlowStore<Address>::give_back(Record& record) {
  record.state = FlowState::kFree;
  record.seen = 0;  // so that who asks for what has been seen need not ask for the state
  note_end(record.real_id);
  ++given_back_;
  const uint32_t index = index_of(record);
  if (index < memory_.first_nat_record) {
    --snat_used_;
    return;
  }
  record.next_free = nat_free_;
  nat_free_ = index;
  ++nat_given_back_;
}

template SnatTry<Ipv4Address> FlowStore<Ipv4Address>::find_snat_port(const ServiceEntry&,
                                                                     const Snapshot&,
                                                                     const Endpoint<Ipv4Address>&,
                                                                     uint64_t, Now) const;
template NatRecord<Ipv4Address>* FlowStore<Ipv4Address>::take_snat_port(
    const ServiceEntry&, const Snapshot&, const Endpoint<Ipv4Address>&, const SnatTry<Ipv4Address>&,
    uint64_t, Now, DropReason&);
template void FlowStore<Ipv4Address>::note_exhaustion(const ServiceEntry&, DropReason&);
template NatRecord<Ipv4Address>* FlowStore<Ipv4Address>::take_nat_record(Now);
template NatRecord<Ipv4Address>* FlowStore<Ipv4Address>::reuse_nat_record(Now);
template void FlowStore<Ipv4Address>::give_back(NatRecord<Ipv4Address>&);
template SnatTry<Ipv6Address> FlowStore<Ipv6Address>::find_snat_port(const ServiceEntry&,
                                                                     const Snapshot&,
                                                                     const Endpoint<Ipv6Address>&,
                                                                     uint64_t, Now) const;
template NatRecord<Ipv6Address>* FlowStore<Ipv6Address>::take_snat_port(
    const ServiceEntry&, const Snapshot&, const Endpoint<Ipv6Address>&, const SnatTry<Ipv6Address>&,
    uint64_t, Now, DropReason&);
template void FlowStore<Ipv6Address>::note_exhaustion(const ServiceEntry&, DropReason&);
template NatRecord<Ipv6Address>* FlowStore<Ipv6Address>::take_nat_record(Now);
template NatRecord<Ipv6Address>* FlowStore<Ipv6Address>::reuse_nat_record(Now);
template void FlowStore<Ipv6Address>::give_back(NatRecord<Ipv6Address>&);

}  // namespace vipgate
