// Questions of others' names, in the pipeline: answered from the cache, or asked of a resolver
// while the client's packet waits; and what resolvers answer.
//
// A packet that waits is a question once more when the flight is over: it goes through all passes
// again, and what it asked is now in the cache, if only for this second.
#pragma once

#include <algorithm>
#include <string_view>

#include "common/dns_policy.h"
#include "common/dns_table.h"
#include "dataplane/fastpath/dns_cached.h"
#include "dataplane/fastpath/dns_forwarder.h"
#include "dataplane/fastpath/dns_packets.h"
#include "dataplane/fastpath/dns_special.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

namespace dns_forward_detail {

[[gnu::always_inline]] inline uint8_t flags_of(const DnsParsed& parsed) {
  const bool is_checking_disabled = (parsed.query.message[3] & DnsHeader::kCheckingDisabled) != 0;
  return static_cast<uint8_t>((parsed.is_dnssec_ok ? DnsQuestion::kDnssecOk : 0) |
                              (is_checking_disabled ? DnsQuestion::kCheckingDisabled : 0));
}

[[gnu::always_inline]] inline DnsQuestion question_of(const DnsParsed& parsed) {
  return DnsQuestion::of(parsed.hash, parsed.name, parsed.name_length, parsed.type,
                         flags_of(parsed));
}

// What others are asked for, where an alias leads to it.
inline DnsQuestion question_of(const DnsParsed& parsed, const DnsAlias& alias) {
  if (alias.length == 0) [[likely]]
    return question_of(parsed);
  return DnsQuestion::of(alias.hash, alias.name, alias.name_length, parsed.type, flags_of(parsed));
}

inline std::string_view name_of(const DnsQuestion& question) {
  return {reinterpret_cast<const char*>(question.name), question.name_length};
}

// A denial as it is told of a name that is there: it has no such records.
[[gnu::noinline]] inline DnsCacheSlot without_denial(const DnsCacheSlot& denial) {
  DnsCacheSlot told = denial;
  told.rcode = static_cast<uint8_t>(DnsRcode::kNoError);
  return told;
}

// Whether the client's search list may lead to a name of ours, by a list that was not tried: see
// DnsCacheSlot::outside_list.
[[gnu::noinline]] inline bool may_be_searched(const DnsSearch& search, const DnsParsed& parsed,
                                              const DnsCacheSlot& known) {
  const auto suffixes = search.suffixes(parsed.query.client, parsed.query.client_length);
  if (suffixes.empty() || suffixes.data() == known.outside_list) return false;
  const std::string_view name = parsed.name.text(parsed.name_length);
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](const std::string& suffix) { return dns_is_within(name, suffix); });
}

}  // namespace dns_forward_detail

// Pass two: the bucket of what the cache may say is fetched ahead. Packets that have waited are
// answered by what they have waited for, and who asks without RD by us alone.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::prefetch_forwarded(const Burst& burst,
                                                                          uint8_t dns_index) {
  const DnsParsed& parsed = dns_[dns_index];
  DnsCache::Sought& sought = sought_dns_[dns_index];
  sought.place = DnsCache::kNoPlace;
  if (!parsed.may_recurse || parsed.verdict != DnsVerdict::kAnswer || forwarder_ == nullptr ||
      (parsed.query.message[2] & 0x01) == 0 || burst.from == From::kHold) {
    return;
  }
  const DnsQuestion question = dns_forward_detail::question_of(parsed);
  sought = {question.hash, question.shape(), 0};
  forwarder_->cache().prefetch(sought.hash);
}

// Pass three: the answer, unless the name is one of ours.
template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::prefetch_known(uint8_t dns_index) {
  DnsCache::Sought& sought = sought_dns_[dns_index];
  if (sought.place == DnsCache::kNoPlace) return;
  sought.place = dns_[dns_index].candidate == nullptr
                     ? forwarder_->cache().prefetch_slot(sought.hash)
                     : DnsCache::kNoPlace;
}

