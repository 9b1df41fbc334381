// Passes two and four for DNS questions: a packet's question goes to the responder
// (dns_responder.h), whose answer takes its place.
#pragma once

#include "common/checksum.h"
#include "dataplane/fastpath/dns_reply.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/rewrite.h"
#include "dataplane/fastpath/swap16.h"

namespace vipgate {

// What the addresses add to the sum of a pseudo header, small enough for a few words more.
inline uint64_t sum_of_addresses(Ipv4Address a, Ipv4Address b) {
  return uint64_t{a.value.raw()} + b.value.raw();
}
inline uint64_t sum_of_addresses(const Ipv6Address& a, const Ipv6Address& b) {
  return ones_fold(ones_sum(&a, sizeof a, ones_sum(&b, sizeof b)));
}

// The sum of a DNS message as it came, from what is known of the question, which is most of it.
inline uint64_t sum_of_message(const DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  const uint8_t* message = query.message;
  if (parsed.question_end == kDnsHeaderLength) [[unlikely]] {
    return ones_sum(message, query.length);
  }
  using checksum_detail::add_carry;
  const uint64_t header = add_carry(load<uint64_t>(message), load<uint32_t>(message + 8));
  const uint64_t sum = add_carry(header, parsed.question_sum);
  const uint32_t start = parsed.question_end;
  if (start == query.length) return sum;
  const uint8_t* behind = message + start;
  // By itself, as the compiler unrolls what an OPT record alone takes.
  const uint64_t rest = query.length - start == kDnsOptLength
                            ? ones_sum(behind, kDnsOptLength)
                            : ones_sum(behind, query.length - start);
  return add_carry(sum, at_parity(rest, start));
}

// `sum_data` gives that of the datagram's data, and is called only where it is needed.
template <class Observer>
template <class Address, class SumData>
[[gnu::always_inline]] inline bool Pipeline<Observer>::has_good_udp_checksum(const Packet& packet,
                                                                             SumData&& sum_data) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const auto& udp = packet.l4<UdpHeader>();
  // No checksum is legal over IPv4 only (RFC 768; RFC 8200 8.1).
  if (sizeof(Address) == 4 && udp.checksum == Be16{}) return true;
  // Where the device found fault with it, or did not look, we see for ourselves.
  const uint64_t told = packet.mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (told == RTE_MBUF_F_RX_L4_CKSUM_GOOD) return true;
  const uint64_t pseudo = sum_of_addresses(ip.source, ip.destination) + udp.length.raw() +
                          Be16(uint16_t{kProtocolUdp}).raw();
  using checksum_detail::add_carry;
  const uint64_t sum = add_carry(load<uint64_t>(&udp), pseudo);
  // All ones, as no sum of what is not all zero is zero.
  return ones_fold(add_carry(sum, sum_data())) == 0xffff;
}

// What claims to come from one of our own addresses is forged, or a loop. Clients' ports are
// others, so that they pay for no look-up.
template <class Address>
[[gnu::noinline]] bool is_own_address(const Snapshot& snapshot, const Address& source) {
  return snapshot.template table<Address>().has(source);
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
  // The responder writes its answer behind a plain header; hardly any question has another.
  if (sizeof(Address) == 16 && packet.l4_offset != sizeof(Ipv6Header)) {
    return to_kernel(burst, packet, KernelReason::kDnsFragment);
  }
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  auto& udp = packet.l4<UdpHeader>();
  const uint16_t udp_length = udp.length.host();
  auto* message = reinterpret_cast<uint8_t*>(&udp + 1);
  const rte_mbuf* mbuf = packet.mbuf;
  const auto* end = static_cast<const uint8_t*>(mbuf->buf_addr) + mbuf->buf_len;
  if (dns_count_ == 0) {
    burst.dns.unix_ns = wall_clock_.unix_ns(burst.now.ns);
    burst.dns.alias = &dns_alias_;
  }
  packet.dns_index = static_cast<uint8_t>(dns_count_++);
  DnsParsed& parsed = dns_[packet.dns_index];
  dns_parse(burst.dns,
            DnsQuery{.message = message,
                     .length = static_cast<uint16_t>(udp_length - sizeof(UdpHeader)),
                     .capacity = static_cast<uint16_t>(end - message),
                     .source_port = packet.source_port,
                     .client = reinterpret_cast<const uint8_t*>(&ip.source),
                     .client_length = sizeof(Address)},
            parsed);
  // Now most of it has been summed.
  if (!has_good_udp_checksum<Address>(packet, [&] { return sum_of_message(parsed); })) {
    return drop(burst, packet, DropReason::kBadUdpChecksum);
  }
  // Who asks in our own name would be answered by us.
  if (ip.source == ip.destination) [[unlikely]]
    return drop(burst, packet, DropReason::kMartianSource);
  // So might a service of ours be, which the answer would go to.
  if (dns_is_service_port(packet.source_port)) [[unlikely]] {
    if (is_own_address(burst.snapshot, Address(ip.source)))
      return drop(burst, packet, DropReason::kMartianSource);
  }
  prefetch_forwarded(burst, packet.dns_index);
  if (parsed.question_end != kDnsHeaderLength) [[likely]]
    details_.count(dns_kind_of(parsed.type));
  packet.step = sizeof(Address) == 4 ? Step::kDns4 : Step::kDns6;
}

