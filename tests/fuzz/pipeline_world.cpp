#include "tests/fuzz/pipeline_world.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "common/dns_table_builder.h"
#include "dataplane/fastpath/pipeline_impl.h"
#include "tests/fuzz/pipeline_frames.h"
#include "tests/support/direct_net.h"
#include "tests/support/dns_message.h"
#include "tests/support/owners.h"

namespace vipgate::test {
namespace {

constexpr size_t kTranslatedKept = 16;
constexpr size_t kAskedKept = 16;
constexpr uint32_t kDirectFirst = 20;  // index of the first service of direct_spec()

std::shared_ptr<const DnsTable> make_names() {
  using test::be16;
  using test::be32;
  using test::wire_name;
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{wire_name("ns1.mesos"), wire_name("root.mesos"), 7, 60, 600, 86400, 5};
  bool is_good = builder.set_zones({{wire_name("mesos"), soa, 60, false}}).ok();
  for (unsigned i = 0; i < 40; ++i) {
    const std::string target = std::string(1 + i % 20, 't') + ".mesos";
    is_good &= builder.add({wire_name("many.mesos"), DnsType::kA, 60, be32(i)}).ok();
    if (i >= 20) continue;
    is_good &= builder.add({wire_name(target), DnsType::kA, 60, be32(i)}).ok();
    is_good &= builder
                   .add({wire_name("_s._tcp.mesos"), DnsType::kSrv, 60,
                         be16(0) + be16(1) + be16(i) + wire_name(target)})
                   .ok();
  }
  is_good &= builder.add({wire_name("c.mesos"), DnsType::kCname, 60, wire_name("t.mesos")}).ok();
  auto table = builder.build();
  VIPGATE_REQUIRE(is_good && table.ok());
  return *table;
}

// SCTP at port 132: by `fullnat`, by `nat` to another port and to the same, and in a tunnel.
void add_sctp_services(SnapshotSpec& spec) {
  struct Case {
    Mode mode;
    int family;
    uint16_t real_port;
  };
  static constexpr Case kCases[] = {{Mode::kFullnat, 4, 9132},
                                    {Mode::kNat, 6, 9132},
                                    {Mode::kNat, 4, 132},
                                    {Mode::kIpip, 6, 132}};
  uint32_t index = 56;  // above those of direct_spec()
  uint32_t real_index = 70;
  for (const Case& kind : kCases) {
    const ServiceCase like{kind.mode == Mode::kIpip ? Mode::kFullnat : kind.mode, kind.family,
                           Protocol::kTcp};
    ServiceSpec service = spec.services[like.index()];
    service.index = index;
    service.flow_id = 200 + index++;
    service.protocol = Protocol::kSctp;
    service.mode = kind.mode;
    service.port = 132;
    for (RealSpec& real : service.reals) {
      real.id = RealId(real_index++, 1);
      real.port = kind.real_port;
      if (kind.mode == Mode::kNat) real.return_flow_id = 300 + real_index;
    }
    spec.services.push_back(service);
  }
}

DnsResolver resolver_at(std::string_view address) {
  return {.address = ip(address),
          .is_resolved = true,
          .out_port = 1,
          .next_hop_mac = mac(kRealMac),
          .port_mac = mac(kGatewayMac1),
          .vlan = Be16(kRealVlan)};
}

// Names of others, for all clients: two resolvers, and one of IPv6 for those below "six".
void add_forwarding(SnapshotSpec& spec) {
  DnsForwarding& forwarding = spec.dns_policy.forwarding;
  const std::array all{IpPrefix{Ipv4Address{}, 0}, IpPrefix{Ipv6Address{}, 0}};
  forwarding.is_on = true;
  forwarding.clients = PrefixSet(all);
  forwarding.zones = {{wire_name("six"), {resolver_at("fd01::53")}},
                      {wire_name(""), {resolver_at("10.1.0.53"), resolver_at("10.1.0.54")}}};
  const auto first = static_cast<uint32_t>(spec.snat_addresses.size());
  spec.snat_addresses.push_back({ip("10.8.0.53"), 20'000, 20'031});
  spec.snat_addresses.push_back({ip("fd08::53"), 20'000, 20'031});
  forwarding.sources4 = {first, 1};
  forwarding.sources6 = {first + 1, 1};
  forwarding.race_after_ns = kNanosecondsPerQuarter;
  forwarding.timeout_ns = 4 * kNanosecondsPerQuarter;
  forwarding.attempts = 2;
  forwarding.per_client = 3;
  forwarding.max_ttl_s = 3600;
  forwarding.negative_ttl_s = 60;
  forwarding.stale_s = 30;
}

SnapshotSpec make_spec() {
  SnapshotSpec spec = net_spec();
  spec.snat_addresses = {{ip("10.8.0.1"), 20'000, 20'031}, {ip("fd08::1"), 20'000, 20'031}};
  add_forwarding(spec);
  for (ServiceSpec service : direct_spec().services) {
    service.index += kDirectFirst;
    service.flow_id += 200;
    // The field's extras, each at some of the services.
    if (service.index % 3 == 0 && service.mode == Mode::kGue) service.tunnel.gue_hops = 2;
    if (service.index % 2 == 0) service.tunnel.mss_clamp = 1300;
    for (RealSpec& real : service.reals) real.id = RealId(real.id.index() + 100, 1);
    spec.services.push_back(service);
  }
  add_sctp_services(spec);
  for (ServiceSpec& service : spec.services) {
    service.is_quic = service.protocol == Protocol::kUdp;
    for (size_t n = 0; service.is_quic && n < service.reals.size(); ++n) {
      service.reals[n].quic_id = static_cast<uint32_t>(n + 1);
    }
    if (service.mode == Mode::kFullnat && service.protocol == Protocol::kTcp) {
      service.client_address = service.vip.is_v4() ? ClientAddress::kProxyV2 : ClientAddress::kToa;
    }
    if (service.index % 5 == 1) service.admission.max_connections = 3;
    if (service.index % 3 == 1) service.admission.affinity_s = static_cast<uint16_t>(service.index);
  }
  for (PortEntry& port : spec.ports) port.mtu = 1500;
  spec.dns = make_names();
  return spec;
}

// All that may change under a flow: its real drains or is gone, the service's mode is another, the
// next hop is lost, the way out takes less. Under a question: there are search lists, nobody is
// asked any more, or nobody can be.
std::vector<std::shared_ptr<const Snapshot>> make_snapshots() {
  SnapshotBuilder builder;
  std::vector<std::shared_ptr<const Snapshot>> snapshots;
  const auto add = [&](auto&& change) {
    SnapshotSpec spec = make_spec();
    spec.generation = snapshots.size() + 1;
    change(spec);
    snapshots.push_back(builder.build(spec));
  };
  const auto each_real = [](SnapshotSpec& spec, auto&& change) {
    for (ServiceSpec& service : spec.services) {
      for (RealSpec& real : service.reals) change(service, real);
    }
  };
  add([](SnapshotSpec&) {});
  add([&](SnapshotSpec& spec) {
    each_real(spec, [](const ServiceSpec&, RealSpec& real) {
      if (real.id.index() % 2 == 0) real.state = RealState::kDraining;
    });
    DnsSearch& search = spec.dns_policy.search;
    search.lists = {{wire_name("org")}};
    const std::array clients{PrefixValue{IpPrefix{Ipv4Address{}, 1}, uint16_t{0}}};
    search.clients4 = PrefixValues<Ipv4Address>(clients);
    search.clients6 =
        PrefixValues<Ipv6Address>(std::array{PrefixValue{IpPrefix{Ipv6Address{}, 0}, uint16_t{0}}});
  });
  add([&](SnapshotSpec& spec) {
    each_real(spec, [](const ServiceSpec& service, RealSpec& real) {
      if (service.index % 4 < 2 || real.id.index() % 3 == 0) real.state = RealState::kDown;
    });
  });
  add([](SnapshotSpec& spec) {
    spec.dns_policy.forwarding.is_on = false;
    for (ServiceSpec& service : spec.services) {
      if (service.mode == Mode::kFullnat) {
        service.mode = Mode::kIpip;
      } else if (service.mode == Mode::kL2dsr) {
        service.mode = Mode::kFullnat;
        service.snat_first = service.vip.is_v4() ? 0 : 1;
        service.snat_count = 1;
      }
    }
  });
  add([&](SnapshotSpec& spec) {
    each_real(spec,
              [](const ServiceSpec&, RealSpec& real) { real.resolved = real.id.index() % 2 == 0; });
    spec.ports[1].mtu = 600;
    spec.ports[0].mtu = 700;
    for (DnsForwardZone& zone : spec.dns_policy.forwarding.zones) {
      for (DnsResolver& resolver : zone.resolvers) resolver.is_resolved = false;
    }
  });
  return snapshots;
}

const std::vector<std::shared_ptr<const Snapshot>>& snapshots() {
  static const auto all = make_snapshots();
  return all;
}

const FlowOwners& owners() {
  static const FlowOwners all = owners_of_flows(kFuzzWorkers);
  return all;
}

// What is behind the UDP header of a whole packet.
std::string dns_message_of(const Bytes& frame) {
  const Bytes datagram = ip_packet(frame);
  const size_t header = datagram[0] >> 4 == 4 ? (datagram[0] & 15) * 4u : sizeof(Ipv6Header);
  return {datagram.begin() + static_cast<long>(header + sizeof(UdpHeader)), datagram.end()};
}

bool is_malformed(const Bytes& frame) {
  const std::string text = describe(frame);
  return text.find("cut short") != std::string::npos || text.find("bad") != std::string::npos;
}

}  // namespace

void require(bool holds, const char* what, int line) {
  if (holds) return;
  std::fprintf(stderr, "does not hold (line %d): %s\n", line, what);
  std::abort();
}

FuzzWorld::Worker::Worker(uint32_t number)
    : memory({.worker = number,
              .workers = kFuzzWorkers,
              .sizes = {.flows = 24,
                        .wide_flows = 24,
                        .affinities = 8,
                        .fragments = 8,
                        .dns_answers = 16,
                        .dns_questions = 4,
                        .services = 64,
                        .reals = 256},
              .snat = snapshots()[0]->snat_addresses,
              .secret = {{1, 2, 3, 4}},
              .owners = &owners()}),
      pipeline(memory.pipeline_options(), recorder) {}

FuzzWorld::FuzzWorld() : snapshot_(snapshots()[0].get()) {
  for (uint32_t i = 0; i < kFuzzWorkers; ++i) workers_.emplace_back(i);
  for (Worker& own : workers_) {
    for (uint32_t i = 0; i < kFuzzWorkers; ++i) own.memory.connect(i, workers_[i].memory);
  }
}

void FuzzWorld::receive(Bytes frame, uint8_t port, uint32_t worker, bool tight) {
  if (port != waiting_port_ || worker != waiting_worker_) end_burst();
  waiting_port_ = port;
  waiting_worker_ = worker;
  auto mbuf = tight ? std::make_unique<FakeMbuf>(frame, sizeof(VlanTag), frame.size())
                    : std::make_unique<FakeMbuf>(frame);
  // A device leaves anything here; it must not be taken for a note about a fragment.
  std::memset(static_cast<void*>(&(*mbuf)->hash), 0xff, sizeof(rte_mbuf::hash));
  waiting_.push_back(mbuf->get());
  packets_[waiting_.back()] = {.frame = std::move(frame), .mbuf = std::move(mbuf)};
  if (waiting_.size() == kBurst) end_burst();
}

// A turn of the worker's loop, and of the others'.
void FuzzWorld::end_burst() {
  if (waiting_.empty()) return;
  received_ += waiting_.size();
  process(waiting_worker_, std::exchange(waiting_, {}), false);
  for (uint32_t number = 0; number < kFuzzWorkers; ++number) settle(number);
  check_sums();
}

void FuzzWorld::process(uint32_t number, std::vector<rte_mbuf*> mbufs, bool handed_over) {
  Worker& worker = workers_[number];
  // As the worker's loop does, before any packet.
  worker.pipeline.advance(Now::from_ns(ns_));
  give_spares(worker);
  worker.recorder.seen.clear();
  worker.pipeline.process(*snapshot_, mbufs.data(), static_cast<uint16_t>(mbufs.size()),
                          waiting_port_, handed_over, Now::from_ns(ns_), worker.outbox);
  size_t held = 0;
  for (rte_mbuf* mbuf : mbufs) {
    if (verdict_on(worker, mbuf).kind != Verdict::Kind::kHold) continue;
    Packet& packet = packet_of(mbuf);
    VIPGATE_REQUIRE(++packet.holds == 1 && packet.mbuf->frame() == packet.frame);
    const Transport transport = transport_of(ip_packet(packet.frame));
    const bool is_question = transport.protocol == kProtocolUdp && !transport.is_fragment;
    VIPGATE_REQUIRE(transport.offset != 0 || is_question);
    ++held;
  }
  const size_t seen = worker.recorder.seen.size();
  const uint64_t made = made_;
  const size_t left = collect(number);
  // Of what other workers did with packets that were handed over, nothing is in `left`.
  VIPGATE_REQUIRE(left + held == mbufs.size());
  VIPGATE_REQUIRE(seen >= mbufs.size() && seen - mbufs.size() <= made_ - made);
}

void FuzzWorld::give_spares(Worker& worker) {
  SparePackets* spares = worker.pipeline.spares();
  while (spares->count < kBurst) {
    auto spare = std::make_unique<FakeMbuf>(Bytes{});
    spares->packets[spares->count++] = spare->get();
    spares_.emplace(spare->get(), std::move(spare));
  }
}

bool FuzzWorld::settle(uint32_t number) {
  Worker& worker = workers_[number];
  worker.recorder.seen.clear();
  const size_t before = worker.pipeline.held();
  const bool any = worker.pipeline.settle_fragments(*snapshot_, Now::from_ns(ns_), worker.outbox);
  const size_t settled = worker.recorder.seen.size();
  VIPGATE_REQUIRE(any == (settled != 0) && worker.pipeline.held() + settled == before);
  VIPGATE_REQUIRE(collect(number) == settled);
  return settle_questions(number) || any;
}

bool FuzzWorld::settle_questions(uint32_t number) {
  Worker& worker = workers_[number];
  give_spares(worker);
  worker.recorder.seen.clear();
  const size_t before = worker.pipeline.held();
  const uint64_t made = made_;
  const bool any = worker.pipeline.settle_questions(*snapshot_, Now::from_ns(ns_), worker.outbox);
  const size_t left = collect(number);
  VIPGATE_REQUIRE(worker.pipeline.held() + left == before);
  VIPGATE_REQUIRE(worker.recorder.seen.size() == left + (made_ - made));
  VIPGATE_REQUIRE(any || worker.recorder.seen.empty());
  return any;
}

FuzzWorld::Packet& FuzzWorld::packet_of(const rte_mbuf* mbuf) {
  const auto found = packets_.find(mbuf);
  VIPGATE_REQUIRE(found != packets_.end());
  return found->second;
}

const Verdict& FuzzWorld::verdict_on(const Worker& worker, const rte_mbuf* mbuf) {
  const auto found = worker.recorder.seen.find(mbuf);
  VIPGATE_REQUIRE(found != worker.recorder.seen.end() && found->second.count == 1);
  return found->second.verdict;
}

size_t FuzzWorld::collect(uint32_t number) {
  Worker& worker = workers_[number];
  std::set<const rte_mbuf*> left;
  std::array<std::vector<rte_mbuf*>, kFuzzWorkers> others;
  const auto note = [&](Verdict::Kind kind, auto&& check) {
    return [&, kind](size_t destination, rte_mbuf** mbufs, uint32_t count) {
      for (uint32_t i = 0; i < count; ++i) {
        VIPGATE_REQUIRE(left.insert(mbufs[i]).second);
        Packet& packet = packet_of(mbufs[i]);
        const Verdict& verdict = verdict_on(worker, mbufs[i]);
        const bool is_sent = kind == Verdict::Kind::kForward;
        // A resolver's answer has done its work, and goes no further.
        const bool is_taken = kind == Verdict::Kind::kDrop && verdict.kind == Verdict::Kind::kDns &&
                              verdict.dns == DnsOutcome::kResolverAnswer;
        VIPGATE_REQUIRE(is_taken ||
                        (is_sent ? verdict.kind <= Verdict::Kind::kReply : verdict.kind == kind));
        if (!is_sent) VIPGATE_REQUIRE(packet.mbuf->frame() == packet.frame);
        check(destination, packet, verdict);
        if (kind == Verdict::Kind::kHandover) continue;
        packets_.erase(mbufs[i]);
        ++ended_;
      }
    };
  };
  const auto check_port = [&](size_t port, const Packet& packet, const Verdict& verdict) {
    VIPGATE_REQUIRE(port < snapshot_->ports.size());
    check_sent(packet, verdict);
  };
  worker.outbox.transmit.flush([&](size_t port, rte_mbuf** mbufs, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      if (spares_.contains(mbufs[i])) {
        check_made(mbufs[i], port, verdict_on(worker, mbufs[i]));
      } else {
        note(Verdict::Kind::kForward, check_port)(port, &mbufs[i], 1);
      }
    }
  });
  worker.outbox.kernel.flush(
      note(Verdict::Kind::kKernel, [&](size_t port, const Packet&, const Verdict&) {
        VIPGATE_REQUIRE(snapshot_->ports[port].kernel);
      }));
  worker.outbox.drop.flush(
      note(Verdict::Kind::kDrop, [](size_t, const Packet&, const Verdict&) {}));
  worker.outbox.handover.flush(
      note(Verdict::Kind::kHandover, [&](size_t owner, Packet& packet, const Verdict&) {
        VIPGATE_REQUIRE(owner != number && owner < kFuzzWorkers);
        // A fragment goes to whom follows its datagram first, and then to the flow's owner. Of a
        // `nat` real's packet two may be that.
        ++packet.handovers;
        const int usual = transport_of(ip_packet(packet.frame)).is_fragment ? 2 : 1;
        const int more = snapshot_->nat_return_owner == NatReturnOwner::kEither ? 1 : 0;
        VIPGATE_REQUIRE(packet.handovers <= usual + more);
        others[owner].push_back(packet.mbuf->get());
      }));
  for (uint32_t other = 0; other < kFuzzWorkers; ++other) {
    if (!others[other].empty()) process(other, others[other], true);
  }
  return left.size();
}

