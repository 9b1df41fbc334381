// Passes three and four for the modes whose reals answer the client directly: l2dsr and tunnels.
// Their flows are a table entry each, which names the real. What the connection does is told from
// the client's packets alone. With a full table, packets go on by the Maglev row alone.
#pragma once

#include <algorithm>

#include "dataplane/fastpath/encapsulate.h"
#include "dataplane/fastpath/gue_hops.h"
#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/mss.h"
#include "dataplane/fastpath/new_flows.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rewrite.h"
#include "dataplane/fastpath/rows.h"

namespace vipgate {

namespace direct_detail {

inline FlowState first_state(const Packet& packet) {
  return packet.protocol != kProtocolUdp ? FlowState::kEmbryonic : FlowState::kOneWay;
}

// A flow counts as answered once a second packet shows that the client goes on: for TCP, one with
// ACK but without SYN.
[[gnu::always_inline]] inline FlowState next_state(FlowState state, const Packet& packet) {
  if (packet.protocol == kProtocolUdp) {
    return packet.is_later_fragment() ? state : FlowState::kReplied;
  }
  if ((packet.tcp_flags & (TcpHeader::kFin | TcpHeader::kRst)) != 0) return FlowState::kClosing;
  if (begins_connection(packet))
    return state == FlowState::kClosing ? FlowState::kEmbryonic : state;
  const bool is_ack = (packet.tcp_flags & TcpHeader::kAck) != 0;
  return state == FlowState::kEmbryonic && is_ack ? FlowState::kEstablished : state;
}

// Whether next_state() is the same, of flows that have been answered: what nearly all packets find.
[[gnu::always_inline]] inline bool is_steady(FlowState state, const Packet& packet) {
  constexpr uint8_t kEnds = TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kRst;
  if (state != FlowState::kEstablished) return state == FlowState::kReplied;
  return (packet.tcp_flags & (TcpHeader::kAck | kEnds)) == TcpHeader::kAck;
}

template <class Entry>
inline void follow(Entry& entry, const Packet& packet, const FlowTimeouts& timeouts, Quarter now) {
  const FlowState state = next_state(entry.state, packet);
  const Quarter deadline = deadline_after(now, timeouts[static_cast<size_t>(state)]);
  // Lines that have not changed need not be written back.
  if (entry.state != state) entry.state = state;
  if (entry.deadline != deadline) entry.deadline = deadline;
}

// Whether the client opens a connection with the addresses of one that has ended: then a real that
// takes no new ones does not get it.
template <class Entry>
bool reopens(const Entry& entry, const Packet& packet) {
  return entry.state == FlowState::kClosing && begins_connection(packet);
}

// Only once the packet is sure to be sent: what is refused is quoted as it came. An ICMP error that
// goes through a flow's tunnel has no flags of its own.
[[gnu::always_inline]] inline void lower_mss(Packet& packet, const ServiceEntry& service) {
  if (service.mss_clamp == 0) [[likely]]
    return;
  const bool is_tcp = packet.protocol == kProtocolTcp;
  if (is_tcp && begins_connection(packet)) clamp_mss(packet, service.mss_clamp);
}

inline bool is_alive(const RealEntry* real) {
  return real != nullptr && real->state != RealState::kDown;
}

}  // namespace direct_detail

// Pass three: the flow's real, if the flow is known and goes on.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::find_direct(Burst& burst, Packet& packet) {
  note_direct<Address>(burst, packet, entry_of<Address>(packet));
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::find_wide_direct(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const auto key = WideFlowKey<Address>::of(ip.source, packet.source_port, ip.destination,
                                            packet.destination_port, packet.service->flow_id);
  note_direct<Address>(burst, packet, flows<Address>().wide_table().find(key, packet.hash));
}

template <class Observer>
template <class Address, class Entry>
[[gnu::always_inline]] inline void Pipeline<Observer>::note_direct(Burst& burst, Packet& packet,
                                                                   Entry* entry) {
  const ServiceEntry& service = *packet.service;
  if (entry == nullptr) [[unlikely]] {
    packet.set_real(RealId{});
    // parse_tcp() has left that to be asked.
    if (is_martian_source(packet.ip<typename IpHeaderOf<Address>::Type>().source)) {
      return drop(burst, packet, DropReason::kMartianSource);
    }
    if (!service.tracks_when_needed) return;
    const RealId id = real_without_entry<Address>(burst, packet);
    if (id != RealId{}) note_real(burst, packet, id);
    return;
  }
  if (!entry->names_real()) [[unlikely]]
    return packet.set_real(RealId{});
  // Most flows' last packet came in this very quarter of a second: then there is nothing to note,
  // nor to ask.
  const Quarter deadline =
      deadline_after(burst.now.quarter, service.timeouts[static_cast<size_t>(entry->state)]);
  if (entry->deadline != deadline || !direct_detail::is_steady(entry->state, packet)) {
    if (has_passed(entry->deadline, burst.now.quarter) || direct_detail::reopens(*entry, packet))
        [[unlikely]] {
      return packet.set_real(RealId{});
    }
    direct_detail::follow(*entry, packet, service.timeouts, burst.now.quarter);
  }
  note_real(burst, packet, entry->real());
}

// And fetches what a packet to the real reads, unless that is in the cache by itself.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::note_real(const Burst& burst, Packet& packet,
                                                                 RealId id) {
  packet.set_real(id);
  if (!burst.has_many_reals) return;
  prefetch_counters(id);
  if (!is_tunnel(packet.service->mode)) return burst.snapshot.prefetch(id);
  burst.snapshot.prefetch_tunnel(id);
}

