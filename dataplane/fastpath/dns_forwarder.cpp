#include "dataplane/fastpath/dns_forwarder.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"
#include "common/dns_policy.h"
#include "common/headers.h"
#include "dataplane/fastpath/rewrite.h"

namespace vipgate {

const DnsResolverStates::State* DnsResolverStates::find(const IpAddress& address,
                                                        uint16_t port) const {
  for (const State& state : states_) {
    if (state.failures != 0 && state.port == port && state.address == address) return &state;
  }
  return nullptr;
}

bool DnsResolverStates::is_out(const IpAddress& address, uint16_t port, uint64_t now_ns) const {
  const State* state = find(address, port);
  return state != nullptr && state->failures >= kFailures && now_ns < state->out_until_ns;
}

void DnsResolverStates::try_again(const IpAddress& address, uint16_t port, uint64_t until_ns) {
  State* state = find(address, port);
  if (state != nullptr && state->failures >= kFailures) state->out_until_ns = until_ns;
}

void DnsResolverStates::answered(const IpAddress& address, uint16_t port) {
  if (State* state = find(address, port)) state->failures = 0;
}

void DnsResolverStates::was_silent(const IpAddress& address, uint16_t port, uint64_t now_ns) {
  State* state = find(address, port);
  if (state == nullptr) {
    for (State& place : states_) {
      if (place.failures != 0) continue;
      place = {.address = address, .port = port, .failures = 1, .out_until_ns = 0};
      return;
    }
    return;
  }
  ++state->failures;
  if (state->failures < kFailures) return;
  const uint32_t times = std::min(state->failures - kFailures, 5u);
  state->out_until_ns = now_ns + std::min(kShortestNs << times, kLongestNs);
}

bool DnsPlainResolvers::has(const IpAddress& address, uint16_t port, uint64_t now_ns) const {
  if (now_ns >= until_ns_) return false;
  return std::any_of(plain_.begin(), plain_.end(), [&](const Plain& plain) {
    return now_ns < plain.until_ns && plain.port == port && plain.address == address;
  });
}

void DnsPlainResolvers::note(const IpAddress& address, uint16_t port, uint64_t now_ns) {
  if (has(address, port, now_ns)) return;
  until_ns_ = now_ns + kDnsWithoutEdnsNs;
  *std::min_element(plain_.begin(), plain_.end(), [](const Plain& a, const Plain& b) {
    return a.until_ns < b.until_ns;
  }) = {address, port, until_ns_};
}

uint64_t DnsForwarder::client_of(const uint8_t* address, size_t length) const {
  alignas(8) std::array<uint8_t, 16> key{};
  std::memcpy(key.data(), address, std::min(length, key.size()));
  return keyed_hash(key.data(), key.size(), client_secret_);
}

// The first one, as they are listed, that was not asked for this and is not out. Where all others
// are out, one of these, so that it can show that it is back.
const DnsResolver* DnsForwarder::choose(const DnsForwarding& forwarding, const DnsFlight& flight,
                                        uint64_t now_ns, uint32_t& index) {
  const auto& resolvers = forwarding.resolvers(
      {reinterpret_cast<const char*>(flight.folded.data()), flight.name_length});
  const DnsResolver* last_resort = nullptr;
  for (uint32_t i = 0; i < resolvers.size(); ++i) {
    const DnsResolver& resolver = resolvers[i];
    if (!resolver.is_resolved || resolver.is_left_out) continue;
    if (forwarding.sources(resolver.address).count == 0) continue;
    bool was_asked = false;
    for (uint32_t k = 0; k < flight.attempt_count; ++k) {
      was_asked |= flight.attempts[k].resolver == resolver.address &&
                   flight.attempts[k].resolver_port == resolver.port;
    }
    if (was_asked) continue;
    if (!states_.is_out(resolver.address, resolver.port, now_ns)) {
      states_.try_again(resolver.address, resolver.port, now_ns + forwarding.timeout_ns);
      index = i;
      return &resolver;
    }
    if (last_resort == nullptr) {
      last_resort = &resolver;
      index = i;
    }
  }
  return last_resort;
}

rte_mbuf* DnsForwarder::ask(const Snapshot& snapshot, DnsFlight& flight, uint64_t now_ns,
                            uint8_t& out_port) {
  const DnsForwarding& forwarding = snapshot.dns_policy->forwarding;
  if (!forwarding.is_on || spares_.count == 0 ||
      flight.attempt_count >= std::min(forwarding.attempts, DnsForwarding::kMaxAttempts)) {
    return nullptr;
  }
  uint32_t index = 0;
  const DnsResolver* resolver = choose(forwarding, flight, now_ns, index);
  if (resolver == nullptr) return nullptr;
  const DnsSources& sources = forwarding.sources(resolver->address);
  const auto random = random_.next();
  const uint32_t source = sources.first + scale(static_cast<uint32_t>(random[0]), sources.count);
  if (source >= snat4_.size() || source >= snapshot.snat_addresses.size()) return nullptr;
  const SnatPorts& ports = ports_of(resolver->address, source);
  if (ports.count() == 0) return nullptr;
  const DnsAttempt attempt{
      .resolver = resolver->address,
      .resolver_port = resolver->port,
      .source = source,
      .source_port = ports.port(scale(static_cast<uint32_t>(random[0] >> 32), ports.count())),
      .id = static_cast<uint16_t>(random[1]),
      .has_edns = !plain_.has(resolver->address, resolver->port, now_ns)};
  rte_mbuf* mbuf = spares_.packets[--spares_.count];
  write_packet(snapshot, *resolver, flight, attempt, mbuf);
  out_port = resolver->out_port;
  flights_.ask(flight, attempt, flight.attempt_count + 1u < forwarding.attempts, now_ns);
  return mbuf;
}

rte_mbuf* DnsForwarder::ask_without_edns(const Snapshot& snapshot, const DnsFlight& flight,
                                         DnsAttempt& attempt, uint8_t& out_port) {
  const DnsForwarding& forwarding = snapshot.dns_policy->forwarding;
  if (!attempt.has_edns || !forwarding.is_on || spares_.count == 0) return nullptr;
  if (attempt.source >= snat4_.size() || attempt.source >= snapshot.snat_addresses.size()) {
    return nullptr;
  }
  const auto& resolvers = forwarding.resolvers(
      {reinterpret_cast<const char*>(flight.folded.data()), flight.name_length});
  const auto resolver =
      std::find_if(resolvers.begin(), resolvers.end(), [&](const DnsResolver& known) {
        return known.is_resolved && known.port == attempt.resolver_port &&
               known.address == attempt.resolver;
      });
  const SnatPorts& ports = ports_of(attempt.resolver, attempt.source);
  if (resolver == resolvers.end() || ports.count() == 0) return nullptr;
  const auto random = random_.next();
  flights_.ask_without_edns(flight, attempt,
                            ports.port(scale(static_cast<uint32_t>(random[0]), ports.count())),
                            static_cast<uint16_t>(random[1]));
  rte_mbuf* mbuf = spares_.packets[--spares_.count];
  write_packet(snapshot, *resolver, flight, attempt, mbuf);
  out_port = resolver->out_port;
  return mbuf;
}

void DnsForwarder::write_packet(const Snapshot& snapshot, const DnsResolver& resolver,
                                const DnsFlight& flight, const DnsAttempt& attempt,
                                rte_mbuf* mbuf) {
  const bool is_v4 = resolver.address.is_v4();
  Packet packet{};
  packet.mbuf = mbuf;
  packet.l2_length = sizeof(EthernetHeader);
  packet.l4_offset = is_v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  packet.l3 = rte_pktmbuf_mtod(mbuf, uint8_t*) + sizeof(EthernetHeader);
  const Be16 ether_type(is_v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  std::memcpy(packet.l3 - 2, &ether_type, sizeof ether_type);
  auto& udp = packet.l4<UdpHeader>();
  const uint16_t length = static_cast<uint16_t>(
      sizeof(UdpHeader) +
      dns_write_question(flight.asked(attempt), reinterpret_cast<uint8_t*>(&udp + 1)));
  udp = {Be16(attempt.source_port), Be16(attempt.resolver_port), Be16(length), Be16{}};
  const IpAddress& source = snapshot.snat_addresses[attempt.source].address;
  if (is_v4) {
    make_reply_header(packet, source.v4(), resolver.address.v4(), kProtocolUdp, length);
    udp.checksum = Be16::from_raw(tcp_udp_checksum(packet.ip<Ipv4Header>(), &udp, length));
  } else {
    make_reply_header(packet, source.v6(), resolver.address.v6(), kProtocolUdp, length);
    udp.checksum =
        Be16::from_raw(tcp_udp_checksum(packet.ip<Ipv6Header>(), kProtocolUdp, &udp, length));
  }
  set_ethernet(packet, resolver.next_hop_mac, resolver.port_mac, resolver.vlan);
}

void DnsForwarder::note_answer(DnsAttempt& attempt, bool is_usable, uint64_t now_ns) {
  attempt.is_open = false;
  // Not by what was asked without for the note's sake: that would last as long as the traffic.
  if (is_usable && attempt.was_refused) {
    plain_.note(attempt.resolver, attempt.resolver_port, now_ns);
  }
  states_.answered(attempt.resolver, attempt.resolver_port);
}

// Who was asked and overtaken has been silent, too; the last one may just not have had the time.
void DnsForwarder::end(DnsFlight& flight, bool is_answered, uint64_t now_ns) {
  for (uint32_t i = 0; i < flight.attempt_count; ++i) {
    const DnsAttempt& attempt = flight.attempts[i];
    const bool had_time = !is_answered || i + 1 < flight.attempt_count;
    if (attempt.is_open && had_time) {
      states_.was_silent(attempt.resolver, attempt.resolver_port, now_ns);
    }
  }
  flights_.end(flight);
}

}  // namespace vipgate
