// Which flow the fragments of a datagram belong to: the first one has the ports, the others follow
// it by addresses, protocol and id. Those that arrive before the first wait for it.
//
// One table per worker, for both families, of the datagrams whose key hashes to that worker. The
// memory is given at construction and never grows; only the owning worker touches it.
#pragma once

#include <rte_mbuf.h>

#include <span>

#include "common/addresses.h"
#include "common/hash.h"
#include "dataplane/fastpath/fragment_note.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/table_census.h"

namespace vipgate {

// RFC 791 3.2; RFC 8200 4.5, by which the protocol is no part of it.
struct FragmentKey {
  Ipv6Address source{}, destination{};  // IPv4: in the first four bytes
  uint32_t id = 0;
  uint8_t protocol = 0;
  uint8_t family = 0;
  uint16_t zero = 0;
  friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};
static_assert(sizeof(FragmentKey) == 40);

// REQUIRES: the packet is a fragment of the family.
template <class Address>
FragmentKey fragment_key(const Packet& packet);

struct alignas(64) FragmentedDatagram {
  FragmentKey key;
  uint64_t deadline_ns = 0;  // 0: the slot is free
  uint32_t id = 0;           // see FragmentNote
  Be16 source_port{}, destination_port{};
  uint16_t first_end = 0;                  // bytes of the datagram that the first fragment holds
  uint16_t held_first = 0, held_last = 0;  // places in the hold queue, from 1 on; 0: none
  uint8_t protocol = 0;
  bool is_known = false;  // the first fragment has come
};
static_assert(sizeof(FragmentedDatagram) == 64);

// One place of the hold queue.
struct HeldFragment {
  rte_mbuf* mbuf = nullptr;
  uint64_t deadline_ns = 0;
  FragmentedDatagram* datagram = nullptr;
  uint16_t next = 0;              // of the datagram, of those that are ready, or of the free places
  uint16_t older = 0, newer = 0;  // of those that wait
  uint16_t offset = 0;
  DropReason reason = kNoDrop;  // why it is to be dropped, once it is ready
};

// Zeroed memory that outlives the table.
struct FragmentMemory {
  std::span<FragmentedDatagram>
      datagrams;                 // a multiple of FragmentTable::kWays, at least that many
  std::span<HeldFragment> held;  // fewer than 65,536
};

class FragmentTable {
 public:
  static constexpr size_t kWays = 4;
  enum class Fate { kFollows, kHeld, kOverlaps, kNoRoom };

  FragmentTable(const FragmentMemory& memory, const HashSecret& secret, uint32_t worker,
                uint32_t workers);

  uint64_t hash(const FragmentKey& key) const { return keyed_hash(&key, sizeof key, secret_); }
  // The worker that follows the datagram; the same in all workers.
  uint32_t owner(uint64_t hash) const { return scale(static_cast<uint32_t>(hash >> 32), workers_); }

  // The first fragment, with `length` bytes of the datagram, has come with `note`'s ports: those
  // that wait for it become ready. A datagram of the same key that was known is forgotten: ids are
  // used again. The note gets its id.
  void begin(const FragmentKey& key, uint64_t hash, uint16_t length, uint64_t now_ns,
             FragmentNote& note);
  // Another one, at `offset`. kFollows: `note` is the datagram's. kHeld: the mbuf is the table's
  // until take(). kOverlaps: it would write over the transport header's fragment (RFC 3128, RFC
  // 5722).
  Fate follow(const FragmentKey& key, uint64_t hash, uint16_t offset, uint64_t now_ns,
              rte_mbuf* mbuf, FragmentNote& note);
  // Makes those ready, for being dropped, that have waited long enough.
  void expire(uint64_t now_ns);
  // The next one that has waited, with its note; `reason`: kNoDrop, or why it is to be dropped.
  // False: there is none.
  bool take(rte_mbuf*& mbuf, DropReason& reason);

  // Mbufs that are the table's.
  size_t held() const { return held_; }
  // Datagrams that are followed, or waited for, as of late.
  uint64_t datagrams() const { return census_.entries(); }
  // Goes on counting them.
  void count_datagrams(uint64_t now_ns) {
    census_.advance(memory_.datagrams.size(), kCensusLines, [&](size_t place) {
      return memory_.datagrams[place].deadline_ns > now_ns ? 1u : 0u;
    });
  }

 private:
  FragmentedDatagram* find(const FragmentKey& key, uint64_t hash) const;
  FragmentedDatagram& make(const FragmentKey& key, uint64_t hash, uint64_t now_ns);
  FragmentedDatagram* bucket(uint64_t hash) const {
    return memory_.datagrams.data() + kWays * scale(static_cast<uint32_t>(hash), buckets_);
  }
  HeldFragment& place(uint16_t index) const { return memory_.held[index - 1u]; }
  void settle(FragmentedDatagram& datagram, DropReason reason);
  void make_ready(uint16_t index, DropReason reason);
  static FragmentNote note_of(const FragmentedDatagram& datagram);

  const FragmentMemory memory_;
  const HashSecret secret_;
  const uint32_t worker_, workers_, buckets_;
  uint32_t next_id_ = 0;
  uint32_t used_ = 0;  // places that were ever taken
  uint16_t free_ = 0;
  uint16_t oldest_ = 0, newest_ = 0;  // that wait
  uint16_t ready_first_ = 0, ready_last_ = 0;
  size_t held_ = 0;
  TableCensus census_;
};

}  // namespace vipgate
