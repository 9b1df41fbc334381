// Pass four for the usual packets: of flows that go on as they are, plain, to reals that are up. In
// loops of their own, small enough that what they need stays in registers, and so that what holds
// for all packets of one service in a row is asked once. A packet that is unusual in any respect
// goes by finish(), which does the same for usual ones.
#pragma once

#include "dataplane/fastpath/direct.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/translate.h"

namespace vipgate {

// Whether a service's packets may be usual ones of a kind.
namespace usual_detail {

[[gnu::always_inline]] inline bool is_forwarded(const ServiceEntry& service) {
  return service.protocol == Protocol::kTcp;
}
template <bool kTunnel>
[[gnu::always_inline]] inline bool is_sent(const ServiceEntry& service) {
  if constexpr (!kTunnel) return service.mode == Mode::kL2dsr;
  // Others have more put into them, or changed.
  return service.mode != Mode::kL2dsr && (service.gue_hops | service.mss_clamp) == 0;
}

// Sends a packet whose IPv4 header is at `l3`, plain and of TCP, to the flow's real.
[[gnu::always_inline]] inline void rewrite(uint8_t* l3, const NatRecord<Ipv4Address>& record,
                                           const RealEntry& real) {
  set_addresses(*reinterpret_cast<Ipv4Header*>(l3), record.source, record.real, record.l3_delta);
  // Both ports lie in the record as in the packet.
  static_assert(offsetof(NatRecord<Ipv4Address>, real_port) ==
                offsetof(NatRecord<Ipv4Address>, source_port) + 2);
  set_tcp_ports(*reinterpret_cast<TcpHeader*>(l3 + sizeof(Ipv4Header)),
                load<uint32_t>(&record.source_port), record.l4_delta);
  set_untagged_ethernet(l3, real);
}

}  // namespace usual_detail

// Takes packets from the `first` on, as long as they are of one kind. The position of the first one
// that is left.
template <class Observer>
[[gnu::always_inline]] inline uint16_t Pipeline<Observer>::finish_from(Burst& burst, uint16_t first,
                                                                       uint16_t count) {
  switch (packets_[first].step) {
    case Step::kForward4:
      if (!usual_detail::is_forwarded(*packets_[first].service)) break;
      return forward_usual(burst, first, count);
    case Step::kDirect4: {
      const ServiceEntry& service = *packets_[first].service;
      if (usual_detail::is_sent<false>(service)) return send_usual<false>(burst, first, count);
      if (usual_detail::is_sent<true>(service)) return send_usual<true>(burst, first, count);
      break;
    }
    case Step::kReturn4:
    case Step::kNatReturn4:
      return return_usual(burst, first, count);
    case Step::kBegin4:
      return begin_usual(burst, first, count);
    case Step::kBeginDirect4:
      return begin_direct_usual(burst, first, count);
    case Step::kDns4:
      return answer_questions<Ipv4Address>(burst, first, count);
    case Step::kDns6:
      return answer_questions<Ipv6Address>(burst, first, count);
    default:
      break;
  }
  finish(burst, packets_[first]);
  return static_cast<uint16_t>(first + 1);
}

// Those from the `first` on that are at the step, as long as their services are `is_alike(service)`
// as the first one's is. `take_usual(packet, service)`: whether it has sent the packet; else that
// is not usual, and finish() does what is left to do. To be inlined: a call costs 2 % of all
// instructions.
template <class Observer>
template <Step kStep, class IsAlike, class TakeUsual>
[[gnu::always_inline]] inline uint16_t Pipeline<Observer>::finish_stretch(
    Burst& burst, uint16_t first, uint16_t count, IsAlike&& is_alike, TakeUsual&& take_usual) {
  uint16_t i = first;
  // A loop for each service, which nothing in it can change.
  do {
    const ServiceEntry& service = *packets_[i].service;
    const uint16_t since = i;
    uint32_t others = 0;  // the fewer of both are counted
    uint64_t bytes = 0;
    for (; i < count; ++i) {
      Packet& packet = packets_[i];
      if (packet.step != kStep || packet.service != &service) break;
      const uint16_t length = packet.l3_length;
      if (!take_usual(packet, service)) [[unlikely]] {
        finish(burst, packet);
        ++others;
        continue;
      }
      bytes += length;
    }
    const uint32_t packets = i - since - others;
    count_packets<false>(service.index, packets, bytes + packets * sizeof(EthernetHeader));
  } while (i < count && packets_[i].step == kStep && is_alike(*packets_[i].service));
  return i;
}

template <class Observer>
[[gnu::noinline]] uint16_t Pipeline<Observer>::forward_usual(Burst& burst, uint16_t first,
                                                             uint16_t count) {
  const auto take = [&](Packet & packet, const ServiceEntry& service)
      __attribute__((always_inline)) {
    return forward_if_usual(burst, packet, service);
  };
  return finish_stretch<Step::kForward4>(burst, first, count, usual_detail::is_forwarded, take);
}

// As forward(), for TCP.
template <class Observer>
[[gnu::always_inline]] inline bool Pipeline<Observer>::forward_if_usual(
    Burst& burst, Packet& packet, const ServiceEntry& service) {
  using namespace translate_detail;  // NOLINT(google-build-using-namespace)
  auto* const record = static_cast<NatRecord<Ipv4Address>*>(packet.record);
  if (record == nullptr || flows4_.given_back() != burst.given_back4) return false;
  const RealId id = record->real_id;
  uint8_t* const l3 = packet.l3;  // as in return_if_usual()
  auto& ip = *reinterpret_cast<Ipv4Header*>(l3);
  if (!burst.is_up(id) || ip.ttl <= 1) return false;
  const RealEntry& real = burst.real_entry(id);
  if (packet.l3_length > real.mtu || real.vlan != Be16{}) return false;
  if (!packet.is_plain(sizeof(Ipv4Header)) || (packet.tcp_flags & kStateFlags) != 0) return false;
  if ((record->seen & (record->kAwaitsAck | record->kTellsClient)) != 0) return false;

  touch(*record, service.timeouts, burst.now.quarter);
  count_real(id, packet.l3_length + sizeof(EthernetHeader));
  note_client_hop(*record, packet, sizeof(EthernetHeader), Be16{});
  usual_detail::rewrite(l3, *record, real);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = id},
       real.out_port);
  return true;
}