// Pass four, before the responder is asked: a name that was asked for before, of which this
// snapshot is known to say that others have it, and what they have said of it. The length is 0: it
// is none. What is usual has no call but the last one, and so no registers to save.
// REQUIRES: pass three has found a place.
template <class Observer>
[[gnu::noinline]] DnsReply Pipeline<Observer>::answer_known(const Burst& burst,
                                                            const DnsParsed& parsed,
                                                            const DnsCache::Sought& sought) {
  if (parsed.view != nullptr || burst.dns.policy.search.is_on() ||
      parsed.name_length > DnsCache::kShortName) [[unlikely]] {
    return answer_known_with_care(burst, parsed, sought);
  }
  DnsCache& cache = forwarder_->cache();
  const DnsCacheSlot* known =
      cache.find_fresh<true>(sought, parsed.name, burst.snapshot.generation, burst.now.ns);
  if (known == nullptr) return {};
  if (!cache.use_again(sought.place) || !dns_fits_whole(parsed, *known)) [[unlikely]] {
    return answer_known_with_care(burst, parsed, sought);
  }
  return dns_answer_fresh(parsed, *known, burst.now.ns, dns_rotation_ += kDnsRotationStep);
}

// The same of any name and any client.
template <class Observer>
[[gnu::noinline]] DnsReply Pipeline<Observer>::answer_known_with_care(
    const Burst& burst, const DnsParsed& parsed, const DnsCache::Sought& sought) {
  // What views make of a name depends on the client.
  if (parsed.view != nullptr) return {};
  DnsCache& cache = forwarder_->cache();
  const DnsCacheSlot* known =
      cache.find_fresh<false>(sought, parsed.name, burst.snapshot.generation, burst.now.ns);
  if (known == nullptr) return {};
  const DnsSearch& search = burst.dns.policy.search;
  if (search.is_on() && dns_forward_detail::may_be_searched(search, parsed, *known)) return {};
  cache.use(sought.place);
  return dns_answer_cached(parsed, *known, burst.now.ns, dns_rotation_ += kDnsRotationStep,
                           DnsVerdict::kCached);
}

// Pass four. REQUIRES: the responder says kForward.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::forward_dns(Burst& burst, Packet& packet) {
  const DnsParsed& parsed = dns_[packet.dns_index];
  const DnsForwarding& forwarding = burst.snapshot.dns_policy->forwarding;
  if (forwarder_ == nullptr) {
    return send_dns<Address>(burst, packet, dns_refuse(parsed));
  }
  const uint64_t now_ns = burst.now.ns;
  DnsQuestion question = dns_forward_detail::question_of(parsed, dns_alias_);
  question.epoch = forwarding.epoch;
  const bool has_waited = burst.from == From::kHold;
  DnsCacheSlot* known = forwarder_->cache().find(question, !has_waited);
  // What others had said than those that are asked now is for those alone who have waited for it.
  const bool is_of_others = known != nullptr && known->epoch != question.epoch;
  if (is_of_others && !has_waited) known = nullptr;
  const bool is_there = known != nullptr && known->is_denial() &&
                        dns_leads_to_zone(burst.dns, dns_forward_detail::name_of(question));
  const auto answer = [&](const DnsCacheSlot& slot, DnsVerdict verdict) {
    const auto tell = [&](const DnsCacheSlot& told) {
      return dns_alias_.length == 0
                 ? dns_answer_cached(parsed, told, now_ns, dns_rotation_, verdict)
                 : dns_answer_behind_alias(parsed, dns_alias_, told, now_ns, dns_rotation_,
                                           verdict);
    };
    return is_there ? tell(dns_forward_detail::without_denial(slot)) : tell(slot);
  };
  if (known != nullptr) {
    // What is told otherwise than it is kept is told here alone.
    known->outside_in =
        is_there || is_of_others ? DnsCacheSlot::kNoSnapshot : burst.snapshot.generation;
    // A view may have hidden from the list what it would lead others to, and the list is tried for
    // the alias alone.
    const bool was_searched = parsed.view == nullptr && dns_alias_.length == 0;
    known->outside_list =
        was_searched && burst.dns.policy.search.is_on()
            ? burst.dns.policy.search.suffixes(parsed.query.client, parsed.query.client_length)
                  .data()
            : nullptr;
  }
  if (known != nullptr && known->is_fresh(now_ns)) {
    return send_dns<Address>(
        burst, packet, answer(*known, has_waited ? DnsVerdict::kForwarded : DnsVerdict::kCached));
  }
  const bool may_be_stale = known != nullptr && known->may_be_stale(now_ns, forwarding.stale_s);
  if (may_be_stale && (has_waited || now_ns < known->recheck_ns)) {
    return send_dns<Address>(burst, packet, answer(*known, DnsVerdict::kStale));
  }
  // What was kept for it has given way already.
  if (has_waited) return send_dns<Address>(burst, packet, dns_fail(parsed));
  wait_for_resolver<Address>(burst, packet, question);
}

