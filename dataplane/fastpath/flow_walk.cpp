#include "dataplane/fastpath/flow_walk.h"

#include <algorithm>

#include "common/prefetch.h"
#include "dataplane/fastpath/flow_number.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {
namespace {

// What a key has of a flow.
IpAddress client_of(FlowKey4 key) {
  return IpAddress(Ipv4Address{Be32::from_raw(static_cast<uint32_t>(key.bits))});
}
IpAddress client_of(const FlowKey6& key) { return IpAddress(key.client); }
template <class Address>
IpAddress client_of(const WideFlowKey<Address>& key) {
  return IpAddress(key.client);
}
Be16 client_port_of(FlowKey4 key) { return Be16::from_raw(static_cast<uint16_t>(key.bits >> 32)); }
Be16 client_port_of(const FlowKey6& key) { return key.client_port; }
template <class Address>
Be16 client_port_of(const WideFlowKey<Address>& key) {
  return key.client_port;
}

}  // namespace

bool FlowWalk::step(const FlowStore<Ipv4Address>& flows4, const FlowStore<Ipv6Address>& flows6,
                    Now now) {
  if (stop_.load(std::memory_order_relaxed)) return false;
  while (part_ != kParts) {
    const bool is_wide = part_ % 2 != 0;
    const bool has_more = part_ < 2 ? step_in(flows4, is_wide, now) : step_in(flows6, is_wide, now);
    if (has_more) return true;
    ++part_;
    bucket_ = 0;
  }
  return false;
}

// False: the table is through, or there was nothing in it.
template <class Address>
bool FlowWalk::step_in(const FlowStore<Address>& store, bool is_wide, Now now) {
  const auto go_on = [&](const auto& table) {
    // As the sweep does: the pages of a table that was never used stay unused.
    if (table.size() == 0) return false;
    const size_t buckets = std::min(kWalkBucketsPerLoop, table.bucket_count() - bucket_);
    if (buckets == 0) return false;
    look(store, table, buckets, now);
    bucket_ += buckets;
    return true;
  };
  return is_wide ? go_on(store.wide_table()) : go_on(store.table());
}

// Twice, so that the records come into the cache while the others are looked at.
template <class Address, class Table>
void FlowWalk::look(const FlowStore<Address>& store, const Table& table, size_t buckets, Now now) {
  table.look(bucket_, buckets, [&](const auto& entry) {
    if (!entry.names_real()) prefetch_line(&store.record(entry.value));
  });
  table.look(bucket_, buckets, [&](const auto& entry) {
    if (store.has_expired(entry, now.quarter)) return;
    note(store, entry, now);
  });
}

template <class Address, class Entry>
bool FlowWalk::may_match(const Entry& entry) const {
  constexpr bool kIsV4 = sizeof(Address) == sizeof(Ipv4Address);
  if (!matcher_.has_id(flow_number(flow_id_of(entry.key), kIsV4))) return false;
  if (matcher_.client_port && *matcher_.client_port != client_port_of(entry.key)) return false;
  return !matcher_.client || matcher_.client->contains(client_of(entry.key));
}

template <class Address, class Entry>
void FlowWalk::note(const FlowStore<Address>& store, const Entry& entry, Now now) {
  const uint32_t id = flow_id_of(entry.key);
  const NatRecord<Address>* record = entry.names_real() ? nullptr : &store.record(entry.value);
  // The flow's other entry, by which packets from the real find it.
  if (record != nullptr && record->flow_id != id) return;
  ++looked_at_;
  if (!may_match<Address>(entry)) return;
  FlowRow row;
  row.client = client_of(entry.key);
  row.client_port = client_port_of(entry.key);
  row.flow_id = id;
  row.state = entry.state;
  Quarter deadline = entry.deadline;
  if (record != nullptr) {
    row.has_record = true;
    row.vip = IpAddress(record->vip);
    row.vip_port = record->vip_port;
    row.source = IpAddress(record->source);
    row.source_port = record->source_port;
    row.real_address = IpAddress(record->real);
    row.real_port = record->real_port;
    row.real = record->real_id;
    row.state = record->state;
    deadline = record->deadline;
  } else {
    row.real = entry.real();
    if constexpr (requires { entry.key.other; }) {
      row.vip = IpAddress(entry.key.other);
      row.vip_port = entry.key.other_port;
    }
  }
  // Its time runs from its last packet of either direction.
  row.left = has_passed(deadline, now.quarter) ? 0 : static_cast<Quarter>(deadline - now.quarter);
  if (matcher_.state && *matcher_.state != row.state) return;
  if (matcher_.reals && !matcher_.reals->has(row.real.index())) return;
  // A narrow id has but one VIP and port.
  if (is_wide(id)) {
    if (matcher_.vip && !matcher_.vip->contains(row.vip)) return;
    if (matcher_.vip_port && *matcher_.vip_port != row.vip_port) return;
  }
  ++matched_;
  if (found_ < rows_.size()) rows_[found_++] = row;
}

}  // namespace vipgate