template <class Observer>
template <bool kTunnel>
[[gnu::noinline]] uint16_t Pipeline<Observer>::send_usual(Burst& burst, uint16_t first,
                                                          uint16_t count) {
  const auto take = [&](Packet & packet, const ServiceEntry& service)
      __attribute__((always_inline)) {
    return send_if_usual<kTunnel>(burst, packet, service);
  };
  return finish_stretch<Step::kDirect4>(burst, first, count, usual_detail::is_sent<kTunnel>, take);
}

// As forward_direct().
template <class Observer>
template <bool kTunnel>
[[gnu::always_inline]] inline bool Pipeline<Observer>::send_if_usual(Burst& burst, Packet& packet,
                                                                     const ServiceEntry& service) {
  if (!packet.is_plain(sizeof(Ipv4Header)) || packet.ip<Ipv4Header>().ttl == 0) return false;
  const RealId id = packet.real();
  const uint32_t bytes = packet.l3_length + uint32_t{sizeof(EthernetHeader)};
  uint8_t out_port;
  if constexpr (kTunnel) {
    if (!burst.is_up_by_tunnel(id)) return false;
    const TunnelHeader& tunnel = burst.tunnel(id);
    if (!fits_in_ipv4(packet, tunnel)) return false;
    encapsulate_in_ipv4(packet, tunnel);
    out_port = tunnel.out_port;
  } else {
    if (!burst.is_up(id)) return false;
    const RealEntry& real = burst.real_entry(id);
    if (real.vlan != Be16{}) return false;
    set_untagged_ethernet(packet.l3, real);
    out_port = real.out_port;
  }
  count_real(id, bytes);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward, .service = service.index, .real = id}, out_port);
  return true;
}