template <class Observer>
template <class Address>
void Pipeline<Observer>::wait_for_resolver(Burst& burst, Packet& packet,
                                           const DnsQuestion& question) {
  const DnsParsed& parsed = dns_[packet.dns_index];
  const DnsForwarding& forwarding = burst.snapshot.dns_policy->forwarding;
  DnsFlights& flights = forwarder_->flights();
  const uint64_t client =
      forwarder_->client_of(parsed.query.client, static_cast<size_t>(parsed.query.client_length));
  if (flights.may_wait(client, forwarding.per_client) != DnsFlights::Join::kWaits) {
    counters_.count(Event::kDnsOverLimit);
    return send_dns<Address>(burst, packet, dns_refuse(parsed));
  }
  DnsFlight* flight = flights.find(question);
  if (flight != nullptr) {
    counters_.count(Event::kDnsCoalesced);
  } else {
    flight = &forwarder_->begin(question, burst.now.ns);
  }
  // Before it is asked: without anybody to ask, the flight is over at once.
  packet.mbuf->port = packet.port;
  flights.wait(*flight, packet.mbuf, client);
  observer_(packet.mbuf, Verdict{.kind = Verdict::Kind::kHold});
  packet.step = Step::kDone;
  if (flight->attempt_count == 0) ask_resolver(burst, *flight);
}

// The next one, or once more, without EDNS, that of `refused`, if there is such an attempt. With
// nobody left to ask, and nobody who may yet answer, the question has failed.
template <class Observer>
void Pipeline<Observer>::ask_resolver(Burst& burst, DnsFlight& flight, DnsAttempt* refused) {
  uint8_t out_port = 0;
  rte_mbuf* mbuf = nullptr;
  if (refused != nullptr) {
    mbuf = forwarder_->ask_without_edns(burst.snapshot, flight, *refused, out_port);
    counters_.count(mbuf != nullptr ? Event::kDnsAskedWithoutEdns : Event::kDnsRefusals);
  }
  if (mbuf == nullptr) mbuf = forwarder_->ask(burst.snapshot, flight, burst.now.ns, out_port);
  if (mbuf != nullptr) {
    counters_.count(Event::kDnsAsked);
    observer_(mbuf, Verdict{.kind = Verdict::Kind::kMade});
    burst.outbox.transmit.add(out_port, mbuf);
    return;
  }
  forwarder_->flights().stop_racing(flight);
  if (!flight.has_open_attempt()) fail_question(burst, flight);
}

template <class Observer>
void Pipeline<Observer>::fail_question(Burst& burst, DnsFlight& flight) {
  const uint32_t stale_s = burst.snapshot.dns_policy->forwarding.stale_s;
  DnsCache& cache = forwarder_->cache();
  const DnsCacheSlot* known = cache.find(flight.question(), false);
  const bool may_be_stale = known != nullptr && known->epoch == flight.epoch &&
                            known->may_be_stale(burst.now.ns, stale_s);
  counters_.count(Event::kDnsFailed);
  cache.store_failure(flight.question(),
                      may_be_stale ? kDnsStaleRecheckSeconds : kDnsFailureSeconds, stale_s,
                      burst.now.ns);
  forwarder_->end(flight, false, burst.now.ns);
}