void FuzzWorld::check_sums() const {
  size_t held = 0;
  for (const Worker& worker : workers_) held += worker.pipeline.held();
  VIPGATE_REQUIRE(received_ == ended_ + held && packets_.size() == held);
}

void FuzzWorld::check_sent(const Packet& packet, const Verdict& verdict) {
  const Bytes after = packet.mbuf->frame();
  VIPGATE_REQUIRE(!is_malformed(after));
  if (verdict.kind == Verdict::Kind::kForward) {
    return check_forwarded(packet.frame, after, verdict);
  }
  // An echo's checksum is the request's, brought up to date.
  const bool is_echo = verdict.kind == Verdict::Kind::kReply && verdict.reply == ReplyKind::kEcho;
  VIPGATE_REQUIRE(checksums_ok(after) || (is_echo && !checksums_ok(packet.frame)));
  if (verdict.kind != Verdict::Kind::kDns) return;
  VIPGATE_REQUIRE(test::parse_dns(dns_message_of(after)).has_value());
}

void FuzzWorld::check_forwarded(const Bytes& before, const Bytes& after, const Verdict& verdict) {
  const bool was_ok = checksums_ok(before);
  if (was_ok) VIPGATE_REQUIRE(checksums_ok(after));
  const ServiceEntry& service = snapshot_->service(verdict.service);
  const Transport transport = transport_of(ip_packet(before));
  if (verdict.is_return || is_translating(service.mode)) {
    if (transport.is_fragment) VIPGATE_REQUIRE(is_translated_fragment(before, after));
    if (verdict.is_return) return;
    if (translated_.size() == kTranslatedKept) translated_.erase(translated_.begin());
    translated_.push_back(after);
    return;
  }
  const Bytes inner = is_tunnel(service.mode) ? open_tunnel(after).inner : ip_packet(after);
  if (service.mss_clamp == 0 || transport.offset != 0) {
    VIPGATE_REQUIRE(inner == ip_packet(before));
    return;
  }
  // The clamp may have changed the packet, but neither its length nor that it is right.
  Bytes framed(before.begin(), before.begin() + static_cast<long>(network_offset(before)));
  framed.insert(framed.end(), inner.begin(), inner.end());
  VIPGATE_REQUIRE(inner.size() == ip_packet(before).size());
  VIPGATE_REQUIRE(!was_ok || checksums_ok(framed));
}

