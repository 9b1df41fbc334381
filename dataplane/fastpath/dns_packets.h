// Passes two and four for DNS questions: a packet's question goes to the responder
// (dns_responder.h), whose answer takes its place.
#pragma once

#include "common/checksum.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rewrite.h"

namespace vipgate {

inline constexpr Be16 kDnsPort{53};

template <class Observer>
DnsContext Pipeline<Observer>::dns_context(const Burst& burst) const {
  return {*burst.snapshot.dns, *burst.snapshot.dns_policy, wall_clock_.unix_ns(burst.now.ns),
          burst.snapshot.dns_views.get()};
}

template <class Observer>
template <class Address>
bool Pipeline<Observer>::has_good_udp_checksum(const Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const auto& udp = packet.l4<UdpHeader>();
  // No checksum is legal over IPv4 only (RFC 768; RFC 8200 8.1).
  if (sizeof(Address) == 4 && udp.checksum == Be16{}) return true;
  // Where the device found fault with it, or did not look, we see for ourselves.
  const uint64_t told = packet.mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (told == RTE_MBUF_F_RX_L4_CKSUM_GOOD) return true;
  const uint16_t length = udp.length.host();
  uint64_t sum = 0;
  if constexpr (sizeof(Address) == 4) {
    sum = pseudo_header_sum(ip, length);
  } else {
    sum = pseudo_header_sum(ip, kProtocolUdp, length);
  }
  return internet_checksum(&udp, length, sum) == 0;
}

template <class Observer>
template <class Address>
void Pipeline<Observer>::look_up_dns(Burst& burst, Packet& packet) {
  if (packet.protocol == kProtocolTcp && packet.destination_port == kDnsPort) {
    return to_kernel(burst, packet, KernelReason::kDns);
  }
  if (packet.protocol != kProtocolUdp || packet.destination_port != kDnsPort) {
    return drop(burst, packet, DropReason::kPortNotServed);
  }
  // The responder writes its answer behind a plain header; real questions have no other.
  if (sizeof(Address) == 16 && packet.l4_offset != sizeof(Ipv6Header)) {
    return drop(burst, packet, DropReason::kIpv6ExtensionHeader);
  }
  if (!has_good_udp_checksum<Address>(packet)) {
    return drop(burst, packet, DropReason::kBadUdpChecksum);
  }
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  // Who asks in our own name would be answered by us.
  if (ip.source == ip.destination) [[unlikely]]
    return drop(burst, packet, DropReason::kMartianSource);
  auto& udp = packet.l4<UdpHeader>();
  const uint16_t udp_length = udp.length.host();
  auto* message = reinterpret_cast<uint8_t*>(&udp + 1);
  const rte_mbuf* mbuf = packet.mbuf;
  const auto* end = static_cast<const uint8_t*>(mbuf->buf_addr) + mbuf->buf_len;
  packet.dns_index = static_cast<uint8_t>(dns_count_++);
  DnsParsed& parsed = dns_[packet.dns_index];
  dns_parse(dns_context(burst),
            DnsQuery{.message = message,
                     .length = static_cast<uint16_t>(udp_length - sizeof(UdpHeader)),
                     .capacity = static_cast<uint16_t>(end - message),
                     .source_port = packet.source_port,
                     .client = reinterpret_cast<const uint8_t*>(&ip.source),
                     .client_length = sizeof(Address)},
            parsed);
  prefetch_forwarded(parsed, false);
  if (parsed.question_end != kDnsHeaderLength) [[likely]]
    details_.count(dns_kind_of(parsed.type));
  packet.step = sizeof(Address) == 4 ? Step::kDns4 : Step::kDns6;
}

template <class Observer>
template <class Address>
void Pipeline<Observer>::answer_dns(Burst& burst, Packet& packet) {
  DnsReply answer = dns_answer(dns_context(burst), dns_[packet.dns_index], dns_rotation_++);
  switch (answer.verdict) {
    case DnsVerdict::kDropShort:
      return drop(burst, packet, DropReason::kDnsTooShort);
    case DnsVerdict::kDropSourcePort:
      return drop(burst, packet, DropReason::kDnsSourcePort);
    case DnsVerdict::kDropResponse:
      return drop(burst, packet, DropReason::kDnsResponse);
    case DnsVerdict::kForward:
      return forward_dns<Address>(burst, packet);
    default:
      break;
  }
  if (!limit_dns<Address>(burst, packet, answer)) [[unlikely]]
    return drop(burst, packet, DropReason::kDnsRateLimited);
  send_dns<Address>(burst, packet, answer);
}

// A reply that stands in the question's place.
template <class Observer>
template <class Address>
void Pipeline<Observer>::send_dns(Burst& burst, Packet& packet, const DnsReply& answer) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Address client = ip.source;
  const Address own = ip.destination;
  const auto length = static_cast<uint16_t>(sizeof(UdpHeader) + answer.length);
  make_reply_header(packet, own, client, kProtocolUdp, length);
  auto& udp = packet.l4<UdpHeader>();
  udp = {packet.destination_port, packet.source_port, Be16(length), Be16{}};
  uint64_t sum = answer.sum;
  const auto& header = packet.ip<typename IpHeaderOf<Address>::Type>();
  if constexpr (sizeof(Address) == 4) {
    sum += pseudo_header_sum(header, length);
  } else {
    sum += pseudo_header_sum(header, kProtocolUdp, length);
  }
  const uint16_t checksum = internet_checksum(&udp, sizeof udp, sum);
  udp.checksum = Be16::from_raw(udp_checksum_field(checksum));
  turn_ethernet(packet, burst.snapshot.ports[packet.port].mac);
  static_assert(static_cast<DnsOutcome>(DnsVerdict::kDropShort) == DnsOutcome::kCount);
  const auto outcome = static_cast<DnsOutcome>(answer.verdict);
  counters_.count(outcome);
  sent(burst, packet, Verdict{.kind = Verdict::Kind::kDns, .dns = outcome}, packet.port);
}

}  // namespace vipgate
