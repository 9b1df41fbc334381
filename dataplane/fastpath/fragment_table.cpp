#include "dataplane/fastpath/fragment_table.h"

#include <cstring>

#include "dataplane/fastpath/knobs.h"

namespace vipgate {

template <class Address>
FragmentKey fragment_key(const Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  FragmentKey key{.family = sizeof(Address)};
  std::memcpy(key.source.bytes.data(), &ip.source, sizeof(Address));
  std::memcpy(key.destination.bytes.data(), &ip.destination, sizeof(Address));
  if constexpr (sizeof(Address) == 4) {
    key.id = ip.id.raw();
    key.protocol = ip.protocol;
  } else {
    key.id = packet.ipv6_fragment().id.raw();
  }
  return key;
}

FragmentTable::FragmentTable(const FragmentMemory& memory, const HashSecret& secret,
                             uint32_t worker, uint32_t workers)
    : memory_(memory),
      secret_(secret),
      worker_(worker),
      workers_(workers),
      buckets_(static_cast<uint32_t>(memory.datagrams.size() / kWays)) {}

FragmentedDatagram* FragmentTable::find(const FragmentKey& key, uint64_t hash) const {
  FragmentedDatagram* entries = bucket(hash);
  for (size_t i = 0; i < kWays; ++i) {
    if (entries[i].deadline_ns != 0 && entries[i].key == key) return &entries[i];
  }
  return nullptr;
}

// In a free slot, or in place of the datagram that ends soonest.
FragmentedDatagram& FragmentTable::make(const FragmentKey& key, uint64_t hash, uint64_t now_ns) {
  FragmentedDatagram* entries = bucket(hash);
  FragmentedDatagram* chosen = entries;
  for (size_t i = 0; i < kWays; ++i) {
    if (entries[i].deadline_ns < chosen->deadline_ns) chosen = &entries[i];
  }
  settle(*chosen, DropReason::kFragmentHoldFull);
  *chosen = FragmentedDatagram{.key = key, .deadline_ns = now_ns + kFragmentFollowNs};
  return *chosen;
}

FragmentNote FragmentTable::note_of(const FragmentedDatagram& datagram) {
  return {.source_port = datagram.source_port,
          .destination_port = datagram.destination_port,
          .protocol = datagram.protocol,
          .is_set = true,
          .id = datagram.id};
}

void FragmentTable::begin(const FragmentKey& key, uint64_t hash, uint16_t length, uint64_t now_ns,
                          FragmentNote& note) {
  FragmentedDatagram* known = find(key, hash);
  FragmentedDatagram& datagram = known != nullptr ? *known : make(key, hash, now_ns);
  const bool is_repeated = datagram.is_known && datagram.source_port == note.source_port &&
                           datagram.destination_port == note.destination_port &&
                           datagram.protocol == note.protocol && now_ns <= datagram.deadline_ns;
  if (!is_repeated) {
    // Different in all workers and, for 65,536 datagrams of all of them, different from those
    // before; the odd factor keeps that and makes them no plain count (RFC 7739 5.3).
    datagram.id =
        (next_id_++ * workers_ + worker_) * 0x9e3779b1u + static_cast<uint32_t>(secret_.words[0]);
  }
  datagram.deadline_ns = now_ns + kFragmentFollowNs;
  datagram.source_port = note.source_port;
  datagram.destination_port = note.destination_port;
  datagram.protocol = note.protocol;
  datagram.first_end = length;
  datagram.is_known = true;
  note = note_of(datagram);
  settle(datagram, kNoDrop);
}

FragmentTable::Fate FragmentTable::follow(const FragmentKey& key, uint64_t hash, uint16_t offset,
                                          uint64_t now_ns, rte_mbuf* mbuf, FragmentNote& note) {
  FragmentedDatagram* known = find(key, hash);
  if (known != nullptr && known->is_known && now_ns > known->deadline_ns) {
    known->deadline_ns = 0;
    known = nullptr;
  }
  if (known != nullptr && known->is_known) {
    if (offset < known->first_end) return Fate::kOverlaps;
    note = note_of(*known);
    return Fate::kFollows;
  }
  uint16_t index = free_;
  if (index != 0) {
    free_ = place(index).next;
  } else {
    if (used_ == memory_.held.size()) return Fate::kNoRoom;
    index = static_cast<uint16_t>(++used_);
  }
  FragmentedDatagram& datagram = known != nullptr ? *known : make(key, hash, now_ns);
  place(index) = {.mbuf = mbuf,
                  .deadline_ns = now_ns + kFragmentHoldNs,
                  .datagram = &datagram,
                  .older = newest_,
                  .offset = offset};
  (newest_ != 0 ? place(newest_).newer : oldest_) = index;
  newest_ = index;
  (datagram.held_last != 0 ? place(datagram.held_last).next : datagram.held_first) = index;
  datagram.held_last = index;
  ++held_;
  return Fate::kHeld;
}

// All that wait for the datagram's first fragment wait no longer.
void FragmentTable::settle(FragmentedDatagram& datagram, DropReason reason) {
  for (uint16_t index = datagram.held_first; index != 0;) {
    HeldFragment& held = place(index);
    const uint16_t next = held.next;
    const bool overlaps = reason == kNoDrop && held.offset < datagram.first_end;
    if (reason == kNoDrop) write_note(held.mbuf, note_of(datagram));
    make_ready(index, overlaps ? DropReason::kFragmentOverlap : reason);
    index = next;
  }
  datagram.held_first = datagram.held_last = 0;
}

void FragmentTable::make_ready(uint16_t index, DropReason reason) {
  HeldFragment& held = place(index);
  (held.older != 0 ? place(held.older).newer : oldest_) = held.newer;
  (held.newer != 0 ? place(held.newer).older : newest_) = held.older;
  held.reason = reason;
  held.next = 0;
  (ready_last_ != 0 ? place(ready_last_).next : ready_first_) = index;
  ready_last_ = index;
}

void FragmentTable::expire(uint64_t now_ns) {
  while (oldest_ != 0 && place(oldest_).deadline_ns < now_ns) {
    const uint16_t index = oldest_;
    FragmentedDatagram& datagram = *place(index).datagram;
    // The oldest of all is the oldest of its datagram.
    datagram.held_first = place(index).next;
    make_ready(index, DropReason::kFragmentTimeout);
    if (datagram.held_first == 0) datagram = FragmentedDatagram{};
  }
}

bool FragmentTable::take(rte_mbuf*& mbuf, DropReason& reason) {
  if (ready_first_ == 0) return false;
  const uint16_t index = ready_first_;
  HeldFragment& held = place(index);
  ready_first_ = held.next;
  if (ready_first_ == 0) ready_last_ = 0;
  mbuf = held.mbuf;
  reason = held.reason;
  held.next = free_;
  free_ = index;
  --held_;
  return true;
}

template FragmentKey fragment_key<Ipv4Address>(const Packet& packet);
template FragmentKey fragment_key<Ipv6Address>(const Packet& packet);

}  // namespace vipgate
