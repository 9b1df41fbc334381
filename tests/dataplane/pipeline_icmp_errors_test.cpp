// ICMP errors of others about flows that are translated: each reaches the end whose packet it is
// about, and speaks of the addresses that this end knows.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/icmp_errors.h"

namespace vipgate::test::pipeline_icmp_errors_test {
namespace {

class IcmpErrors : public testing::TestWithParam<ServiceCase> {
 protected:
  ~IcmpErrors() override { gateway_.check_counters(); }
  const ServiceCase& kind() const { return GetParam(); }
  bool is_v4() const { return kind().family == 4; }
  const char* client_router() const { return is_v4() ? "198.51.100.9" : "2001:db8:9::9"; }
  const char* real_router() const { return is_v4() ? "10.77.0.9" : "fd77::9"; }
  std::string snat() const { return is_v4() ? "10.8.0.1" : "fd08::1"; }

  Outcome begin(uint16_t port = 40'000) {
    auto out = gateway_.send(to_vip(kind(), port));
    EXPECT_TRUE(out.is_forward()) << to_string(out);
    return out;
  }
  // What the real answers, and what of it reaches the client.
  PacketBuilder answer(const Outcome& forwarded) const {
    return answer_to(forwarded, kind().protocol).tos(4).payload(Bytes(600, 'a'));
  }

