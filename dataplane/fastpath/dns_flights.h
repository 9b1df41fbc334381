// Questions that resolvers have been asked and have not answered yet, and the clients' packets that
// wait for them.
//
// A flight is one question: whoever asks the same meanwhile waits with it, and nobody is asked
// twice. Each time a resolver is asked, the attempt has an id and a source port of its own, drawn
// at random, and is answered only from where it was sent to (RFC 5452 9). Packets wait as they
// came; when the flight is over they are ready, and go through the pipeline once more, which now
// knows the answer.
//
// One per worker, in zeroed memory that it is given and that never grows. What it does for one
// packet does not depend on how many flights there are: both time-outs are queues, since all
// flights have the same.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/addresses.h"
#include "common/dns_forwarding.h"
#include "dataplane/fastpath/dns_cache.h"

namespace vipgate {

// A resolver that was asked, and from where.
struct DnsAttempt {
  IpAddress resolver;
  uint16_t resolver_port = 0;
  uint32_t source = 0;  // position in Snapshot::snat_addresses
  uint16_t source_port = 0;
  uint16_t id = 0;
  bool is_open = false;  // no answer yet
  bool has_edns = true;
  bool was_refused = false;   // when it had
  uint32_t next_by_port = 0;  // attempts of the same hash, from 1 on; 0: the last one
};

struct DnsFlight {
  // Position in a list, from 1 on; 0: none.
  using Link = uint32_t;

  uint64_t hash = 0;
  uint64_t started_ns = 0;
  uint64_t asked_ns = 0;  // the last attempt
  Link next_by_question = 0;
  Link older = 0, newer = 0;              // by started_ns; `newer` alone of those that are free
  Link older_asked = 0, newer_asked = 0;  // by asked_ns; of those that may have another attempt
  Link first_waiter = 0, last_waiter = 0;
  uint16_t name_length = 0;
  uint16_t type = 0;
  uint32_t epoch = 0;
  uint8_t flags = 0;
  uint8_t attempt_count = 0;
  bool is_racing = false;  // it is in the list by asked_ns
  std::array<DnsAttempt, DnsForwarding::kMaxAttempts> attempts;
  std::array<uint8_t, 256> name;    // as it is sent: each letter in a random case
  std::array<uint8_t, 256> folded;  // as in DnsQuestion

  DnsQuestion question() const {
    return {.hash = hash,
            .name = folded.data(),
            .name_length = name_length,
            .type = type,
            .flags = flags,
            .epoch = epoch};
  }
  DnsUpstreamQuestion asked(const DnsAttempt& attempt) const {
    return {.id = attempt.id,
            .name = name.data(),
            .name_length = name_length,
            .type = type,
            .is_dnssec_ok = (flags & DnsQuestion::kDnssecOk) != 0,
            .is_checking_disabled = (flags & DnsQuestion::kCheckingDisabled) != 0,
            .has_edns = attempt.has_edns};
  }
  bool has_open_attempt() const {
    for (uint32_t i = 0; i < attempt_count; ++i) {
      if (attempts[i].is_open) return true;
    }
    return false;
  }
};

// A client's packet.
struct DnsWaiter {
  rte_mbuf* mbuf = nullptr;
  DnsFlight::Link next = 0;  // of the flight, of those that are ready, or of those that are free
  uint64_t client = 0;       // a keyed hash of its address
};

struct DnsFlightMemory {
  std::span<DnsFlight> flights;  // as many as waiters: each has one at least
  std::span<DnsWaiter> waiters;
  std::span<uint32_t> by_question;  // a power of two of each
  std::span<uint32_t> by_port;
  std::span<uint16_t> per_client;  // two rows of a power of two
};

class DnsFlights {
 public:
  enum class Join : uint8_t { kWaits, kFull, kClientFull };

  DnsFlights() = default;
  explicit DnsFlights(const DnsFlightMemory& memory) : memory_(memory) {}

  // Packets that wait or are ready.
  size_t held() const { return held_; }

  DnsFlight* find(const DnsQuestion& question);
  // Whether one more packet of that client may wait.
  Join may_wait(uint64_t client, uint32_t per_client) const;
  // A flight without attempts. REQUIRES: there is none for the question, and may_wait() said so.
  DnsFlight& begin(const DnsQuestion& question, uint64_t random, uint64_t now_ns);
  // REQUIRES: may_wait() said so.
  void wait(DnsFlight& flight, rte_mbuf* mbuf, uint64_t client);

  // Notes that a resolver is asked. REQUIRES: attempt_count < kMaxAttempts.
  void ask(DnsFlight& flight, const DnsAttempt& attempt, bool may_ask_more, uint64_t now_ns);
  // Notes that its resolver is asked once more, without EDNS. REQUIRES: it is not open.
  void ask_without_edns(const DnsFlight& flight, DnsAttempt& attempt, uint16_t source_port,
                        uint16_t id);
  // The open attempt with that id and ports that goes to this resolver; null: there is none. Then
  // `flight` is its own.
  DnsAttempt* find_attempt(uint32_t source, uint16_t source_port, uint16_t id,
                           const IpAddress& resolver, uint16_t resolver_port, DnsFlight*& flight);

  // Ends it: its packets are ready.
  void end(DnsFlight& flight);
  // The flight that has waited the longest since it began, or since its last attempt while it may
  // have another one; null: none has waited for `wait_ns`.
  DnsFlight* started_ago(uint64_t wait_ns, uint64_t now_ns);
  DnsFlight* asked_ago(uint64_t wait_ns, uint64_t now_ns);
  // It has no further attempt.
  void stop_racing(DnsFlight& flight);

  // The next packet that is ready; null: none is.
  rte_mbuf* take_ready();

 private:
  using Link = DnsFlight::Link;

  DnsFlight& flight(Link link) { return memory_.flights[link - 1]; }
  Link link_of(const DnsFlight& flight) const {
    return static_cast<Link>(&flight - memory_.flights.data()) + 1;
  }
  DnsWaiter& waiter(Link link) { return memory_.waiters[link - 1]; }
  uint32_t& chain_of(uint64_t hash) {
    return memory_.by_question[hash & (memory_.by_question.size() - 1)];
  }
  uint32_t& chain_of(uint16_t port, uint16_t id) {
    return memory_.by_port[(uint32_t{port} * 0x9e37u ^ id) & (memory_.by_port.size() - 1)];
  }
  DnsAttempt& attempt(Link link) {
    return flight((link - 1) / DnsForwarding::kMaxAttempts + 1)
        .attempts[(link - 1) % DnsForwarding::kMaxAttempts];
  }
  Link link_of(const DnsFlight& flight, const DnsAttempt& attempt) const {
    return (link_of(flight) - 1) * DnsForwarding::kMaxAttempts +
           static_cast<Link>(&attempt - flight.attempts.data()) + 1;
  }
  void unlink(DnsAttempt& attempt, Link link);
  // The two counters of a client: it counts as many as the lower one says.
  std::array<uint16_t*, 2> counters_of(uint64_t client) const {
    const size_t row = memory_.per_client.size() / 2;
    return {&memory_.per_client[client & (row - 1)],
            &memory_.per_client[row + ((client >> 32) & (row - 1))]};
  }

  DnsFlightMemory memory_;
  size_t held_ = 0;
  Link oldest_ = 0, newest_ = 0;
  Link oldest_asked_ = 0, newest_asked_ = 0;
  Link free_flight_ = 0, free_waiter_ = 0;
  // Those from here on have never been in use.
  uint32_t fresh_flight_ = 0, fresh_waiter_ = 0;
  Link first_ready_ = 0, last_ready_ = 0;
};

}  // namespace vipgate