// Pass two of what comes to an address that resolvers are asked from.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::look_up_resolver_answer(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if (forwarder_ == nullptr || packet.protocol != kProtocolUdp ||
      (sizeof(Address) == 16 && packet.l4_offset != sizeof(Ipv6Header))) {
    return drop(burst, packet, DropReason::kPortNotServed);
  }
  if (!is_mine(burst, packet, Address(ip.destination), packet.destination_port)) return;
  packet.step = sizeof(Address) == 4 ? Step::kResolver4 : Step::kResolver6;
}

// Pass four.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::take_resolver_answer(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  const auto& udp = packet.l4<UdpHeader>();
  const auto* message = reinterpret_cast<const uint8_t*>(&udp + 1);
  const size_t length = udp.length.host() - sizeof(UdpHeader);
  if (!has_good_udp_checksum<Address>(packet, [&] { return ones_sum(message, length); })) {
    return drop(burst, packet, DropReason::kBadUdpChecksum);
  }
  const auto* entry = burst.snapshot.template table<Address>().find(Address(ip.destination));
  DnsFlight* flight = nullptr;
  DnsAttempt* attempt = nullptr;
  if (length >= kDnsHeaderLength && entry != nullptr) {
    attempt = forwarder_->flights().find_attempt(
        entry->slot, packet.destination_port.host(), load<DnsHeader>(message).id.host(),
        Address(ip.source), packet.source_port.host(), flight);
  }
  if (attempt == nullptr || (!dns_answers_question(message, length, flight->asked(*attempt)) &&
                             !dns_refuses_without_question(message, length, attempt->id))) {
    return drop(burst, packet, DropReason::kDnsUnexpectedAnswer);
  }
  const DnsForwarding& forwarding = burst.snapshot.dns_policy->forwarding;
  DnsUpstreamAnswer answer;
  dns_read_upstream(message, length, flight->asked(*attempt),
                    {forwarding.max_ttl_s, forwarding.negative_ttl_s}, answer);
  if (answer.kind == DnsUpstreamAnswer::Kind::kMalformed) {
    return drop(burst, packet, DropReason::kDnsBadAnswer);
  }
  forwarder_->note_answer(*attempt, answer.is_usable(), burst.now.ns);
  if (answer.is_usable()) {
    forwarder_->cache().store(flight->question(), message, answer, burst.now.ns);
    forwarder_->end(*flight, true, burst.now.ns);
  } else if (dns_may_lack_edns(message)) {
    ask_resolver(burst, *flight, attempt);
  } else {
    counters_.count(Event::kDnsRefusals);
    ask_resolver(burst, *flight);
  }
  counters_.count(DnsOutcome::kResolverAnswer);
  observer_(packet.mbuf, Verdict{.kind = Verdict::Kind::kDns, .dns = DnsOutcome::kResolverAnswer});
  burst.outbox.drop.add(0, packet.mbuf);
  packet.step = Step::kDone;
}

// What time brings, and the packets whose wait is over, as a burst of their own: half as many of
// each as a queue of the outbox takes.
template <class Observer>
bool Pipeline<Observer>::settle_questions(const Snapshot& snapshot, Now now, Outbox& outbox) {
  if (forwarder_ == nullptr || forwarder_->flights().held() == 0) [[likely]] {
    return false;
  }
  constexpr uint16_t kMost = kBurst / 2;
  const DnsForwarding& forwarding = snapshot.dns_policy->forwarding;
  DnsFlights& flights = forwarder_->flights();
  Burst burst{snapshot, outbox, now, From::kHold};
  uint16_t due = 0;
  for (DnsFlight* late;
       due < kMost && (late = flights.started_ago(forwarding.timeout_ns, now.ns)) != nullptr;
       ++due) {
    counters_.count(Event::kDnsTimeouts);
    fail_question(burst, *late);
  }
  for (DnsFlight* slow;
       due < kMost && (slow = flights.asked_ago(forwarding.race_after_ns, now.ns)) != nullptr;
       ++due) {
    ask_resolver(burst, *slow);
  }
  rte_mbuf* ready[kMost];
  uint16_t count = 0;
  while (count < kMost) {
    rte_mbuf* mbuf = flights.take_ready();
    if (mbuf == nullptr) break;
    ready[count++] = mbuf;
  }
  if (count != 0) run(burst, ready, count, 0);
  return due != 0 || count != 0;
}

}  // namespace vipgate
