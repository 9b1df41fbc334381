// Fragments of translated flows: all of a datagram follow its first one, in whatever order they
// come.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/fragments.h"
#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_fragments_test {
namespace {

constexpr uint32_t kId = 0x1234abcd;

class Fragments : public testing::TestWithParam<ServiceCase> {
 protected:
  ~Fragments() override { gateway_.check_counters(); }
  const ServiceCase& kind() const { return GetParam(); }
  bool is_v4() const { return kind().family == 4; }
  // Where the transport header, and in a fragment its data, begins on port 0.
  Bytes question(uint16_t port = 7, size_t size = 300, unsigned client = 1) const {
    Bytes payload(size);
    for (size_t i = 0; i < size; ++i) payload[i] = static_cast<uint8_t>(i * 7);
    return to_vip(kind(), port, client).payload(payload).build();
  }
  static std::vector<Bytes> frames_of(const std::vector<Outcome>& outcomes) {
    std::vector<Bytes> frames;
    for (const Outcome& out : outcomes) {
      EXPECT_TRUE(out.is_forward()) << to_string(out);
      frames.push_back(out.frame);
    }
    return frames;
  }
  // Sends the fragments one by one, and returns what came out, early or late.
  std::vector<Outcome> send_each(const std::vector<Bytes>& fragments, uint8_t port = 0) {
    std::vector<Outcome> outcomes;
    for (const Bytes& fragment : fragments) {
      auto out = gateway_.send(fragment, port);
      if (!out.is_held()) outcomes.push_back(out);
      for (const Outcome& late : gateway_.take_settled()) outcomes.push_back(late);
    }
    return outcomes;
  }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, Fragments, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(Fragments, DatagramsThatAreFollowedOrAwaitedAreCountedAsLongAsTheyAre) {
  gateway_.send(fragmented(question(7), 64, kId).front());
  gateway_.send(fragmented(question(8), 64, kId + 1).front());
  ASSERT_TRUE(gateway_.send(fragmented(question(9), 64, kId + 2).back()).is_held());
  gateway_.pass_seconds(0.5);
  WorkerTables tables = gateway_.memory().tables();
  EXPECT_EQ(tables.fragments.entries, 3u);
  EXPECT_EQ(tables.fragments.capacity, GatewayOptions{}.fragments);
  EXPECT_EQ(tables.held_fragments.entries, 1u);
  EXPECT_EQ(tables.held_fragments.capacity, kHeldFragments);
  gateway_.pass_seconds(6);
  tables = gateway_.memory().tables();
  EXPECT_EQ(tables.fragments.entries, 0u);
  EXPECT_EQ(tables.held_fragments.entries, 0u);
  gateway_.take_settled();
}

TEST_P(Fragments, OfOneDatagramAreTranslatedAsTheWholeWouldBe) {
  const auto whole = gateway_.send(question());
  ASSERT_TRUE(whole.is_forward());
  for (const size_t part : {size_t{24}, size_t{64}, size_t{296}}) {
    const auto outcomes = send_each(fragmented(question(), part, kId));
    EXPECT_EQ(reassembled(frames_of(outcomes)), whole.frame) << part;
    for (const auto& out : outcomes) EXPECT_EQ(out.verdict.real, whole.verdict.real);
  }
  const Bytes answer = answer_to(whole, kind().protocol).payload(Bytes(400, 'a')).build();
  const auto back = gateway_.send(answer, 1);
  ASSERT_TRUE(back.is_forward());
  EXPECT_EQ(reassembled(frames_of(send_each(fragmented(answer, 104, kId), 1))), back.frame);
  EXPECT_EQ(gateway_.count(Event::kFragmentsHeld), 0u);
}

TEST_P(Fragments, MayBeginAFlow) {
  const auto outcomes = send_each(fragmented(question(), 104, kId));
  EXPECT_EQ(reassembled(frames_of(outcomes)), gateway_.send(question()).frame);
  EXPECT_EQ(gateway_.count(Event::kFlowsCreated), 1u);
}

TEST_P(Fragments, InOneBurstFollowTheFirst) {
  const auto outcomes = gateway_.send_burst(fragmented(question(), 24, kId));
  EXPECT_EQ(reassembled(frames_of(outcomes)), gateway_.send(question()).frame);
}

TEST_P(Fragments, ThatComeBeforeTheFirstWaitForIt) {
  const auto whole = gateway_.send(question());
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    auto fragments = fragmented(question(), 48, static_cast<uint32_t>(round));
    std::shuffle(fragments.begin(), fragments.end(), random);
    const auto outcomes = send_each(fragments);
    EXPECT_EQ(reassembled(frames_of(outcomes)), whole.frame);
    EXPECT_EQ(gateway_.held(), 0u);
  }
  EXPECT_GT(gateway_.count(Event::kFragmentsHeld), 30u);
  // In one burst, too.
  auto fragments = fragmented(question(), 48, 999);
  std::rotate(fragments.begin(), fragments.begin() + 1, fragments.end());
  EXPECT_EQ(reassembled(frames_of(gateway_.send_burst(fragments))), whole.frame);
}

TEST_P(Fragments, ReachTheOwnerOfTheFlowWhereverTheyArrive) {
  FakeGateway gateway(net_spec(), {.workers = 3});
  std::mt19937 random(2);
  std::set<uint32_t> owners;
  for (uint16_t n = 0; n < 60; ++n) {
    const Bytes frame = question(static_cast<uint16_t>(2000 + 77 * n), 300, n);
    const auto whole = gateway.send(frame);
    owners.insert(whole.worker);
    const Bytes answer = answer_to(whole, kind().protocol).payload(Bytes(200, 'a')).build();
    const auto back = gateway.send(answer, 1);
    for (const bool is_return : {false, true}) {
      auto fragments = fragmented(is_return ? answer : frame, 48, n);
      std::shuffle(fragments.begin(), fragments.end(), random);
      std::vector<Outcome> outcomes;
      for (const Bytes& fragment : fragments) {
        const auto out =
            gateway.send(fragment, is_return ? 1 : 0, static_cast<uint32_t>(random() % 3));
        if (!out.is_held()) outcomes.push_back(out);
        for (const Outcome& late : gateway.take_settled()) outcomes.push_back(late);
      }
      EXPECT_EQ(reassembled(frames_of(outcomes)), is_return ? back.frame : whole.frame);
      for (const auto& out : outcomes) EXPECT_EQ(out.worker, whole.worker);
    }
  }
  EXPECT_EQ(owners.size(), 3u);
  EXPECT_EQ(gateway.held(), 0u);
  gateway.check_counters();
}

TEST_P(Fragments, WhoseFirstNeverComesAreDroppedAfterAWhile) {
  const auto fragments = fragmented(question(), 104, kId);
  for (size_t i = 1; i < fragments.size(); ++i) {
    EXPECT_TRUE(gateway_.send(fragments[i]).is_held());
  }
  gateway_.pass_seconds(0.9);
  EXPECT_EQ(gateway_.held(), fragments.size() - 1);
  gateway_.pass_seconds(0.2);
  EXPECT_EQ(gateway_.held(), 0u);
  const auto dropped = gateway_.take_settled();
  ASSERT_EQ(dropped.size(), fragments.size() - 1);
  for (const auto& out : dropped) EXPECT_TRUE(out.is_drop(DropReason::kFragmentTimeout));
  // Too late, it goes alone.
  EXPECT_TRUE(gateway_.send(fragments[0]).is_forward());
}

TEST_P(Fragments, BeyondTheHoldQueueAreDropped) {
  const auto fragments = fragmented(question(), 104, kId);
  for (uint32_t id = 0; id < kHeldFragments; ++id) {
    // Many of few datagrams, so that the table is not what is full.
    EXPECT_TRUE(gateway_.send(fragmented(question(), 104, id % 8)[1 + id % 2]).is_held());
  }
  EXPECT_TRUE(gateway_.send(fragments[1]).is_drop(DropReason::kFragmentHoldFull));
  EXPECT_TRUE(gateway_.send(fragments[0]).is_forward()) << "a first one needs no room";
  EXPECT_TRUE(gateway_.send(fragments[2]).is_forward());
  gateway_.pass_seconds(2);
  EXPECT_EQ(gateway_.held(), 0u);
  EXPECT_TRUE(gateway_.send(fragmented(question(), 104, 77)[1]).is_held()) << "there is room again";
}

TEST_P(Fragments, OfMoreDatagramsThanTheTableHoldsForgetTheOldest) {
  FakeGateway gateway(net_spec(), {.fragments = 4});
  for (uint32_t id = 0; id < 4; ++id) {
    EXPECT_TRUE(gateway.send(fragmented(question(), 104, id)[0]).is_forward());
    gateway.pass_seconds(0.01);
  }
  EXPECT_TRUE(gateway.send(fragmented(question(), 104, 0)[1]).is_forward());
  EXPECT_TRUE(gateway.send(fragmented(question(), 104, 4)[0]).is_forward());
  EXPECT_TRUE(gateway.send(fragmented(question(), 104, 1)[1]).is_forward());
  EXPECT_TRUE(gateway.send(fragmented(question(), 104, 0)[1]).is_held());
  // Which takes the place of another. Those that wait give way, too, and are counted.
  for (uint32_t id = 10; id < 14; ++id) {
    EXPECT_TRUE(gateway.send(fragmented(question(), 104, id)[0]).is_forward());
    gateway.pass_seconds(0.01);
  }
  EXPECT_EQ(gateway.held(), 0u);
  EXPECT_EQ(gateway.count(DropReason::kFragmentHoldFull), 1u);
  gateway.check_counters();
}

TEST_P(Fragments, AreForgottenAfterAWhile) {
  const auto fragments = fragmented(question(), 104, kId);
  EXPECT_TRUE(gateway_.send(fragments[0]).is_forward());
  gateway_.pass_seconds(4.9);
  EXPECT_TRUE(gateway_.send(fragments[1]).is_forward());
  gateway_.pass_seconds(0.2);
  EXPECT_TRUE(gateway_.send(fragments[2]).is_held());
}

TEST_P(Fragments, ThatOverlapTheFirstAreDropped) {
  // RFC 3128: one that would write over the ports or flags.
  const auto fragments = fragmented(question(), 8, kId);
  const auto whole = fragmented(question(), 48, kId);
  EXPECT_TRUE(gateway_.send(fragments[5]).is_held());
  EXPECT_TRUE(gateway_.send(fragments[6]).is_held());
  EXPECT_TRUE(gateway_.send(whole[0]).is_forward());
  const auto settled = gateway_.take_settled();
  ASSERT_EQ(settled.size(), 2u);
  EXPECT_EQ(std::ranges::count_if(settled, &Outcome::is_forward), 1);
  EXPECT_EQ(gateway_.count(DropReason::kFragmentOverlap), 1u);
  for (const size_t i : {1u, 2u, 5u}) {
    EXPECT_TRUE(gateway_.send(fragments[i]).is_drop(DropReason::kFragmentOverlap)) << i;
  }
}

TEST_P(Fragments, WithTheSameIdFromTwoClientsHaveTwoAtTheReal) {
  std::set<uint32_t> ids;
  for (unsigned client = 1; client <= 20; ++client) {
    const auto out = send_each(fragmented(question(7, 300, client), 104, kId));
    ids.insert(fragment_id(out.at(0).frame));
  }
  EXPECT_EQ(ids.size(), 20u);
  // The first one twice, as the network may do: still one datagram.
  const auto fragments = fragmented(question(), 104, kId);
  const auto once = gateway_.send(fragments[0]);
  EXPECT_EQ(gateway_.send(fragments[0]).frame, once.frame);
}

TEST_P(Fragments, OfAnotherDatagramWithTheSameIdGoTheirOwnWay) {
  const auto a = gateway_.send(fragmented(question(7), 104, kId)[0]);
  const auto b = gateway_.send(fragmented(question(8), 104, kId)[0]);
  EXPECT_NE(fragment_id(a.frame), fragment_id(b.frame)) << "the id is used again";
  const auto rest = gateway_.send(fragmented(question(8), 104, kId)[1]);
  EXPECT_EQ(fragment_id(rest.frame), fragment_id(b.frame));
}

TEST_P(Fragments, WithoutAFlowBeginNone) {
  const auto fragments = fragmented(question(), 104, kId);
  for (RealSpec& real : gateway_.spec().services[kind().index()].reals) real.weight = 0;
  gateway_.publish();
  const auto first = gateway_.send(fragments[0]);
  if (kind().protocol == Protocol::kUdp) {
    EXPECT_TRUE(first.is_reply(ReplyKind::kPortUnreachable)) << to_string(first);
  } else {
    EXPECT_TRUE(first.is_drop(DropReason::kNoReal)) << to_string(first);
  }
  for (RealSpec& real : gateway_.spec().services[kind().index()].reals) real.weight = 1;
  gateway_.publish();
  EXPECT_TRUE(gateway_.send(fragments[1]).is_drop(DropReason::kNoFlow));
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_P(Fragments, OnlyTheFirstIsAnsweredWithAnError) {
  ASSERT_TRUE(gateway_.send(question()).is_forward());
  auto fragments = fragmented(question(), 104, kId);
  for (Bytes& fragment : fragments) {
    fragment[is_v4() ? 14 + 8 : 14 + 7] = 1;
    const auto out = gateway_.send(fragment);
    if (&fragment == &fragments[0]) {
      EXPECT_TRUE(out.is_reply(ReplyKind::kTimeExceeded)) << to_string(out);
      EXPECT_TRUE(checksums_ok(out.frame));
    } else {
      EXPECT_TRUE(out.is_drop(DropReason::kTtlExpired)) << to_string(out);
    }
  }
}

TEST_P(Fragments, OfImpossibleLengthsAreDropped) {
  const auto data = [&](uint16_t offset, bool more, size_t size) {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0);
    if (is_v4()) {
      packet.ipv4(kind().client(), kind().vip());
    } else {
      packet.ipv6(kind().client(), kind().vip());
    }
    packet.fragment(offset, more);
    packet.udp(1, 2).payload(Bytes(size, 1));
    return gateway_.send(packet);
  };
  EXPECT_TRUE(data(64, true, 63).is_drop(DropReason::kBadFragment));
  EXPECT_TRUE(data(0, true, 63).is_drop(DropReason::kBadFragment));
  EXPECT_TRUE(data(64, false, 0).is_drop(DropReason::kBadFragment));
  EXPECT_TRUE(data(65'528, false, 8).is_drop(DropReason::kBadFragment));
  EXPECT_TRUE(data(65'528, false, 7).is_held());
  EXPECT_TRUE(data(64, false, 63).is_held());
}

TEST_P(Fragments, AreEachGivenBackOnceWhateverComes) {
  FakeGateway gateway(net_spec(), {.workers = 2, .fragments = 16});
  std::mt19937 random(3);
  std::vector<std::vector<Bytes>> datagrams;
  for (uint32_t id = 0; id < 40; ++id) {
    datagrams.push_back(fragmented(question(static_cast<uint16_t>(1 + id % 3)), 48, id));
  }
  uint64_t sent = 0, settled = 0, at_once = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<Bytes> burst;
    for (size_t i = 1 + random() % kBurst; i > 0; --i) {
      const auto& datagram = datagrams[random() % datagrams.size()];
      burst.push_back(datagram[random() % datagram.size()]);
    }
    sent += burst.size();
    for (const auto& out : gateway.send_burst(burst, 0, static_cast<uint32_t>(random() % 2)))
      at_once += !out.is_held();
    if (random() % 20 == 0) gateway.pass_seconds(static_cast<double>(random() % 3000) / 1000);
    settled += gateway.take_settled().size();
  }
  gateway.pass_seconds(3);
  settled += gateway.take_settled().size();
  EXPECT_EQ(gateway.held(), 0u);
  EXPECT_EQ(at_once + settled, sent);
  for (const auto reason : {DropReason::kFragmentTimeout, DropReason::kFragmentHoldFull,
                            DropReason::kFragmentOverlap}) {
    EXPECT_TRUE(gateway.count(reason) > 0 || reason == DropReason::kFragmentOverlap);
  }
  gateway.check_counters();
}

TEST(FragmentsOfOthers, GoToTheKernelOrAreDroppedWithTheirReason) {
  FakeGateway gateway(net_spec());
  const auto from = [](std::string_view to, bool v6 = false) {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0);
    v6 ? packet.ipv6("2001:db8::1", to) : packet.ipv4("192.0.2.1", to);
    return packet;
  };
  for (const uint16_t offset : {uint16_t{0}, uint16_t{64}}) {
    const Bytes data(64, 1);
    const auto fragment = [&](PacketBuilder packet) {
      return gateway.send(packet.fragment(offset, true).payload(data));
    };
    EXPECT_TRUE(fragment(from("10.9.0.1").udp(1, 2)).is_kernel(KernelReason::kOwnAddress));
    EXPECT_TRUE(fragment(from("10.9.0.1").icmp_echo(1, 2)).is_kernel(KernelReason::kIcmp));
    EXPECT_TRUE(fragment(from("fd09::1", true).udp(1, 2)).is_kernel(KernelReason::kOwnAddress));
    EXPECT_TRUE(fragment(from("fe80::1", true).udp(1, 2)).is_kernel(KernelReason::kLinkLocal));
    EXPECT_TRUE(fragment(from("10.9.0.53").udp(1, 53)).is_kernel(KernelReason::kDnsFragment));
    EXPECT_TRUE(fragment(from("fd09::53", true).udp(1, 53)).is_kernel(KernelReason::kDnsFragment));
    auto segment = from("10.9.0.53").tcp(1, 53).fragment(offset, true);
    segment.payload(Bytes(offset == 0 ? 60 : 64, 1));  // behind its header, a multiple of eight
    EXPECT_TRUE(gateway.send(segment).is_kernel(KernelReason::kDnsFragment));
    const auto elsewhere = fragment(from("10.9.0.53").udp(1, 54));
    EXPECT_TRUE(offset == 0 ? elsewhere.is_drop(DropReason::kFragment)
                            : elsewhere.is_kernel(KernelReason::kDnsFragment))
        << "only the first one shows the port";
    EXPECT_TRUE(fragment(from("10.9.0.53").icmp_echo(1, 2)).is_drop(DropReason::kFragment));
    EXPECT_TRUE(fragment(from("fd09::53", true).icmp_echo(1, 2)).is_drop(DropReason::kFragment));
    EXPECT_TRUE(fragment(from("11.0.0.1").icmp_echo(1, 2)).is_drop(DropReason::kFragment));
    EXPECT_TRUE(fragment(from("fd11::1", true).icmp_echo(1, 2)).is_drop(DropReason::kFragment));
    EXPECT_TRUE(fragment(from("11.0.0.1").protocol(47)).is_drop(DropReason::kFragment));
  }
  EXPECT_TRUE(gateway.send(from("203.0.113.9").fragment(0, true).udp(1, 2).payload(Bytes(64)))
                  .is_drop(DropReason::kNotForUs));
  auto& services = gateway.spec().services;
  std::erase_if(services, [](const ServiceSpec& each) { return each.mode == Mode::kNat; });
  gateway.publish();
  EXPECT_TRUE(gateway.send(from("203.0.113.8").fragment(64, true).udp(1, 2).payload(Bytes(64)))
                  .is_drop(DropReason::kNotForUs))
      << "without `nat` services it can be no return";
  gateway.check_counters();
}

TEST(FragmentsOverIpv6, ThatAreTheWholePacketAreNone) {
  FakeGateway gateway(net_spec());
  const ServiceCase kind = kServiceCases[3];
  const auto out = gateway.send(to_vip(kind, 7).ip_id(99).fragment(0, false));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  EXPECT_TRUE(checksums_ok(out.frame));
  EXPECT_EQ(fragment_id(out.frame), 99u);
  // Nor is there room for two fragment headers.
  EXPECT_TRUE(gateway.send(to_vip(kind, 7).ipv6_extension(44, Bytes(6)).fragment(0, true))
                  .is_drop(DropReason::kBadFragment));
}

TEST(FragmentsOverIpv6, MayHaveDestinationOptionsBehindTheFragmentHeader) {
  FakeGateway gateway(net_spec());
  const ServiceCase kind = kServiceCases[3];
  const auto first = gateway.send(to_vip(kind, 7)
                                      .ipv6_extension(0)
                                      .ipv6_extension(44, {0, 1, 0, 0, 0, 9})
                                      .ipv6_extension(60)
                                      .payload(Bytes(48, 1)));
  ASSERT_TRUE(first.is_forward()) << to_string(first);
  PacketBuilder later;
  later.eth(kClientMac, kGatewayMac0).ipv6(kind.client(), kind.vip()).ipv6_extension(0);
  later.ipv6_extension(44, {0, 64, 0, 0, 0, 9}).protocol(60).payload(Bytes(20, 1));
  const auto second = gateway.send(later);
  ASSERT_TRUE(second.is_forward()) << to_string(second);
  EXPECT_EQ(second.verdict.real, first.verdict.real);
}

// 60 is destination options where there are extension headers, and over IPv4 nothing that we know.
TEST(Ipv4Fragments, OfProtocolSixtyAreNotHeld) {
  FakeGateway gateway(net_spec());
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0).ipv4("192.0.2.2", "11.0.0.1").protocol(60);
  packet.payload(Bytes(16, 1)).fragment(16, true);
  EXPECT_TRUE(gateway.send(packet).is_drop(DropReason::kFragment));
  EXPECT_EQ(gateway.held(), 0u);
}

}  // namespace
}  // namespace vipgate::test::pipeline_fragments_test