// Not by finish_stretch(): what a return's service is stands in its record, and only its count and
// time-outs are needed.
template <class Observer>
[[gnu::noinline]] uint16_t Pipeline<Observer>::return_usual(Burst& burst, uint16_t first,
                                                            uint16_t count) {
  uint32_t service = kNone;
  const FlowTimeouts* timeouts = nullptr;
  const PortEntry* const ports = burst.snapshot.ports.data();
  uint16_t since = first;  // those of `service`
  uint32_t others = 0;     // that are not to be counted; the fewer of both are
  uint64_t bytes = 0;
  uint16_t i = first;
  const auto count_them = [&] {
    const uint32_t packets = i - since - others;
    count_packets<true>(service, packets, bytes + packets * sizeof(EthernetHeader));
    since = i;
    others = 0;
    bytes = 0;
  };
  for (; i < count; ++i) {
    Packet& packet = packets_[i];
    if (packet.step != Step::kReturn4 && packet.step != Step::kNatReturn4) break;
    auto* const record = static_cast<NatRecord<Ipv4Address>*>(packet.record);
    if (record != nullptr && record->service != service) [[unlikely]] {
      count_them();
      service = record->service;
      timeouts = &burst.snapshot.service(service).timeouts;
    }
    const uint16_t length = packet.l3_length;
    if (record == nullptr || !return_if_usual(burst, packet, *record, *timeouts, ports))
        [[unlikely]] {
      finish(burst, packet);
      ++others;
      continue;
    }
    bytes += length;
  }
  count_them();
  return i;
}

// As forward_return().
template <class Observer>
[[gnu::always_inline]] inline bool Pipeline<Observer>::return_if_usual(
    Burst& burst, Packet& packet, NatRecord<Ipv4Address>& record, const FlowTimeouts& timeouts,
    const PortEntry* ports) {
  using namespace translate_detail;  // NOLINT(google-build-using-namespace)
  // Known beside the packet, as what is written to the frame might be the packet for all that the
  // compiler knows.
  uint8_t* const l3 = packet.l3;
  auto& ip = *reinterpret_cast<Ipv4Header*>(l3);
  // Of a record without a flow nothing has been seen.
  if (!is_return_of(record, packet) || ip.ttl <= 1) return false;
  const PortEntry& out = ports[record.client_port_index];
  if (packet.l3_length > out.mtu || record.client_tci != Be16{}) return false;
  if (!packet.is_plain(sizeof(Ipv4Header)) || packet.protocol != kProtocolTcp) return false;
  if ((packet.tcp_flags & kStateFlags) != 0) return false;
  if ((record.seen & (record.kReturnSeen | record.kTellsClient)) != record.kReturnSeen) {
    return false;
  }
  // As touch(). Where there is nothing to note, there is nothing to ask either.
  const Quarter deadline =
      deadline_after(burst.now.quarter, timeouts[static_cast<size_t>(record.state)]);
  if (record.deadline != deadline) {
    if (has_passed(record.deadline, burst.now.quarter)) [[unlikely]]
      return false;
    record.deadline = deadline;
  }

  set_addresses(ip, record.vip, record.client, ones_negate(record.l3_delta));
  // The ports lie in the record the other way round.
  static_assert(offsetof(NatRecord<Ipv4Address>, vip_port) ==
                offsetof(NatRecord<Ipv4Address>, client_port) + 2);
  set_tcp_ports(*reinterpret_cast<TcpHeader*>(l3 + sizeof(Ipv4Header)),
                std::rotl(load<uint32_t>(&record.client_port), 16), ones_negate(record.l4_delta));
  set_plain_ethernet(l3, record.client_mac, out.mac);
  sent(burst, packet,
       Verdict{.kind = Verdict::Kind::kForward,
               .is_return = true,
               .service = record.service,
               .real = record.real_id},
       record.client_port_index);
  return true;
}

}  // namespace vipgate