// Pass three, for all questions of the burst, one after the other: nothing is asked per packet, and
// what all of them need stays in registers. Those that have been dropped since are among them.
template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::prefetch_questions(const Burst& burst) {
  dns_prefetch_all(burst.dns, std::span(dns_.data(), dns_count_));
  const DnsRateLimit& limit = burst.dns.policy.rate_limit;
  for (uint32_t i = 0; limit.is_on() && i < dns_count_; ++i) prefetch_dns_rate(limit, i);
  for (uint32_t i = 0; forwarder_ != nullptr && i < dns_count_; ++i)
    prefetch_known(static_cast<uint8_t>(i));
}

// Pass four, from the `first` packet on, as long as they are questions. The position of the first
// one that is left.
template <class Observer>
template <class Address>
[[gnu::noinline]] uint16_t Pipeline<Observer>::answer_questions(Burst& burst, uint16_t first,
                                                                uint16_t count) {
  constexpr Step kStep = sizeof(Address) == 4 ? Step::kDns4 : Step::kDns6;
  uint16_t i = first;
  for (; i < count && packets_[i].step == kStep; ++i) answer_dns<Address>(burst, packets_[i]);
  return i;
}

template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::answer_dns(Burst& burst, Packet& packet) {
  DnsParsed& parsed = dns_[packet.dns_index];
  DnsReply answer{};
  const DnsCache::Sought& sought = sought_dns_[packet.dns_index];
  if (sought.place != DnsCache::kNoPlace) answer = answer_known(burst, parsed, sought);
  if (answer.length == 0) answer = dns_answer(burst.dns, parsed, dns_rotation_ += kDnsRotationStep);
  if (answer.verdict >= DnsVerdict::kDropShort) [[unlikely]] {
    return leave_unanswered<Address>(burst, packet, answer.verdict);
  }
  // Who has a good cookie is who he says that he is.
  if (burst.dns.policy.rate_limit.is_on() && !parsed.has_good_cookie &&
      !limit_dns<Address>(burst, packet, answer)) [[unlikely]] {
    return drop(burst, packet, DropReason::kDnsRateLimited);
  }
  put_dns<Address>(burst, packet, answer);
}

// Questions that the responder has written no answer to.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::leave_unanswered(Burst& burst, Packet& packet,
                                                            DnsVerdict verdict) {
  if (verdict == DnsVerdict::kForward) return forward_dns<Address>(burst, packet);
  drop(burst, packet,
       verdict == DnsVerdict::kDropShort        ? DropReason::kDnsTooShort
       : verdict == DnsVerdict::kDropSourcePort ? DropReason::kDnsSourcePort
                                                : DropReason::kDnsResponse);
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::send_dns(Burst& burst, Packet& packet, DnsReply answer) {
  if (burst.dns.policy.rate_limit.is_on() && !limit_dns<Address>(burst, packet, answer)) {
    return drop(burst, packet, DropReason::kDnsRateLimited);
  }
  put_dns<Address>(burst, packet, answer);
}

// A reply that stands in the question's place.
template <class Observer>
template <class Address>
[[gnu::always_inline]] inline void Pipeline<Observer>::put_dns(Burst& burst, Packet& packet,
                                                               const DnsReply& answer) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const Address client = ip.source;
  const Address own = ip.destination;
  const uint32_t length = sizeof(UdpHeader) + answer.length;
  make_reply_header(packet, own, client, kProtocolUdp, length);
  // In one register, as it lies in memory, like the IPv4 header above.
  const uint64_t udp_length = swap16(length);
  const uint64_t udp = uint64_t{packet.destination_port.raw()} |
                       uint64_t{packet.source_port.raw()} << 16 | udp_length << 32;
  // The pseudo header (RFC 768) has the length once more.
  const uint64_t pseudo =
      sum_of_addresses(client, own) + udp_length + Be16(uint16_t{kProtocolUdp}).raw() + answer.sum;
  const uint16_t sum = ones_fold(checksum_detail::add_carry(udp, pseudo));
  const uint64_t checksum = udp_checksum_field(static_cast<uint16_t>(~sum));
  const uint64_t summed = udp | checksum << 48;
  std::memcpy(packet.l3 + packet.l4_offset, &summed, sizeof summed);
  turn_ethernet(packet, burst.snapshot.ports[packet.port].mac);
  static_assert(static_cast<DnsOutcome>(DnsVerdict::kDropShort) == DnsOutcome::kCount);
  const auto outcome = static_cast<DnsOutcome>(answer.verdict);
  counters_.count(outcome);
  sent(burst, packet, Verdict{.kind = Verdict::Kind::kDns, .dns = outcome}, packet.port);
}

}  // namespace vipgate
