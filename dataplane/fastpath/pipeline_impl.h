// The frame of Pipeline: the order of the passes.
// Included by the files that instantiate Pipeline for their observer.
#pragma once

#include <utility>

#include "common/prefetch.h"
#include "dataplane/fastpath/direct.h"
#include "dataplane/fastpath/dns_forward.h"
#include "dataplane/fastpath/dns_limits.h"
#include "dataplane/fastpath/dns_packets.h"
#include "dataplane/fastpath/fragments.h"
#include "dataplane/fastpath/icmp_impl.h"
#include "dataplane/fastpath/icmp_relay.h"
#include "dataplane/fastpath/lookup.h"
#include "dataplane/fastpath/lookup_returns.h"
#include "dataplane/fastpath/named_reals.h"
#include "dataplane/fastpath/new_flow_prefetch.h"
#include "dataplane/fastpath/parse.h"
#include "dataplane/fastpath/parse_plain.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rare.h"
#include "dataplane/fastpath/translate.h"
#include "dataplane/fastpath/usual_beginnings.h"
#include "dataplane/fastpath/usual_packets.h"
#include "dataplane/fastpath/usual_vip.h"
#include "dataplane/fastpath/ways_out.h"

namespace vipgate {

template <class Observer>
void Pipeline<Observer>::process(const Snapshot& snapshot, rte_mbuf** mbufs, uint16_t count,
                                 uint8_t port, bool handed_over, Now now, Outbox& outbox) {
  Burst burst{snapshot, outbox, now, handed_over ? From::kWorker : From::kDevice};
  run(burst, mbufs, count, port);
}

// From so many new flows in a burst on, it pays to look for those of the next one beforehand.
inline constexpr uint32_t kManyNewFlows = 8;

template <class Observer>
void Pipeline<Observer>::run(Burst& burst, rte_mbuf** mbufs, uint16_t count, uint8_t port) {
  dns_count_ = 0;
  new_flows_known_ = 0;
  const UsualVip usual = usual_vip(burst);
  const bool any_look_up = burst.from == From::kDevice
                               ? parse_stretch(burst, mbufs, 0, count, port, usual)
                               : parse_stretches(burst, mbufs, count, usual);
  if (any_look_up) look_up_all(burst, count, usual.vip);
  find_all(burst, count);
  // As many as in the last burst are to be expected.
  if (std::exchange(begun_, 0) >= kManyNewFlows) [[unlikely]] {
    prefetch_new_flows(burst, count);
  }
  for (uint16_t i = 0; i < count;) i = finish_from(burst, i, count);
  flush_run();
}

// Pass two, for those that parse_all() has not looked up.
template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::look_up_all(Burst& burst, uint16_t count,
                                                       LastVip<Ipv4Address> last4) {
  LastVip<Ipv6Address> last6;
  // Those whose service is on its way into the cache.
  uint16_t waiting[kBurst];
  uint16_t waiting_count = 0;
  for (uint16_t i = 0; i < count; ++i) {
    Packet& packet = packets_[i];
    if (packet.step == Step::kLookup4) [[likely]] {
      look_up(burst, packet, last4);
    } else if (packet.step == Step::kLookup6) {
      look_up(burst, packet, last6);
    } else if (packet.step == Step::kFragment4) {
      if (follow_fragment<Ipv4Address>(burst, packet)) look_up(burst, packet, last4);
    } else if (packet.step == Step::kFragment6) {
      if (follow_fragment<Ipv6Address>(burst, packet)) look_up(burst, packet, last6);
    }
    if (packet.step == Step::kVip4 || packet.step == Step::kVip6) waiting[waiting_count++] = i;
  }
  for (uint16_t i = 0; i < waiting_count; ++i) {
    Packet& packet = packets_[waiting[i]];
    if (packet.step == Step::kVip4) [[likely]] {
      look_up_flow<Ipv4Address>(burst, packet);
    } else {
      look_up_flow<Ipv6Address>(burst, packet);
    }
  }
  usual_ = last4;
}

// Pass three.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::find_all(Burst& burst, uint16_t count) {
  burst.given_back4 = flows4_.given_back();
  burst.given_back6 = flows6_.given_back();
  for (uint16_t i = 0; i < count; ++i) find_flow(burst, packets_[i]);
  if (dns_count_ != 0) prefetch_questions(burst);
  if (seen_client_count_ != 0) [[unlikely]] {
    note_clients(burst);
  }
  for (uint16_t i = 0; burst.has_many_reals && i < count; ++i) {
    const Packet& packet = packets_[i];
    if (packet.step == Step::kForward4) {
      prefetch_behind_record<Ipv4Address>(burst, packet);
    } else if (packet.step == Step::kForward6) {
      prefetch_behind_record<Ipv6Address>(burst, packet);
    }
  }
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::prefetch_address(const Snapshot& snapshot,
                                                                        Packet& packet,
                                                                        LastHash<Address>& last) {
  const auto& addresses = snapshot.template table<Address>().addresses;
  const Address& destination = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  if (!(destination == last.address)) {
    last = {destination, addresses.hash(destination)};
    addresses.prefetch(last.hash);
  }
  packet.hash = last.hash;
}

template <class Observer>
[[gnu::always_inline]] inline bool Pipeline<Observer>::parse_stretch(Burst& burst, rte_mbuf** mbufs,
                                                                     uint16_t first, uint16_t last,
                                                                     uint8_t port,
                                                                     const UsualVip& usual) {
  return workers_ == 1 || burst.from == From::kWorker
             ? parse_all<false>(burst, mbufs, first, last, port, usual)
             : parse_all<true>(burst, mbufs, first, last, port, usual);
}

// Parses those from `first` to `last`, all of which came by `port`. Whether any of them is to be
// looked up: this worker's to the usual VIP have been.
template <class Observer>
template <bool kAsksOwner>
[[gnu::noinline]] bool Pipeline<Observer>::parse_all(Burst& burst, rte_mbuf** mbufs, uint16_t first,
                                                     uint16_t last, uint8_t port,
                                                     const UsualVip& usual_vip) {
  constexpr uint16_t kAhead = 8;
  const UsualVip usual = usual_vip;  // which nothing that is written below can change
  for (uint16_t i = first; i < std::min<int>(last, first + kAhead); ++i) {
    prefetch_line(rte_pktmbuf_mtod(mbufs[i], const uint8_t*));
  }
  const PortEntry& entry = burst.snapshot.ports[port];
  const PlainFrame<Ipv4Header> plain4(entry);
  const PlainFrame<Ipv6Header> plain6(entry);
  const bool is_owned = burst.from == From::kWorker;
  const bool takes_returns = knows_returns(burst);
  const AddressTable4& table = burst.snapshot.v4;
  const bool takes_nat_returns = takes_returns && table.nat_reals.size() != 0 &&
                                 table.wide.empty() &&
                                 table.addresses.slot_count() <= kFewAddressSlots;
  const UsualFrame usual_frame(entry, port, is_owned, usual);
  LastHash<Ipv4Address> last4;
  LastHash<Ipv6Address> last6;
  uint64_t bytes = 0;
  bool any_look_up = false;
  rte_mbuf** const end = mbufs + last;
  Packet* at = &packets_[first];
  for (rte_mbuf** next = mbufs + first; next != end; ++next, ++at) {
    if (next + kAhead < end) prefetch_line(rte_pktmbuf_mtod(next[kAhead], const uint8_t*));
    Packet& packet = *at;
    packet.mbuf = *next;
    bytes += packet.mbuf->pkt_len;
    const Parsed parsed = parse_tcp<kAsksOwner>(packet, usual, usual_frame);
    if (parsed == Parsed::kUsual) [[likely]]
      continue;
    if (parsed == Parsed::kNot) {
      packet.set_origin(port, is_owned);
      if (!parse_plain(packet, plain4)) {
        any_look_up = true;
        if (parse_plain(packet, plain6)) {
          prefetch_address(burst.snapshot, packet, last6);
        } else {
          parse_other(burst, packet, last4, last6);
        }
        continue;
      }
      if (usual.is_of(packet) &&
          owns<kAsksOwner>(packet.ip<Ipv4Header>().source, packet.source_port)) {
        prepare_usual_flow(packet, usual);
        packet.step = usual.step;
        continue;
      }
    }
    if (takes_returns && parse_return<kAsksOwner>(packet)) continue;
    if (takes_nat_returns && parse_nat_return<kAsksOwner>(burst, packet)) continue;
    prefetch_address(burst.snapshot, packet, last4);
    any_look_up = true;
  }
  if (burst.from == From::kDevice) {
    counters_.count(Event::kRxPackets, static_cast<uint64_t>(last - first));
    counters_.count(Event::kRxBytes, bytes);
  }
  return any_look_up;
}

// The same for packets that may have come by several ports, which their mbufs tell.
template <class Observer>
[[gnu::noinline]] bool Pipeline<Observer>::parse_stretches(Burst& burst, rte_mbuf** mbufs,
                                                           uint16_t count, const UsualVip& usual) {
  bool any_look_up = false;
  uint16_t last = 0;
  for (uint16_t first = 0; first < count; first = last) {
    const uint16_t port = mbufs[first]->port;
    while (last < count && mbufs[last]->port == port) ++last;
    any_look_up |= parse_stretch(burst, mbufs, first, last, static_cast<uint8_t>(port), usual);
  }
  return any_look_up;
}

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::parse_other(Burst& burst, Packet& packet,
                                                       LastHash<Ipv4Address>& last4,
                                                       LastHash<Ipv6Address>& last6) {
  const DropReason reason = parse(packet, burst.snapshot.ports[packet.port]);
  if (reason != kNoDrop) return drop(burst, packet, reason);
  if (packet.step == Step::kLookup4) {
    prefetch_address(burst.snapshot, packet, last4);
  } else if (packet.step == Step::kLookup6) {
    prefetch_address(burst.snapshot, packet, last6);
  }
}

template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::find_flow(Burst& burst, Packet& packet) {
  // These before the rest: a jump through a table costs more than they.
  if (packet.step == Step::kForward4) return find_forward<Ipv4Address>(burst, packet);
  if (packet.step == Step::kDirect4) return find_direct<Ipv4Address>(burst, packet);
  if (packet.step == Step::kReturn4) return;  // has been found
  if (packet.step == Step::kNatReturn4) return find_return<Ipv4Address>(burst, packet);
  switch (packet.step) {
    case Step::kForward6:
      find_forward<Ipv6Address>(burst, packet);
      break;
    case Step::kNatReturn6:
      find_return<Ipv6Address>(burst, packet);
      break;
    case Step::kDirect6:
      find_direct<Ipv6Address>(burst, packet);
      break;
    case Step::kWideForward4:
      find_wide_forward<Ipv4Address>(burst, packet);
      break;
    case Step::kWideForward6:
      find_wide_forward<Ipv6Address>(burst, packet);
      break;
    case Step::kWideNatReturn4:
      find_wide_return<Ipv4Address>(burst, packet);
      break;
    case Step::kWideNatReturn6:
      find_wide_return<Ipv6Address>(burst, packet);
      break;
    case Step::kWideDirect4:
      find_wide_direct<Ipv4Address>(burst, packet);
      break;
    case Step::kWideDirect6:
      find_wide_direct<Ipv6Address>(burst, packet);
      break;
    case Step::kQuicForward4:
    case Step::kQuicDirect4:
      find_quic<Ipv4Address>(burst, packet);
      break;
    case Step::kQuicForward6:
    case Step::kQuicDirect6:
      find_quic<Ipv6Address>(burst, packet);
      break;
    default:
      break;
  }
}

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::finish(Burst& burst, Packet& packet) {
  if (packet.step == Step::kForward4) return forward<Ipv4Address>(burst, packet);
  if (packet.step == Step::kDirect4) return forward_direct<Ipv4Address>(burst, packet);
  if (packet.step == Step::kReturn4) return forward_return<Ipv4Address>(burst, packet);
  switch (packet.step) {
    case Step::kForward6:
      return forward<Ipv6Address>(burst, packet);
    case Step::kWideForward4:
      return forward_wide<Ipv4Address>(burst, packet);
    case Step::kWideForward6:
      return forward_wide<Ipv6Address>(burst, packet);
    case Step::kWideDirect4:
      return forward_wide_direct<Ipv4Address>(burst, packet);
    case Step::kDirect6:
    case Step::kWideDirect6:
      return forward_direct<Ipv6Address>(burst, packet);
    case Step::kQuicForward4:
      return forward_quic<Ipv4Address>(burst, packet);
    case Step::kQuicForward6:
      return forward_quic<Ipv6Address>(burst, packet);
    case Step::kQuicDirect4:
      return forward_quic_direct<Ipv4Address>(burst, packet);
    case Step::kQuicDirect6:
      return forward_quic_direct<Ipv6Address>(burst, packet);
    case Step::kNatReturn4:
    case Step::kWideNatReturn4:
      return forward_return<Ipv4Address>(burst, packet);
    case Step::kReturn6:
    case Step::kNatReturn6:
    case Step::kWideNatReturn6:
      return forward_return<Ipv6Address>(burst, packet);
    case Step::kResolver4:
      return take_resolver_answer<Ipv4Address>(burst, packet);
    case Step::kResolver6:
      return take_resolver_answer<Ipv6Address>(burst, packet);
    case Step::kArp:
      return handle_arp(burst, packet);
    case Step::kIcmp4:
      return handle_icmp4(burst, packet);
    case Step::kIcmp6:
      return handle_icmp6(burst, packet);
    case Step::kOther4:
      return handle_other<Ipv4Address>(burst, packet);
    case Step::kOther6:
      return handle_other<Ipv6Address>(burst, packet);
    case Step::kForward4:
    case Step::kDirect4:
    case Step::kReturn4:
    case Step::kBegin4:  // finish_from() has these
    case Step::kBeginDirect4:
    case Step::kDns4:  // answer_questions() has them
    case Step::kDns6:
    case Step::kLookup4:
    case Step::kLookup6:
    case Step::kVip4:
    case Step::kVip6:
    case Step::kFragment4:
    case Step::kFragment6:
    case Step::kDone:
      return;
  }
}

}  // namespace vipgate