// With `track: when_needed`: the real of a packet whose flow has no entry, and needs none. None:
// pass four chooses, with what is to be asked before.
template <class Observer>
template <class Address>
RealId Pipeline<Observer>::real_without_entry(const Burst& burst, const Packet& packet) const {
  const ServiceEntry& service = *packet.service;
  if (service.admission != nullptr || service.row_count == 0) return {};
  const uint32_t row = row_of(service, new_flow_detail::row_hash<Address>(packet));
  if (may_move(burst.snapshot, service, row)) return {};
  const Address client = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  // Forged, or a loop.
  if (burst.snapshot.template table<Address>().find(client) != nullptr) return {};
  return real_of_row(service, row);
}

// Pass four.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::forward_direct(Burst& burst,
                                                                      Packet& packet) {
  const ServiceEntry& service = *packet.service;
  // The packet stays as it is, its TTL too; but one that has none left must not be sent on
  // (RFC 2003 3.1).
  if (time_to_live(packet.ip<typename IpHeaderOf<Address>::Type>()) == 0) [[unlikely]] {
    return drop(burst, packet, DropReason::kTtlExpired, service.index);
  }
  const RealId id = packet.real();
  if (!(is_tunnel(service.mode) ? burst.is_up_by_tunnel(id) : burst.is_up(id))) [[unlikely]] {
    return settle_direct<Address>(burst, packet);
  }
  send_direct<Address>(burst, packet, id);
}

// The same where the real is not known to be up: with code of its own to the end, as the usual way
// need not ask then which real it is about.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::settle_direct(Burst& burst, Packet& packet) {
  RealId id = packet.real();
  if (!direct_detail::is_alive(burst.snapshot.real(id))) {
    id = find_or_choose<Address>(burst, packet);
    if (id == RealId{}) return;
  }
  const RealEntry& real = *burst.snapshot.real(id);
  if (!real.next_hop_resolved) {
    return drop(burst, packet, DropReason::kNextHopUnresolved, packet.service->index);
  }
  send_direct<Address>(burst, packet, id);
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::send_direct(Burst& burst, Packet& packet,
                                                                   RealId id) {
  const ServiceEntry& service = *packet.service;
  const uint16_t bytes = packet.frame_length();
  uint8_t out_port;
  if (is_tunnel(service.mode)) {
    out_port = burst.tunnel(id).out_port;
    if (!put_in_tunnel<Address>(burst, packet, id)) return;
  } else {
    const RealEntry& real = burst.real_entry(id);
    out_port = real.out_port;
    set_ethernet(packet, real, packet.l2_length);
  }
  count_run(service.index, false, bytes);
  count_real(id, bytes);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = id}, out_port);
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::forward_wide_direct(Burst& burst, Packet& packet) {
  forward_direct<Address>(burst, packet);
}

