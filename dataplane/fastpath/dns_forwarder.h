// The forwarder's side of a worker: whom to ask next, the packet that asks, and what is remembered
// of resolvers. The pipeline's side is dns_forward.h.
//
// What it keeps lives in the worker's memory, and is used by that worker's thread only.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <span>

#include "common/counters.h"
#include "common/dns_forwarding.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/dns_cache.h"
#include "dataplane/fastpath/dns_flights.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/secret_random.h"
#include "dataplane/fastpath/snat_ports.h"

namespace vipgate {

// Buffers for packets of the worker's own making. Who runs the pipeline keeps it full, between two
// bursts.
struct SparePackets {
  uint32_t count = 0;
  std::array<rte_mbuf*, kBurst> packets;
};

// Which resolvers do not answer. One that was silent kFailures times in a row is left out for a
// second, and for twice as long each time that a question then shows it to be still so.
class DnsResolverStates {
 public:
  static constexpr uint32_t kFailures = 3;
  static constexpr uint64_t kShortestNs = 1'000'000'000, kLongestNs = 32'000'000'000;

  bool is_out(const IpAddress& address, uint16_t port, uint64_t now_ns) const;
  // It is asked although it was out: nobody else shall try before `until_ns`.
  void try_again(const IpAddress& address, uint16_t port, uint64_t until_ns);
  void answered(const IpAddress& address, uint16_t port);
  void was_silent(const IpAddress& address, uint16_t port, uint64_t now_ns);

 private:
  struct State {
    IpAddress address;
    uint16_t port = 0;
    uint32_t failures = 0;  // in a row; 0: the place is free
    uint64_t out_until_ns = 0;
  };
  const State* find(const IpAddress& address, uint16_t port) const;
  State* find(const IpAddress& address, uint16_t port) {
    return const_cast<State*>(std::as_const(*this).find(address, port));
  }

  // More that fail at the same time are asked as if they did not.
  std::array<State, 64> states_;
};

// Which resolvers answer only without EDNS, each for kDnsWithoutEdnsNs.
class DnsPlainResolvers {
 public:
  bool has(const IpAddress& address, uint16_t port, uint64_t now_ns) const;
  void note(const IpAddress& address, uint16_t port, uint64_t now_ns);

 private:
  struct Plain {
    IpAddress address;
    uint16_t port = 0;
    uint64_t until_ns = 0;
  };
  // One more takes the place of the oldest.
  std::array<Plain, 16> plain_;
  uint64_t until_ns_ = 0;  // the last one's
};

struct DnsForwarderMemory {
  DnsCacheMemory cache;
  DnsFlightMemory flights;
  std::span<const SnatPorts> snat4, snat6;  // by position in Snapshot::snat_addresses
};

class DnsForwarder {
 public:
  DnsForwarder(const DnsForwarderMemory& memory, const HashSecret& secret, uint32_t worker)
      : cache_(memory.cache),
        flights_(memory.flights),
        random_(secret, worker),
        client_secret_(secret),
        snat4_(memory.snat4),
        snat6_(memory.snat6) {}

  DnsCache& cache() { return cache_; }
  DnsFlights& flights() { return flights_; }
  const DnsFlights& flights() const { return flights_; }
  SparePackets& spares() { return spares_; }

  // A client's name in DnsFlights.
  uint64_t client_of(const uint8_t* address, size_t length) const;

  // A new flight for the question, of which nobody has been asked yet.
  DnsFlight& begin(const DnsQuestion& question, uint64_t now_ns) {
    return flights_.begin(question, random_.next()[0], now_ns);
  }
  // A packet to the next resolver of the flight's name, and by which port it leaves; null: there is
  // nobody left to ask, or no buffer.
  rte_mbuf* ask(const Snapshot& snapshot, DnsFlight& flight, uint64_t now_ns, uint8_t& out_port);

  // The same to the resolver of an attempt that was answered, which may know nothing of EDNS; null
  // also if it was asked without.
  rte_mbuf* ask_without_edns(const Snapshot& snapshot, const DnsFlight& flight, DnsAttempt& attempt,
                             uint8_t& out_port);

  // An attempt has been answered, whatever the answer is worth, if it is not usable.
  void note_answer(DnsAttempt& attempt, bool is_usable, uint64_t now_ns);
  // The flight is over: by an answer, or by time.
  void end(DnsFlight& flight, bool is_answered, uint64_t now_ns);

 private:
  const DnsResolver* choose(const DnsForwarding& forwarding, const DnsFlight& flight,
                            uint64_t now_ns, uint32_t& index);
  const SnatPorts& ports_of(const IpAddress& resolver, uint32_t source) const {
    return resolver.is_v4() ? snat4_[source] : snat6_[source];
  }
  void write_packet(const Snapshot& snapshot, const DnsResolver& resolver, const DnsFlight& flight,
                    const DnsAttempt& attempt, rte_mbuf* mbuf);

  DnsCache cache_;
  DnsFlights flights_;
  SecretRandom random_;
  PreparedSecret client_secret_;
  DnsResolverStates states_;
  DnsPlainResolvers plain_;
  SparePackets spares_;
  std::span<const SnatPorts> snat4_, snat6_;
};

}  // namespace vipgate
