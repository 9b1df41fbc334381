#include "dataplane/fastpath/dns_flights.h"

#include <algorithm>
#include <cstring>

namespace vipgate {

DnsFlight* DnsFlights::find(const DnsQuestion& question) {
  if (memory_.flights.empty()) return nullptr;
  for (Link at = chain_of(question.hash); at != 0; at = flight(at).next_by_question) {
    DnsFlight& known = flight(at);
    if (known.hash == question.hash && known.type == question.type &&
        known.flags == question.flags && known.epoch == question.epoch &&
        known.name_length == question.name_length &&
        std::memcmp(known.folded.data(), question.name, question.name_length) == 0) {
      return &known;
    }
  }
  return nullptr;
}

DnsFlights::Join DnsFlights::may_wait(uint64_t client, uint32_t per_client) const {
  if (held_ == memory_.waiters.size()) return Join::kFull;
  const auto counters = counters_of(client);
  return std::min(*counters[0], *counters[1]) < per_client ? Join::kWaits : Join::kClientFull;
}

DnsFlight& DnsFlights::begin(const DnsQuestion& question, uint64_t random, uint64_t now_ns) {
  Link link = free_flight_;
  if (link != 0) {
    free_flight_ = flight(link).newer;
  } else {
    link = ++fresh_flight_;
  }
  DnsFlight& begun = flight(link);
  begun.hash = question.hash;
  begun.started_ns = now_ns;
  begun.asked_ns = now_ns;
  begun.first_waiter = begun.last_waiter = 0;
  begun.name_length = question.name_length;
  begun.type = question.type;
  begun.flags = question.flags;
  begun.epoch = question.epoch;
  begun.attempt_count = 0;
  begun.is_racing = false;
  std::memcpy(begun.folded.data(), question.name, question.name_length);
  std::memcpy(begun.name.data(), question.name, question.name_length);
  dns_mix_case(begun.name.data(), begun.name_length, random);
  uint32_t& chain = chain_of(begun.hash);
  begun.next_by_question = chain;
  chain = link;
  begun.older = newest_;
  begun.newer = 0;
  (newest_ == 0 ? oldest_ : flight(newest_).newer) = link;
  newest_ = link;
  return begun;
}

void DnsFlights::wait(DnsFlight& flight, rte_mbuf* mbuf, uint64_t client) {
  Link link = free_waiter_;
  if (link != 0) {
    free_waiter_ = waiter(link).next;
  } else {
    link = ++fresh_waiter_;
  }
  waiter(link) = {.mbuf = mbuf, .next = 0, .client = client};
  (flight.last_waiter == 0 ? flight.first_waiter : waiter(flight.last_waiter).next) = link;
  flight.last_waiter = link;
  ++held_;
  for (uint16_t* counter : counters_of(client)) ++*counter;
}

void DnsFlights::ask(DnsFlight& flight, const DnsAttempt& asked, bool may_ask_more,
                     uint64_t now_ns) {
  const Link of_flight = link_of(flight);
  DnsAttempt& made = flight.attempts[flight.attempt_count++];
  made = asked;
  made.is_open = true;
  uint32_t& chain = chain_of(made.source_port, made.id);
  made.next_by_port = chain;
  chain = link_of(flight, made);
  stop_racing(flight);
  flight.asked_ns = now_ns;
  if (!may_ask_more) return;
  flight.is_racing = true;
  flight.older_asked = newest_asked_;
  flight.newer_asked = 0;
  (newest_asked_ == 0 ? oldest_asked_ : this->flight(newest_asked_).newer_asked) = of_flight;
  newest_asked_ = of_flight;
}

void DnsFlights::ask_without_edns(const DnsFlight& flight, DnsAttempt& asked, uint16_t source_port,
                                  uint16_t id) {
  const Link link = link_of(flight, asked);
  unlink(asked, link);
  asked.source_port = source_port;
  asked.id = id;
  asked.is_open = true;
  asked.has_edns = false;
  asked.was_refused = true;
  uint32_t& chain = chain_of(source_port, id);
  asked.next_by_port = chain;
  chain = link;
}

void DnsFlights::unlink(DnsAttempt& made, Link link) {
  Link* place = &chain_of(made.source_port, made.id);
  while (*place != link) place = &attempt(*place).next_by_port;
  *place = made.next_by_port;
}

void DnsFlights::stop_racing(DnsFlight& flight) {
  if (!flight.is_racing) return;
  flight.is_racing = false;
  (flight.older_asked == 0 ? oldest_asked_ : this->flight(flight.older_asked).newer_asked) =
      flight.newer_asked;
  (flight.newer_asked == 0 ? newest_asked_ : this->flight(flight.newer_asked).older_asked) =
      flight.older_asked;
}

DnsAttempt* DnsFlights::find_attempt(uint32_t source, uint16_t source_port, uint16_t id,
                                     const IpAddress& resolver, uint16_t resolver_port,
                                     DnsFlight*& flight) {
  if (memory_.flights.empty()) return nullptr;
  for (Link at = chain_of(source_port, id); at != 0; at = attempt(at).next_by_port) {
    DnsAttempt& known = attempt(at);
    if (known.is_open && known.id == id && known.source_port == source_port &&
        known.source == source && known.resolver_port == resolver_port &&
        known.resolver == resolver) {
      flight = &this->flight((at - 1) / DnsForwarding::kMaxAttempts + 1);
      return &known;
    }
  }
  return nullptr;
}

void DnsFlights::end(DnsFlight& ended) {
  const Link link = link_of(ended);
  stop_racing(ended);
  Link* at = &chain_of(ended.hash);
  while (*at != link) at = &flight(*at).next_by_question;
  *at = ended.next_by_question;
  for (uint32_t i = 0; i < ended.attempt_count; ++i) {
    DnsAttempt& made = ended.attempts[i];
    unlink(made, link_of(ended, made));
  }
  (ended.older == 0 ? oldest_ : flight(ended.older).newer) = ended.newer;
  (ended.newer == 0 ? newest_ : flight(ended.newer).older) = ended.older;
  if (ended.first_waiter != 0) {
    (last_ready_ == 0 ? first_ready_ : waiter(last_ready_).next) = ended.first_waiter;
    last_ready_ = ended.last_waiter;
  }
  ended.newer = free_flight_;
  free_flight_ = link;
}

DnsFlight* DnsFlights::started_ago(uint64_t wait_ns, uint64_t now_ns) {
  if (oldest_ == 0 || now_ns - flight(oldest_).started_ns < wait_ns) return nullptr;
  return &flight(oldest_);
}

DnsFlight* DnsFlights::asked_ago(uint64_t wait_ns, uint64_t now_ns) {
  if (oldest_asked_ == 0 || now_ns - flight(oldest_asked_).asked_ns < wait_ns) return nullptr;
  return &flight(oldest_asked_);
}

rte_mbuf* DnsFlights::take_ready() {
  const Link link = first_ready_;
  if (link == 0) return nullptr;
  DnsWaiter& taken = waiter(link);
  first_ready_ = taken.next;
  if (first_ready_ == 0) last_ready_ = 0;
  taken.next = free_waiter_;
  free_waiter_ = link;
  --held_;
  for (uint16_t* counter : counters_of(taken.client)) --*counter;
  return taken.mbuf;
}

}  // namespace vipgate