void FuzzWorld::check_made(const rte_mbuf* mbuf, size_t port, const Verdict& verdict) {
  const auto made = spares_.find(mbuf);
  const Bytes frame = made->second->frame();
  spares_.erase(made);
  ++made_;
  VIPGATE_REQUIRE(verdict.kind == Verdict::Kind::kMade && port == 1);
  VIPGATE_REQUIRE(!is_malformed(frame) && checksums_ok(frame));
  const auto question = test::parse_dns(dns_message_of(frame));
  VIPGATE_REQUIRE(question.has_value() && question->questions == 1);
  if (asked_.size() == kAskedKept) asked_.erase(asked_.begin());
  asked_.push_back(frame);
}

Bytes FuzzWorld::resolver_answer(uint8_t number, uint8_t flags, bool is_truncated, uint8_t counts,
                                 const Bytes& records) const {
  if (asked_.empty()) return {};
  Bytes frame = answer_of(asked_[number % asked_.size()], 0, 64);
  const size_t message = frame.size() - dns_message_of(frame).size();
  if (frame[message + 11] != 0) frame.resize(frame.size() - kDnsOptLength);
  frame[message + 2] = static_cast<uint8_t>(0x81 | (is_truncated ? 2 : 0));
  frame[message + 3] = flags;
  for (size_t section = 0; section < 3; ++section) {
    frame[message + 7 + 2 * section] = static_cast<uint8_t>(counts >> 2 * section & 3);
  }
  frame.insert(frame.end(), records.begin(), records.end());
  mend(frame);
  return frame;
}

