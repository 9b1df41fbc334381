// Fragments in pass two: each gets the ports of its datagram's first fragment and goes on as a
// packet of that flow. Those that come before the first are held, outside of any burst.
//
// With several workers a fragment may change hands twice: to the worker that follows its datagram,
// and from there, with a FragmentNote, to the one that owns the flow (a `nat` real's, to two that
// may: see NatReturnOwner).
#pragma once

#include "dataplane/fastpath/fragment_table.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rare.h"

namespace vipgate {

namespace fragments_detail {

inline void set_ports(Packet& packet, const FragmentNote& note) {
  packet.source_port = note.source_port;
  packet.destination_port = note.destination_port;
  packet.protocol = note.protocol;
  packet.fragment |= Packet::kHasNote;
}

}  // namespace fragments_detail

// False: the packet has left, or is held.
template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::follow_fragment(Burst& burst, Packet& packet) {
  const auto& table = burst.snapshot.template table<Address>();
  const Address destination = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  packet.hash = table.addresses.hash(destination);
  packet.step = sizeof(Address) == 4 ? Step::kLookup4 : Step::kLookup6;
  if (burst.from != From::kDevice) {
    const FragmentNote note = read_note(packet.mbuf);
    if (note.is_set) {
      fragments_detail::set_ports(packet, note);
      return true;
    }
  }
  const auto* entry = table.find(destination, packet.hash);
  const bool is_vip_or_snat =
      entry != nullptr && (entry->kind == AddressKind::kVip || entry->kind == AddressKind::kSnat);
  // To nobody here: it may come from a real of a `nat` service, if there is any.
  const bool may_return = entry == nullptr && table.has_nat_reals();
  if (!is_vip_or_snat && (!may_return || is_link_local_or_group(destination))) {
    handle_unserved<Address>(burst, packet, entry);
    return false;
  }
  const FragmentKey key = fragment_key<Address>(packet);
  const uint64_t hash = fragments_.hash(key);
  if (workers_ > 1 && burst.from == From::kDevice && fragments_.owner(hash) != worker_) {
    hand_over(burst, packet, fragments_.owner(hash));
    return false;
  }
  FragmentNote note{.source_port = packet.source_port,
                    .destination_port = packet.destination_port,
                    .protocol = packet.protocol};
  if (!packet.is_later_fragment()) {
    fragments_.begin(key, hash, packet.fragment_bytes(), burst.now.ns, note);
  } else {
    // Before follow(): a held mbuf waits with it.
    packet.mbuf->port = packet.port;
    switch (
        fragments_.follow(key, hash, packet.fragment_offset(), burst.now.ns, packet.mbuf, note)) {
      case FragmentTable::Fate::kFollows:
        break;
      case FragmentTable::Fate::kHeld:
        counters_.count(Event::kFragmentsHeld);
        observer_(packet.mbuf, Verdict{.kind = Verdict::Kind::kHold});
        packet.step = Step::kDone;
        return false;
      case FragmentTable::Fate::kOverlaps:
        drop(burst, packet, DropReason::kFragmentOverlap);
        return false;
      case FragmentTable::Fate::kNoRoom:
        drop(burst, packet, DropReason::kFragmentHoldFull);
        return false;
    }
  }
  write_note(packet.mbuf, note);
  fragments_detail::set_ports(packet, note);
  packet.is_owned = false;
  return true;
}

// What waited and is ready goes its way as a burst of its own; what waited too long is dropped.
template <class Observer>
bool Pipeline<Observer>::settle_fragments(const Snapshot& snapshot, Now now, Outbox& outbox) {
  if (fragments_.held() == 0) [[likely]] {
    return false;
  }
  fragments_.expire(now.ns);
  rte_mbuf* ready[kBurst];
  uint16_t count = 0;
  bool any = false;
  for (uint16_t i = 0; i < kBurst; ++i) {
    rte_mbuf* mbuf = nullptr;
    DropReason reason = kNoDrop;
    if (!fragments_.take(mbuf, reason)) break;
    any = true;
    if (reason == kNoDrop) {
      ready[count++] = mbuf;
      continue;
    }
    counters_.count(reason);
    details_.count(mbuf->port, reason);
    observer_(mbuf, Verdict{.kind = Verdict::Kind::kDrop, .drop = reason});
    outbox.drop.add(0, mbuf);
  }
  if (count != 0) {
    Burst burst{snapshot, outbox, now, From::kHold};
    run(burst, ready, count, 0);
  }
  return any;
}

}  // namespace vipgate