  // An error from the client's side that quotes `quote`.
  PacketBuilder from_client_side(const char* sender, const ErrorKind& error, Bytes quote) const {
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0);
    address(packet, sender, kind().vip());
    return packet.icmp(error.type, error.code, error.rest).payload(std::move(quote));
  }
  PacketBuilder from_real_side(const char* sender, const std::string& to, const ErrorKind& error,
                               Bytes quote) const {
    PacketBuilder packet;
    packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    address(packet, sender, to);
    return packet.icmp(error.type, error.code, error.rest).payload(std::move(quote));
  }
  void address(PacketBuilder& packet, std::string_view from, std::string_view to) const {
    if (is_v4()) {
      packet.ipv4(from, to);
    } else {
      packet.ipv6(from, to);
    }
  }
  // To whom an error about a packet that the real got goes.
  std::string source_at_real() const {
    return kind().mode == Mode::kFullnat ? snat() : kind().client();
  }
  FakeGateway gateway_{net_spec()};
};
INSTANTIATE_TEST_SUITE_P(Pipeline, IcmpErrors, testing::ValuesIn(kServiceCases),
                         [](const auto& test) { return test.param.name(); });

TEST_P(IcmpErrors, AboutAnAnswerReachTheRealWithTheAddressesThatItKnows) {
  const auto forwarded = begin();
  const auto sent = answer(forwarded);
  const auto received = gateway_.send(sent, 1);
  ASSERT_TRUE(received.is_forward());
  const Tuple at_real = tuple_of(forwarded.frame);
  for (const ErrorKind& error : error_kinds(kind().family)) {
    for (const char* sender : {client_router(), kind().family == 4 ? "192.0.2.2" : "2001:db8::1"}) {
      for (const size_t l4 : {size_t{8}, size_t{16}, size_t{18}, size_t{21}, size_t{500}}) {
        const auto out = gateway_.send(
            from_client_side(sender, error, quoted(received.frame, l4)).tos(0x20).ttl(9));
        ASSERT_TRUE(out.is_forward()) << to_string(out);
        EXPECT_FALSE(out.verdict.is_return);
        EXPECT_EQ(out.verdict.real, forwarded.verdict.real);
        EXPECT_EQ(out.port, 1u);
        // It came to the client with one hop less.
        PacketBuilder wanted;
        wanted.eth(kGatewayMac1, kRealMac).vlan(kRealVlan);
        address(wanted, kind().mode == Mode::kFullnat ? snat() : sender,
                to_string(at_real.destination));
        wanted.tos(0x20).ttl(8).icmp(error.type, error.code, error.rest);
        wanted.payload(quoted(PacketBuilder(sent).ttl(63).build(), l4));
        EXPECT_EQ(out.frame, wanted.build()) << describe(out.frame) << " for " << l4;
      }
    }
  }
  EXPECT_GT(gateway_.count(Event::kIcmpErrorsToReals), 0u);
  EXPECT_EQ(gateway_.count(Event::kIcmpErrorsToClients), 0u);
}

TEST_P(IcmpErrors, AboutAQuestionReachTheClientInTheNameOfTheVip) {
  const auto question = to_vip(kind(), 40'000).tos(4).payload(Bytes(600, 'q'));
  const auto forwarded = gateway_.send(question);
  ASSERT_TRUE(forwarded.is_forward());
  const std::string real = to_string(tuple_of(forwarded.frame).destination);
  for (const ErrorKind& error : error_kinds(kind().family)) {
    for (const std::string& sender : {std::string(real_router()), real}) {
      for (const size_t l4 : {size_t{8}, size_t{16}, size_t{18}, size_t{21}, size_t{500}}) {
        const auto out = gateway_.send(
            from_real_side(sender.c_str(), source_at_real(), error, quoted(forwarded.frame, l4))
                .ttl(9),
            1);
        ASSERT_TRUE(out.is_forward()) << to_string(out);
        EXPECT_TRUE(out.verdict.is_return);
        EXPECT_EQ(out.port, 0u);
        PacketBuilder wanted;
        wanted.eth(kGatewayMac0, kClientMac);
        address(wanted, kind().vip(), kind().client());
        wanted.ttl(8).icmp(error.type, error.code, error.rest);
        wanted.payload(quoted(PacketBuilder(question).ttl(63).build(), l4));
        EXPECT_EQ(out.frame, wanted.build()) << describe(out.frame) << " for " << l4;
      }
    }
  }
  EXPECT_EQ(gateway_.count(Event::kIcmpErrorsToReals), 0u);
  EXPECT_GT(gateway_.count(Event::kIcmpErrorsToClients), 0u);
}

TEST_P(IcmpErrors, CutOffAnywhereAreJudgedWithoutReadingBeyondTheirEnd) {
  const auto forwarded = begin();
  const ErrorKind error = error_kinds(kind().family)[0];
  const size_t header = is_v4() ? 20 : 40;
  for (size_t length = 0; length <= header + 40; ++length) {
    Bytes quote = quoted(forwarded.frame, 1000);
    quote.resize(std::min(quote.size(), length));
    FakeMbuf mbuf =
        FakeMbuf::exact(from_real_side(real_router(), source_at_real(), error, quote).build());
    const auto out = gateway_.send_mbufs({mbuf.get()}, 1).front();
    if (length >= header + 8) {
      ASSERT_TRUE(out.is_forward()) << length << to_string(out);
      EXPECT_TRUE(checksums_ok(mbuf.frame()));
      continue;
    }
    // Without the quote, a `nat` client's address is nobody's here.
    ASSERT_TRUE(out.is_drop(kind().mode == Mode::kNat ? DropReason::kNotForUs
                                                      : DropReason::kIcmpErrorTruncated))
        << length << to_string(out);
    const auto other = gateway_.send(from_client_side(client_router(), error, quote));
    ASSERT_TRUE(other.is_drop(DropReason::kIcmpErrorTruncated)) << to_string(other);
  }
}

TEST_P(IcmpErrors, QuoteWithOptionsOrExtensionHeadersIsUnderstood) {
  const auto forwarded = begin();
  const auto received = gateway_.send(answer(forwarded), 1);
  const Tuple tuple = tuple_of(received.frame);
  PacketBuilder inner = answer_to(forwarded, kind().protocol);
  PacketBuilder wanted = inner;
  address(inner, to_string(tuple.source), to_string(tuple.destination));
  if (kind().protocol == Protocol::kTcp) {
    inner.tcp(tuple.source_port, tuple.destination_port).flags("SA");
  } else {
    inner.udp(tuple.source_port, tuple.destination_port);
  }
  for (PacketBuilder* packet : {&inner, &wanted}) {
    if (is_v4()) {
      packet->ip_options(12);
    } else {
      packet->ipv6_extension(0).ipv6_extension(60).fragment(0, true);
    }
  }
  const auto out = gateway_.send(
      from_client_side(client_router(), error_kinds(kind().family)[0], ip_packet(inner.build())));
  ASSERT_TRUE(out.is_forward()) << to_string(out);
  const size_t headers = 18 + (is_v4() ? 28 : 48);
  EXPECT_EQ(Bytes(out.frame.begin() + static_cast<ptrdiff_t>(headers), out.frame.end()),
            ip_packet(wanted.build()));
}

TEST_P(IcmpErrors, ThatQuoteALaterFragmentAreDropped) {
  const auto forwarded = begin();
  const auto received = gateway_.send(answer(forwarded), 1);
  const Tuple tuple = tuple_of(received.frame);
  PacketBuilder inner;
  address(inner, to_string(tuple.source), to_string(tuple.destination));
  inner.fragment(64, false);
  kind().protocol == Protocol::kTcp ? inner.tcp(1, 2) : inner.udp(1, 2);
  inner.payload(Bytes(40, 'x'));
  const auto out = gateway_.send(
      from_client_side(client_router(), error_kinds(kind().family)[0], ip_packet(inner.build())));
  EXPECT_TRUE(out.is_drop(DropReason::kIcmpErrorFragment)) << to_string(out);
}

TEST_P(IcmpErrors, AboutAnotherSendersPacketOrOfAnotherVersionAreDropped) {
  const auto received = gateway_.send(answer(begin()), 1);
  const ErrorKind error = error_kinds(kind().family)[0];
  for (const bool is_version : {false, true}) {
    Bytes quote = quoted(received.frame, 20);
    if (is_version) {
      quote[0] = static_cast<uint8_t>(quote[0] ^ 0x20);
    } else {
      quote[is_v4() ? 15 : 23] ^= 0x40;
    }
    const auto out = gateway_.send(from_client_side(client_router(), error, quote));
    EXPECT_TRUE(out.is_drop(DropReason::kIcmpErrorBadQuote)) << to_string(out);
  }
}

TEST_P(IcmpErrors, WithAWrongChecksumAreDropped) {
  const auto forwarded = begin();
  const auto received = gateway_.send(answer(forwarded), 1);
  const ErrorKind error = error_kinds(kind().family)[0];
  const auto to_real = gateway_.send(
      from_client_side(client_router(), error, quoted(received.frame, 20)).bad_l4_checksum());
  EXPECT_TRUE(to_real.is_drop(DropReason::kBadIcmpChecksum)) << to_string(to_real);
  const auto to_client = gateway_.send(
      from_real_side(real_router(), source_at_real(), error, quoted(forwarded.frame, 20))
          .bad_l4_checksum(),
      1);
  EXPECT_TRUE(to_client.is_drop(DropReason::kBadIcmpChecksum)) << to_string(to_client);
}

TEST_P(IcmpErrors, WithoutAFlowReachNobody) {
  const auto forwarded = begin();
  const auto received = gateway_.send(answer(forwarded), 1);
  const ErrorKind error = error_kinds(kind().family)[0];
  const size_t l4 = is_v4() ? 20 : 40;
  // Another client's port, another port of the VIP, another protocol.
  for (const size_t at : {l4 + 3, l4 + 1, is_v4() ? size_t{9} : size_t{6}}) {
    Bytes quote = quoted(received.frame, 20);
    quote[at] ^= 0x5;
    const auto out = gateway_.send(from_client_side(client_router(), error, quote));
    EXPECT_TRUE(out.is_drop(DropReason::kIcmpErrorNoFlow)) << at << to_string(out);
  }
  for (const size_t at : {l4 + 1, l4 - 1}) {
    Bytes quote = quoted(forwarded.frame, 20);
    quote[at] ^= 0x5;
    const auto out =
        gateway_.send(from_real_side(real_router(), source_at_real(), error, quote), 1);
    const bool is_nat_real = at == l4 - 1 && kind().mode == Mode::kNat;
    EXPECT_TRUE(out.is_drop(is_nat_real ? DropReason::kNotForUs : DropReason::kIcmpErrorNoFlow))
        << at << to_string(out);
  }
  gateway_.jump_seconds(100);
  const auto late =
      gateway_.send(from_client_side(client_router(), error, quoted(received.frame, 20)));
  EXPECT_TRUE(late.is_drop(DropReason::kIcmpErrorNoFlow)) << to_string(late);
}

TEST_P(IcmpErrors, DoNotKeepAFlowAlive) {
  const auto received = gateway_.send(answer(begin()), 1);
  const auto error =
      from_client_side(client_router(), error_kinds(kind().family)[0], quoted(received.frame, 20));
  int relayed = 0;
  for (int i = 0; i < 40; ++i) {
    relayed += gateway_.send(error).is_forward();
    gateway_.pass_seconds(5);
  }
  EXPECT_GT(relayed, 0);
  EXPECT_EQ(gateway_.flows(), 0u);
}

TEST_P(IcmpErrors, WithoutAHopLeftOrTooLongAreDroppedAndNobodyIsTold) {
  const auto forwarded = begin();
  const auto received = gateway_.send(answer(forwarded), 1);
  const ErrorKind error = error_kinds(kind().family)[0];
  for (const bool is_ttl : {false, true}) {
    for (PortEntry& port : gateway_.spec().ports) port.mtu = is_ttl ? 1500 : 100;
    gateway_.publish();
    const auto reason = is_ttl ? DropReason::kTtlExpired : DropReason::kTooBig;
    const auto to_real =
        gateway_.send(from_client_side(client_router(), error, quoted(received.frame, 500))
                          .dont_fragment()
                          .ttl(is_ttl ? 1 : 64));
    EXPECT_TRUE(to_real.is_drop(reason)) << to_string(to_real);
    Bytes quote = quoted(forwarded.frame, 1000);
    quote.resize(500);
    const auto to_client =
        gateway_.send(from_real_side(real_router(), source_at_real(), error, quote)
                          .dont_fragment()
                          .ttl(is_ttl ? 1 : 64),
                      1);
    EXPECT_TRUE(to_client.is_drop(reason)) << to_string(to_client);
  }
}

TEST_P(IcmpErrors, WhoseRealIsGoneOrCannotBeReachedAreDropped) {
  const auto received = gateway_.send(answer(begin()), 1);
  const auto error =
      from_client_side(client_router(), error_kinds(kind().family)[0], quoted(received.frame, 20));
  auto& reals = gateway_.spec().services[kind().index()].reals;
  for (RealSpec& real : reals) real.resolved = false;
  gateway_.publish();
  EXPECT_TRUE(gateway_.send(error).is_drop(DropReason::kNextHopUnresolved));
  for (RealSpec& real : reals) real.state = RealState::kDown;
  gateway_.publish();
  EXPECT_TRUE(gateway_.send(error).is_drop(DropReason::kIcmpErrorNoFlow));
}

TEST_P(IcmpErrors, ReachTheWorkerThatOwnsTheFlowWhereverTheyArrive) {
  FakeGateway gateway(net_spec(), {.workers = 3});
  const ErrorKind error = error_kinds(kind().family)[0];
  std::set<uint32_t> owners;
  for (uint16_t n = 0; n < 60; ++n) {
    const auto forwarded = gateway.send(to_vip(kind(), static_cast<uint16_t>(5000 + n * 37)));
    const auto received = gateway.send(answer(forwarded), 1);
    owners.insert(forwarded.worker);
    for (uint32_t worker = 0; worker < 3; ++worker) {
      const auto to_real = gateway.send(
          from_client_side(client_router(), error, quoted(received.frame, 8)), 0, worker);
      ASSERT_TRUE(to_real.is_forward()) << to_string(to_real);
      EXPECT_EQ(to_real.worker, forwarded.worker);
      EXPECT_EQ(to_real.verdict.real, forwarded.verdict.real);
      const auto to_client = gateway.send(
          from_real_side(real_router(), source_at_real(), error, quoted(forwarded.frame, 8)), 1,
          worker);
      ASSERT_TRUE(to_client.is_forward()) << to_string(to_client);
      EXPECT_EQ(to_client.worker, forwarded.worker);
    }
  }
  EXPECT_EQ(owners.size(), 3u);
  gateway.check_counters();
}

TEST(IcmpErrorsOverIpv4, LeaveAMissingOrWrongChecksumOfTheQuoteAsItIs) {
  const ServiceCase kind = kServiceCases[1];
  FakeGateway gateway(net_spec());
  for (const bool is_missing : {false, true}) {
    PacketBuilder question = to_vip(kind, 7);
    is_missing ? question.no_udp_checksum() : question.bad_l4_checksum();
    const auto forwarded = gateway.send(question);
    PacketBuilder error;
    error.eth(kRealMac, kGatewayMac1).vlan(kRealVlan).ipv4("10.1.0.1", "10.8.0.1");
    error.icmp(3, 3, 0).payload(quoted(forwarded.frame, 8));
    const auto out = gateway.send(error, 1);
    ASSERT_TRUE(out.is_forward()) << to_string(out);
    EXPECT_EQ(Bytes(out.frame.begin() + 14 + 28, out.frame.end()),
              quoted(question.ttl(63).build(), 8));
  }
}

TEST(IcmpErrorsToNoFlow, GoWhereTheyWentBefore) {
  FakeGateway gateway(net_spec());
  const auto from = [](std::string_view to) {
    return PacketBuilder().eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", to);
  };
  // To the gateway itself, to the responder; and messages that are no errors, or not passed on.
  const Bytes quote = ip_packet(PacketBuilder().ipv4("10.9.0.1", "192.0.2.1").udp(53, 1).build());
  EXPECT_TRUE(
      gateway.send(from("10.9.0.1").icmp(3, 3, 0).payload(quote)).is_kernel(KernelReason::kIcmp));
  EXPECT_TRUE(gateway.send(from("10.9.0.53").icmp(3, 3, 0).payload(quote))
                  .is_drop(DropReason::kIcmpNotHandled));
  EXPECT_TRUE(gateway.send(from("10.1.0.254").icmp(3, 3, 0).payload(quote))
                  .is_drop(DropReason::kIcmpNotHandled));
  EXPECT_TRUE(gateway.send(from("203.0.113.9").icmp(3, 3, 0).payload(quote))
                  .is_drop(DropReason::kNotForUs));
  for (const uint8_t type : {uint8_t{4}, uint8_t{5}, uint8_t{13}}) {
    EXPECT_TRUE(gateway.send(from("11.0.0.1").icmp(type, 0, 0).payload(quote))
                    .is_drop(DropReason::kIcmpNotHandled));
  }
  gateway.check_counters();
}

}  // namespace
}  // namespace vipgate::test::pipeline_icmp_errors_test