Bytes FuzzWorld::answer_to(uint8_t number, uint8_t tcp_flags, uint8_t ttl) const {
  if (translated_.empty()) return {};
  return answer_of(translated_[number % translated_.size()], tcp_flags, ttl);
}

void FuzzWorld::pass_quarters(uint32_t quarters) {
  end_burst();
  ns_ += quarters * kNanosecondsPerQuarter;
  for (Worker& worker : workers_) worker.pipeline.advance(Now::from_ns(ns_));
  for (uint32_t number = 0; number < kFuzzWorkers; ++number) {
    while (settle(number)) {
    }
  }
  check_sums();
}

void FuzzWorld::set_snapshot(uint32_t number) {
  end_burst();
  snapshot_ = snapshots()[number].get();
}

void FuzzWorld::end() {
  pass_quarters(kMaxTimeoutQuarters + 1);
  uint64_t received = 0, outcomes = 0;
  for (Worker& worker : workers_) {
    VIPGATE_REQUIRE(worker.pipeline.flows() == 0 && worker.pipeline.held() == 0);
    const WorkerCounters& counters = worker.memory.counters();
    received += counters.value(Event::kRxPackets);
    outcomes += counters.value(Event::kForwardPackets) + counters.value(Event::kReturnPackets);
    const auto add = [&](const auto& list) {
      for (const Counter& counter : list) outcomes += counter.value();
    };
    add(counters.drops);
    add(counters.replies);
    add(counters.kernel);
    add(counters.dns);
  }
  VIPGATE_REQUIRE(received == received_ && outcomes == received);
}

}  // namespace vipgate::test