// False: it can't be, and the packet has left.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline bool Pipeline<Observer>::put_in_tunnel(Burst& burst, Packet& packet,
                                                                     RealId id) {
  const ServiceEntry& service = *packet.service;
  // A flow may outlive all rows.
  if (service.gue_hops != 0 && service.row_count != 0 && takes_gue_hops(burst.snapshot.tunnel(id)))
      [[unlikely]] {
    const uint32_t row_hash = new_flow_detail::row_hash<Address>(packet);
    return put_in_tunnel_with_hops<Address>(burst, packet, id, row_hash);
  }
  return put_in_plain_tunnel<Address>(burst, packet, id);
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline bool Pipeline<Observer>::put_in_plain_tunnel(Burst& burst,
                                                                           Packet& packet,
                                                                           RealId id) {
  const TunnelHeader& tunnel = burst.snapshot.tunnel(id);
  if (!fits<Address>(burst, packet, tunnel, 0)) return false;
  direct_detail::lower_mss(packet, *packet.service);
  encapsulate<typename IpHeaderOf<Address>::Type>(packet, tunnel);
  return true;
}

template <class Observer>
template <class Address>
[[gnu::noinline]] bool Pipeline<Observer>::put_in_tunnel_with_hops(Burst& burst, Packet& packet,
                                                                   RealId id, uint32_t row_hash) {
  const TunnelHeader& tunnel = burst.snapshot.tunnel(id);
  const ServiceEntry& service = *packet.service;
  const GueHops hops(burst.snapshot, service, row_hash, id);
  if (!fits<Address>(burst, packet, tunnel, hops.length())) return false;
  direct_detail::lower_mss(packet, service);
  hops.write(packet.l3 - hops.length());
  encapsulate<typename IpHeaderOf<Address>::Type>(packet, tunnel, hops.length());
  return true;
}

// Whether the packet with `extra` bytes before it can be encapsulated; else it has left.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline bool Pipeline<Observer>::fits(Burst& burst, Packet& packet,
                                                            const TunnelHeader& tunnel,
                                                            size_t extra) {
  const size_t room = rte_pktmbuf_headroom(packet.mbuf) + packet.l2_length;
  // The usual headroom has room for any tunnel.
  if (packet.l3_length + extra > tunnel.max_inner ||
      (room < kMaxTunnelRoom + extra && room < tunnel_room(tunnel) + extra)) [[unlikely]] {
    refuse_tunnel<Address>(burst, packet, tunnel, extra);
    return false;
  }
  return true;
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::refuse_tunnel(Burst& burst, Packet& packet,
                                                         const TunnelHeader& tunnel, size_t extra) {
  const uint32_t service = packet.service->index;
  if (packet.l3_length + extra <= tunnel.max_inner) {
    return drop(burst, packet, DropReason::kNoHeadroom, service);
  }
  const auto most =
      static_cast<uint16_t>(tunnel.max_inner - std::min<size_t>(extra, tunnel.max_inner));
  refuse_too_big<Address>(burst, packet, most,
                          packet.ip<typename IpHeaderOf<Address>::Type>().destination, service);
}

// The real of a flow that pass three did not find alive: it may have begun with an earlier packet
// of this burst, or be balanced anew. None: refused or dropped, the packet has left.
template <class Observer>
template <class Address>
[[gnu::noinline]] RealId Pipeline<Observer>::find_or_choose(Burst& burst, Packet& packet) {
  auto& store = flows<Address>();
  const ServiceEntry& service = *packet.service;
  const NewFlowNote& note = new_flow<Address>(packet);
  bool is_forgotten = false;
  const RealId known = with_flow_key<Address>(packet, [&](auto& table, const auto& key) -> RealId {
    auto* entry = table.find(key, note.hash);
    if (entry == nullptr) return {};
    if (store.has_expired(*entry, burst.now.quarter)) {
      counters_.count(Event::kFlowsExpired);
      store.release(*entry);
      return {};
    }
    if (entry->names_real()) {
      const RealId id = entry->real();
      const RealEntry* real = burst.snapshot.real(id);
      const bool is_refused = direct_detail::reopens(*entry, packet) && real != nullptr &&
                              real->state == RealState::kDraining;
      if (direct_detail::is_alive(real) && !is_refused && !goes_elsewhere(burst, packet, id)) {
        direct_detail::follow(*entry, packet, service.timeouts, burst.now.quarter);
        return id;
      }
    }
    // The real is gone, or named no longer; or the service was translated until now.
    store.release(*entry);
    is_forgotten = true;
    return {};
  });
  if (!(known == RealId{})) return known;
  if (is_forgotten) {
    if (new_flow_detail::begins_nothing(packet)) {
      drop(burst, packet, DropReason::kNoFlow, service.index);
      return {};
    }
    counters_.count(Event::kFlowsRebalanced);
  }
  return balance_direct<Address>(burst, packet, note);
}

// Chooses a real by Maglev, and tracks the flow where there is room. None: as above.
template <class Observer>
template <class Address>
RealId Pipeline<Observer>::balance_direct(Burst& burst, Packet& packet, const NewFlowNote& note) {
  const ServiceEntry& service = *packet.service;
  const RealId id = choose_real<Address>(burst, packet, note.row_hash);
  // The row may know whose connection a reset ends; but a new one it does not begin.
  if (id == RealId{} || new_flow_detail::begins_nothing(packet)) return id;
  if (service.tracks_when_needed && service.row_count != 0) {
    const uint32_t row = row_of(service, note.row_hash);
    if (!may_move(burst.snapshot, service, row) && id == real_of_row(service, row)) return id;
  }
  const FlowState state = direct_detail::first_state(packet);
  const Quarter deadline =
      deadline_after(burst.now.quarter, service.timeouts[static_cast<size_t>(state)]);
  const bool is_tracked = with_flow_key<Address>(packet, [&](const auto&, const auto& key) {
    return flows<Address>().track(key, note.hash, id, state, deadline, burst.now,
                                  counted_for(service));
  });
  if (!is_tracked) {
    counters_.count(Event::kFlowsUntracked);
    return id;
  }
  ++begun_;
  if (service.index < services_.size()) services_[service.index].flows_created.add();
  return id;
}

}  // namespace vipgate
