// What the passes share of a burst, and what is kept from one packet, or burst, to the next.
#pragma once

#include <nmmintrin.h>

#include <array>
#include <cstdint>
#include <span>

#include "common/flat_map.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/dns_responder.h"
#include "dataplane/fastpath/flow_clock.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/likely_choice.h"
#include "dataplane/fastpath/outbox.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// Where a burst comes from.
enum class BurstOrigin : uint8_t {
  kDevice,
  kWorker,  // that found this one to own the packets, or to follow their fragments
  kHold,    // fragments that waited for their first one, questions for their answers
};

// One burst's context: what the passes share, so that it is not handed from call to call.
struct Burst {
  const Snapshot& snapshot;
  Outbox& outbox;
  Now now;
  BurstOrigin from;
  // Pages of them, and whether what is read of one is worth fetching ahead.
  std::span<const RealEntry* const> reals{snapshot.reals};
  const TunnelHeader* const* tunnels = snapshot.tunnels.data();
  bool has_many_reals = reals.size() * kPageSize > kFewReals;
  // How many records had been given back when pass three began, by family.
  uint32_t given_back4 = 0, given_back6 = 0;
  // What answers to DNS questions come from; the time is set by the first of them.
  DnsContext dns{*snapshot.dns, *snapshot.dns_policy, 0, snapshot.dns_views.get()};

  template <class Address>
  uint32_t given_back() const {
    return sizeof(Address) == 4 ? given_back4 : given_back6;
  }
  // Whether the real exists, is up, and its next hop is known: see RealEntry::is_up_as().
  bool is_up(RealId id) const {
    return id.index() / kPageSize < reals.size() && real_entry(id).is_up_as(id);
  }
  // The same of one that is reached by a tunnel, from what its packets need anyway.
  bool is_up_by_tunnel(RealId id) const {
    return id.index() / kPageSize < reals.size() && tunnel(id).up_generation == id.generation();
  }
  // REQUIRES, as of the next: the real exists or has existed.
  const TunnelHeader& tunnel(RealId id) const {
    return tunnels[id.index() / kPageSize][id.index() % kPageSize];
  }
  const RealEntry& real_entry(RealId id) const {
    return reals[id.index() / kPageSize][id.index() % kPageSize];
  }
};

// Consecutive packets mostly go to the same VIP: the last look-up is kept for the burst.
template <class Address>
struct LastVip {
  Address address{};
  Be16 port;
  uint8_t protocol = 0;  // none that is looked up: nothing is equal to it
  const ServiceEntry* service = nullptr;
  // Returns do the same with the last SNAT address.
  Address snat{};
  uint32_t snat_slot = kNone;
  // Questions with the address of ours that the last one was for.
  Address dns{};
  bool has_dns = false;

  bool is_of(const Packet& packet) const {
    return packet.ip<typename IpHeaderOf<Address>::Type>().destination == address &&
           packet.destination_port == port && packet.protocol == protocol;
  }
};

// The last destination address that was looked up, and its hash.
template <class Address>
struct LastHash {
  Address address{};
  uint64_t hash = FlatHash<Address>::hash(Address{});
};

// The VIP that the bursts before were for, as parse_all() compares with it.
struct UsualVip {
  LastVip<Ipv4Address> vip;
  uint64_t destination = 0;  // address and port, as they lie in a plain packet
  uint64_t key = 0;          // what the keys of all its flows have in common
  Step step{};

  // Of destination and ports, as they follow each other in a plain packet: all but the client's.
  static constexpr uint64_t kMask = 0xffff'0000'ffff'ffff;

  // REQUIRES: the packet is plain, so that the ports follow the destination.
  bool is_of(const Packet& packet) const {
    const auto word = load<uint64_t>(&packet.ip<Ipv4Header>().destination);
    return (word & kMask) == destination && packet.protocol == vip.protocol;
  }
};

// What returns have come to, or from, of one snapshot: so that their flows can be looked up while
// they are parsed. Each lies in the one place that a hash of it says, and the last one stays.
struct KnownReturns {
  static constexpr uint32_t kSnatPlaces = 64;
  static constexpr uint32_t kRealPlaces = 256;
  struct Snat {
    Ipv4Address address{};
    uint32_t slot = kNone;
  };
  // A `nat` real's endpoint, and the flow id of what comes from it; 0: none.
  struct Real {
    uint64_t endpoint = 0;
    uint32_t flow_id = 0;
  };

  static uint64_t endpoint(Ipv4Address address, Be16 port, uint8_t protocol) {
    return address.value.raw() | uint64_t{port.raw()} << 32 | uint64_t{protocol} << 48;
  }
  Snat& snat_place(Ipv4Address address) {
    return snat[address.value.raw() >> 24 & (kSnatPlaces - 1)];
  }
  Real& real_place(uint64_t endpoint) {
    return reals[_mm_crc32_u64(0, endpoint) & (kRealPlaces - 1)];
  }

  uint64_t generation = UINT64_MAX;
  std::array<Snat, kSnatPlaces> snat{};
  std::array<Real, kRealPlaces> reals{};
};

// What the steps of a new flow share, so that each is reckoned once.
struct NewFlowNote {
  uint64_t hash = 0;      // of its key
  uint32_t row_hash = 0;  // chooses its Maglev row
  // What SnatTry has, where it is for this real; else none is known.
  RealId snat_real;
  void* snat_record = nullptr;
  uint32_t snat_slot = 0;
  Be16 snat_port;
  LikelyChoice likely;
};

// Counts of consecutive packets of one service, added up when the service changes.
struct CountedRun {
  uint32_t service = kNone;
  uint32_t forward_packets = 0, return_packets = 0;
  uint64_t forward_bytes = 0, return_bytes = 0;
};

}  // namespace vipgate
