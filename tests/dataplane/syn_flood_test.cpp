// A flood of SYNs from made-up addresses against a full table of established connections.
//
// A million SYNs against 100,000 connections by default. VIPGATE_FLOOD_SYNS=N asks for more or
// less, against a tenth as many connections, but 100,000 at most.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "dataplane/fastpath/pipeline_impl.h"
#include "tests/support/test_net.h"
#include "tests/support/test_size.h"

namespace vipgate::test::syn_flood_test {
namespace {

struct FloodCase {
  Mode mode;
  int family;
};
void PrintTo(const FloodCase& kind, std::ostream* out) {
  *out << to_string(kind.mode) << kind.family;
}

constexpr FloodCase kFloodCases[] = {{Mode::kFullnat, 4}, {Mode::kFullnat, 6}, {Mode::kNat, 4},
                                     {Mode::kNat, 6},     {Mode::kIpip, 4},    {Mode::kIpip, 6}};

uint64_t flood_syns() { return from_environment("VIPGATE_FLOOD_SYNS", 1'000'000); }

// One service whose connections go to reals 1 to 3, or, once these drain, to 4 to 6: a connection
// that is forgotten then moves, whatever its Maglev row.
SnapshotSpec flood_spec(const FloodCase& kind, size_t connections) {
  SnapshotSpec spec = net_spec();
  const bool is_v4 = kind.family == 4;
  // A tenth more SNAT ports than connections.
  const auto ports = static_cast<uint16_t>(connections * 11 / 20);
  spec.snat_addresses.clear();
  for (const char* address : {"10.8.0.1", "10.8.0.2", "fd08::1", "fd08::2"}) {
    spec.snat_addresses.push_back({ip(address), 1024, static_cast<uint16_t>(1023 + ports)});
  }
  ServiceSpec service{.index = 0,
                      .flow_id = 1,
                      .name = "flooded",
                      .fqdn = {},
                      .vip = ip(is_v4 ? "11.0.0.1" : "fd11::1"),
                      .port = 80,
                      .protocol = Protocol::kTcp,
                      .mode = kind.mode,
                      .snat_first = is_v4 ? 0u : 2u,
                      .snat_count = 2,
                      .maglev_rows = 251,
                      .reals = {}};
  for (unsigned n = 1; n <= 6; ++n) {
    service.reals.push_back({.address = ip((is_v4 ? "10.1.0." : "fd01::") + std::to_string(n)),
                             .port = 80,
                             .state = n <= 3 ? RealState::kUp : RealState::kDown,
                             .id = RealId(n, 1),
                             .return_flow_id = kind.mode == Mode::kNat ? 100 + n : 0,
                             .resolved = true,
                             .next_hop = mac(kRealMac),
                             .out_port = 1});
  }
  spec.services = {service};
  return spec;
}

// Where things lie in frames of the family; `l2` is 14 before the gateway and 18 behind it.
struct Offsets {
  size_t address_size, source, destination, l4;
  Offsets(int family, size_t l2)
      : address_size(family == 4 ? 4 : 16),
        source(l2 + (family == 4 ? 12 : 8)),
        destination(source + address_size),
        l4(l2 + (family == 4 ? 20 : 40)) {}
  size_t flags() const { return l4 + 13; }
};

// Notes the verdict of each packet at the position that its mbuf names.
struct Verdicts {
  std::array<Verdict, kBurst> of{};
  void operator()(const rte_mbuf* mbuf, const Verdict& verdict) { of[mbuf->hash.usr] = verdict; }
};

struct Connection {
  std::array<uint8_t, 16> client{};  // the first four bytes, over IPv4
  uint16_t client_port = 0;          // these three as on the wire
  uint16_t source_port = 0;          // as the real sees it
  RealId real;
};

class Flood {
 public:
  Flood(const FloodCase& kind, uint64_t syns)
      : kind_(kind),
        syns_(syns),
        connections_(std::min<uint64_t>(syns / 10, 100'000)),
        spec_(flood_spec(kind, connections_)),
        memory_({.sizes = {.flows = table_flows(), .services = 8, .reals = 8},
                 .snat = spec_.snat_addresses,
                 .secret = {{1, 2, 3, 4}}}),
        pipeline_(memory_.pipeline_options(), verdicts_),
        before_(kind.family, 14),
        behind_(kind.family, 18) {
    const ServiceSpec& service = spec_.services[0];
    PacketBuilder syn;
    syn.eth(kClientMac, kGatewayMac0);
    if (kind.family == 4) {
      syn.ipv4("100.64.0.0", to_string(service.vip));
    } else {
      syn.ipv6("2001:db8:0:1::", to_string(service.vip));
    }
    syn_ = syn.tcp(0, 80).flags("S").build();
    for (uint32_t i = 0; i < kBurst; ++i) {
      mbufs_.emplace_back(syn_, 128, 256);
      mbufs_.back()->hash.usr = i;
    }
    publish();
  }

  void establish_all() {
    for (uint32_t n = 0; established_.size() < connections_; ++n) {
      ASSERT_LT(n, 2 * connections_) << "the table is too full to begin with";
      establish(n);
    }
  }

  void drain_old_reals() {
    for (RealSpec& real : spec_.services[0].reals) {
      real.state = real.state == RealState::kUp ? RealState::kDraining : RealState::kUp;
    }
    publish();
  }

  // At a million a second. One packet of each burst is a SYN that seems to begin an established
  // connection anew.
  void flood() {
    for (uint64_t sent = 0; sent < syns_; sent += kBurst - 1) {
      const Connection& spoofed = established_[next_spoofed_++ % established_.size()];
      load_from(0, spoofed, TcpHeader::kSyn);
      for (uint32_t i = 1; i < kBurst; ++i) load_made_up(i);
      process(kBurst, 0);
      expect_forward(0, spoofed);
      ns_ += kBurst * 1000;
      pipeline_.advance(Now::from_ns(ns_));
      if (sent < syns_ / 2 && sent + kBurst - 1 >= syns_ / 2) check_all();
      ASSERT_FALSE(testing::Test::HasFailure()) << "after " << sent << " SYNs";
    }
  }

  // Each connection still has its real, and its address and port there, both ways.
  void check_all() {
    for (const Connection& connection : established_) {
      load_from(0, connection, TcpHeader::kAck);
      process(1, 0);
      expect_forward(0, connection);
      if (kind_.mode != Mode::kIpip) expect_return(connection);
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }

  void check_counters() const {
    const WorkerCounters& counters = memory_.counters();
    EXPECT_EQ(counters.value(Event::kFlowsEvictedEstablished), 0u);
    EXPECT_EQ(counters.value(Event::kFlowsEvictedClosing), 0u);
    EXPECT_EQ(counters.value(Event::kFlowsRebalanced), 0u);
    EXPECT_EQ(counters.value(Event::kFlowsClosed), 0u);
    // Each SYN from a new address is tracked, or it is counted why not.
    const uint64_t refused = counters.value(DropReason::kFlowTableFull) +
                             counters.value(DropReason::kSnatExhausted) +
                             counters.value(Event::kFlowsUntracked);
    EXPECT_EQ(counters.value(Event::kFlowsCreated) + refused, made_up_ + opened_);
    EXPECT_GT(counters.value(Event::kFlowsEvictedEmbryonic) + refused, made_up_ / 10 * 7)
        << "the table was full for most of the flood";
    EXPECT_GT(counters.value(Event::kFlowsEvictedEmbryonic), made_up_ / 10)
        << "where the flood has places, it goes on at its own cost";
    // What was created is there, or it is counted why not.
    const uint64_t entries_per_flow = kind_.mode == Mode::kNat ? 2 : 1;
    EXPECT_EQ(
        (counters.value(Event::kFlowsCreated) - counters.value(Event::kFlowsEvictedEmbryonic) -
         counters.value(Event::kFlowsExpired)) *
            entries_per_flow,
        pipeline_.flows());
    // Every packet is counted by its outcome once.
    uint64_t outcomes =
        counters.value(Event::kForwardPackets) + counters.value(Event::kReturnPackets);
    for (const auto& drop : counters.drops) outcomes += drop.value();
    EXPECT_EQ(outcomes, counters.value(Event::kRxPackets));
  }

 private:
  // What is scarce has room for little more than the connections: for a tenth, the records of `nat`
  // and the slots of the table, four for each flow asked for, of tunnels; for a quarter, the
  // records of `fullnat`.
  size_t table_flows() const {
    if (kind_.mode == Mode::kIpip) return connections_ * 11 / 40;
    return kind_.mode == Mode::kNat ? connections_ * 11 / 10 : connections_;
  }

  void publish() { snapshot_ = builder_.build(spec_); }

  uint8_t* frame(uint32_t at) { return rte_pktmbuf_mtod(mbufs_[at].get(), uint8_t*); }

  void load(uint32_t at, const uint8_t* bytes, size_t size) {
    rte_mbuf* mbuf = mbufs_[at].get();
    mbuf->data_off = 128;
    mbuf->data_len = static_cast<uint16_t>(size);
    mbuf->pkt_len = mbuf->data_len;
    std::memcpy(frame(at), bytes, size);
  }

  void load_from(uint32_t at, const Connection& connection, uint8_t flags) {
    load(at, syn_.data(), syn_.size());
    std::memcpy(frame(at) + before_.source, connection.client.data(), before_.address_size);
    std::memcpy(frame(at) + before_.l4, &connection.client_port, 2);
    frame(at)[before_.flags()] = flags;
  }

  // From anywhere, and never from the same place twice: a permutation of 40 bits.
  void load_made_up(uint32_t at) {
    constexpr uint64_t kMask = (uint64_t{1} << 40) - 1;
    uint64_t random = (made_up_++ * 0x9e3779b97f4a7c15) & kMask;
    random = ((random ^ random >> 20) * 0xff51afd7ed558ccd) & kMask;
    random ^= random >> 20;
    load(at, syn_.data(), syn_.size());
    uint8_t* source = frame(at) + before_.source;
    source[kind_.family == 4 ? 0 : 7] = kind_.family == 4 ? 99 : 2;
    std::memcpy(source + before_.address_size - 3, &random, 3);
    std::memcpy(frame(at) + before_.l4, reinterpret_cast<const uint8_t*>(&random) + 3, 2);
  }

  void process(uint32_t count, uint8_t port) {
    std::array<rte_mbuf*, kBurst> mbufs;
    for (uint32_t i = 0; i < count; ++i) mbufs[i] = mbufs_[i].get();
    pipeline_.process(*snapshot_, mbufs.data(), static_cast<uint16_t>(count), port, false,
                      Now::from_ns(ns_), outbox_);
    const auto ignore = [](size_t, rte_mbuf**, uint32_t) {};
    outbox_.transmit.flush(ignore);
    outbox_.drop.flush(ignore);
  }

  uint16_t source_port_at(uint32_t at) {
    uint16_t port = 0;
    if (kind_.mode != Mode::kIpip) std::memcpy(&port, frame(at) + behind_.l4, 2);
    return port;
  }

  void expect_forward(uint32_t at, const Connection& connection) {
    const Verdict& verdict = verdicts_.of[at];
    EXPECT_EQ(verdict.kind, Verdict::Kind::kForward) << to_string(verdict.drop);
    EXPECT_FALSE(verdict.is_return);
    EXPECT_EQ(verdict.real, connection.real);
    EXPECT_EQ(source_port_at(at), connection.source_port);
  }

  // The real's answer to the packet that has just been forwarded from place 0.
  void answer(uint8_t flags) {
    Bytes bytes(frame(0), frame(0) + mbufs_[0]->data_len);
    std::swap_ranges(bytes.begin(), bytes.begin() + 6, bytes.begin() + 6);
    const auto at = [&](size_t offset) { return bytes.begin() + static_cast<long>(offset); };
    std::swap_ranges(at(behind_.source), at(behind_.destination), at(behind_.destination));
    std::swap_ranges(at(behind_.l4), at(behind_.l4 + 2), at(behind_.l4 + 2));
    bytes[behind_.flags()] = flags;
    load(0, bytes.data(), bytes.size());
    process(1, 1);
  }

  void expect_return(const Connection& connection) {
    answer(TcpHeader::kAck);
    const Verdict& verdict = verdicts_.of[0];
    EXPECT_EQ(verdict.kind, Verdict::Kind::kForward) << to_string(verdict.drop);
    EXPECT_TRUE(verdict.is_return);
    EXPECT_EQ(verdict.real, connection.real);
    EXPECT_EQ(
        std::memcmp(frame(0) + before_.destination, connection.client.data(), before_.address_size),
        0);
    EXPECT_EQ(std::memcmp(frame(0) + before_.l4 + 2, &connection.client_port, 2), 0);
  }

  // SYN, its answer, ACK. Where the SYN finds no room, there is no connection.
  void establish(uint32_t n) {
    Connection connection;
    std::memcpy(connection.client.data(), syn_.data() + before_.source, before_.address_size);
    const uint32_t host = Be32(n / 100).raw();
    connection.client[0] = syn_[before_.source];
    std::memcpy(connection.client.data() + before_.address_size - 3,
                reinterpret_cast<const uint8_t*>(&host) + 1, 3);
    connection.client_port = Be16(static_cast<uint16_t>(1024 + n % 100)).raw();
    load_from(0, connection, TcpHeader::kSyn);
    const uint64_t created = memory_.counters().value(Event::kFlowsCreated);
    ++opened_;
    process(1, 0);
    if (memory_.counters().value(Event::kFlowsCreated) == created) return;
    ASSERT_EQ(verdicts_.of[0].kind, Verdict::Kind::kForward);
    connection.real = verdicts_.of[0].real;
    connection.source_port = source_port_at(0);
    if (kind_.mode != Mode::kIpip) {
      answer(TcpHeader::kSyn | TcpHeader::kAck);
      ASSERT_TRUE(verdicts_.of[0].is_return);
    }
    load_from(0, connection, TcpHeader::kAck);
    process(1, 0);
    expect_forward(0, connection);
    established_.push_back(connection);
  }

  const FloodCase kind_;
  const uint64_t syns_;
  const size_t connections_;
  SnapshotSpec spec_;
  SnapshotBuilder builder_;
  std::shared_ptr<const Snapshot> snapshot_;
  WorkerMemory memory_;
  Verdicts verdicts_;
  Pipeline<Verdicts> pipeline_;
  Outbox outbox_;
  const Offsets before_, behind_;
  Bytes syn_;
  std::vector<FakeMbuf> mbufs_;
  std::vector<Connection> established_;
  uint64_t ns_ = 1'000'000'000'000;
  uint64_t made_up_ = 0, opened_ = 0;
  size_t next_spoofed_ = 0;
};

class SynFlood : public testing::TestWithParam<FloodCase> {};
INSTANTIATE_TEST_SUITE_P(Pipeline, SynFlood, testing::ValuesIn(kFloodCases),
                         [](const auto& test) { return testing::PrintToString(test.param); });

TEST_P(SynFlood, LosesAndMovesNoneOfTheEstablishedConnections) {
  Flood flood(GetParam(), flood_syns());
  ASSERT_NO_FATAL_FAILURE(flood.establish_all());
  flood.drain_old_reals();
  ASSERT_NO_FATAL_FAILURE(flood.flood());
  ASSERT_NO_FATAL_FAILURE(flood.check_all());
  flood.check_counters();
}

}  // namespace
}  // namespace vipgate::test::syn_flood_test
