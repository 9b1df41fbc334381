// DNS queries through the whole packet path; what the responder says is tested with it.
#include <gtest/gtest.h>

#include <map>

#include "common/dns_table_builder.h"
#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_dns_test {
namespace {

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

std::shared_ptr<const DnsTable> table() {
  const auto wire = [](std::string_view text) { return dns_name_from_text(text).value(); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  EXPECT_TRUE(builder.set_zones({{wire("test"), soa, 60}}).ok());
  const std::string address("\x0b\0\0\1", 4);
  EXPECT_TRUE(builder.add({wire("redis.test"), DnsType::kA, 30, address}).ok());
  for (char i = 0; i < 60; ++i) {
    const std::string many{10, 0, 0, i};
    EXPECT_TRUE(builder.add({wire("many.test"), DnsType::kA, 30, many}).ok());
  }
  return builder.build().value();
}

std::string query_text(std::string_view name, uint16_t type = 1) {
  std::string text("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  text += dns_name_from_text(name).value();
  text += {static_cast<char>(type >> 8), static_cast<char>(type), 0, 1};
  return text;
}

PacketBuilder query(bool v6, std::string_view text) {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  if (v6) {
    packet.ipv6("2001:db8::1", "fd09::53");
  } else {
    packet.ipv4("192.0.2.1", "10.9.0.53");
  }
  return packet.udp(5353, 53).payload(bytes(text));
}

class PipelineDns : public testing::Test {
 protected:
  static SnapshotSpec spec() {
    SnapshotSpec spec = net_spec();
    spec.dns = table();
    return spec;
  }
  ~PipelineDns() override { gateway_.check_counters(); }
  FakeGateway gateway_{spec()};
};

size_t dns_at(bool v6, bool tagged) { return 14u + (tagged ? 4 : 0) + (v6 ? 40 : 20) + 8; }

TEST_F(PipelineDns, QueryIsAnsweredToWhereItCameFrom) {
  for (const bool v6 : {false, true}) {
    for (const bool tagged : {false, true}) {
      for (const size_t options : {size_t{0}, size_t{4}, size_t{40}}) {
        for (const bool checksum : {true, false}) {
          if (v6 && (options != 0 || !checksum)) continue;
          PacketBuilder packet = query(v6, query_text("ReDis.test")).ttl(3).ip_options(options);
          if (tagged) packet.vlan(12, 1);
          if (!checksum) packet.no_udp_checksum();
          const auto out = gateway_.send(packet);
          ASSERT_EQ(out.verdict.kind, Verdict::Kind::kDns) << to_string(out);
          EXPECT_EQ(out.port, 0u);
          const std::string answer = query_text("ReDis.test").replace(2, 6, "\x85\0\0\1\0\1", 6) +
                                     std::string("\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\x0b\0\0\1", 16);
          PacketBuilder wanted;
          wanted.eth(kGatewayMac0, kClientMac);
          if (tagged) wanted.vlan(12, 1);
          if (v6) {
            wanted.ipv6("fd09::53", "2001:db8::1");
          } else {
            wanted.ipv4("10.9.0.53", "192.0.2.1").dont_fragment();
          }
          wanted.udp(53, 5353).payload(bytes(answer));
          EXPECT_EQ(out.frame, wanted.build()) << describe(out.frame);
        }
      }
    }
  }
}

TEST_F(PipelineDns, EachOutcomeIsCountedUnderItsOwnName) {
  const std::string opt_of_version_1("\0\0\x29\4\xd0\0\1\0\0\0\0", 11);
  const std::vector<std::pair<std::string, DnsOutcome>> cases = {
      {query_text("redis.test"), DnsOutcome::kAnswer},
      {query_text("redis.test", 28), DnsOutcome::kNodata},
      {query_text("nobody.test"), DnsOutcome::kNxdomain},
      {query_text("elsewhere.example"), DnsOutcome::kRefused},
      {query_text("redis.test").substr(0, 20), DnsOutcome::kFormerr},
      {query_text("redis.test").replace(2, 1, "\x28"), DnsOutcome::kNotimp},
      {query_text("redis.test").replace(10, 2, "\0\1", 2) + opt_of_version_1, DnsOutcome::kBadvers},
      {query_text("many.test"), DnsOutcome::kTruncated},
  };
  for (const bool v6 : {false, true}) {
    for (const auto& [text, outcome] : cases) {
      const uint64_t before = gateway_.count(outcome);
      const auto out = gateway_.send(query(v6, text));
      EXPECT_EQ(gateway_.count(outcome), before + 1) << to_string(outcome);
      EXPECT_EQ(to_string(out.verdict.dns), to_string(outcome));
      EXPECT_TRUE(checksums_ok(out.frame)) << to_string(outcome) << describe(out.frame);
    }
  }
}

TEST_F(PipelineDns, QuestionsAreCountedByTheirTypeWhateverBecomesOfThem) {
  const std::map<uint16_t, DnsKind> types = {
      {1, DnsKind::kA},       {28, DnsKind::kAaaa},    {33, DnsKind::kSrv},   {12, DnsKind::kPtr},
      {16, DnsKind::kTxt},    {255, DnsKind::kAny},    {15, DnsKind::kOther}, {0, DnsKind::kOther},
      {257, DnsKind::kOther}, {65535, DnsKind::kOther}};
  std::array<uint64_t, kCountOf<DnsKind>> wanted{};
  const auto& counted = gateway_.memory().details().dns_kinds;
  for (const bool v6 : {false, true}) {
    for (const char* name : {"redis.test", "nobody.test", "elsewhere.example"}) {
      for (const auto& [type, kind] : types) {
        gateway_.send(query(v6, query_text(name, type)));
        ++wanted[static_cast<size_t>(kind)];
        for (size_t i = 0; i < wanted.size(); ++i) {
          ASSERT_EQ(counted[i].value(), wanted[i]) << to_string(static_cast<DnsKind>(i)) << type;
        }
      }
    }
    // Without a question that can be read.
    gateway_.send(query(v6, query_text("redis.test").substr(0, 20)));
    gateway_.send(query(v6, "short"));
  }
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(counted[i].value(), wanted[i]);
}

TEST_F(PipelineDns, WhatMayNotBeAnsweredIsDroppedWithItsReason) {
  for (const bool v6 : {false, true}) {
    EXPECT_TRUE(gateway_.send(query(v6, "short")).is_drop(DropReason::kDnsTooShort));
    EXPECT_TRUE(gateway_.send(query(v6, query_text("redis.test").replace(2, 1, "\x81")))
                    .is_drop(DropReason::kDnsResponse));
    EXPECT_TRUE(gateway_.send(query(v6, query_text("redis.test")).udp(7, 53))
                    .is_drop(DropReason::kDnsSourcePort));
    EXPECT_TRUE(gateway_.send(query(v6, query_text("redis.test")).bad_l4_checksum())
                    .is_drop(DropReason::kBadUdpChecksum));
    EXPECT_TRUE(gateway_.send(query(v6, query_text("redis.test")).udp(5353, 54))
                    .is_drop(DropReason::kPortNotServed));
  }
  EXPECT_TRUE(gateway_.send(query(true, query_text("redis.test")).no_udp_checksum())
                  .is_drop(DropReason::kBadUdpChecksum))
      << "RFC 8200 8.1";
}

TEST_F(PipelineDns, QuestionInTheRespondersOwnNameIsDropped) {
  for (const bool v6 : {false, true}) {
    PacketBuilder packet = query(v6, query_text("redis.test"));
    if (v6) {
      packet.ipv6("fd09::53", "fd09::53");
    } else {
      packet.ipv4("10.9.0.53", "10.9.0.53");
    }
    EXPECT_TRUE(gateway_.send(packet).is_drop(DropReason::kMartianSource));
  }
}

// Their answers would go to services of ours, some of which answer whatever they get.
TEST_F(PipelineDns, QuestionFromAServicePortOfAnAddressOfOursIsDropped) {
  for (const std::string source :
       {"10.9.0.1", "10.8.0.1", "11.0.0.1", "fd09::1", "fd08::1", "fd11::1"}) {
    const bool v6 = source.starts_with("fd");
    const auto ask = [&](uint16_t port) {
      PacketBuilder packet = query(v6, query_text("redis.test"));
      const std::string own = v6 ? "fd09::53" : "10.9.0.53";
      v6 ? packet.ipv6(source, own) : packet.ipv4(source, own);
      return gateway_.send(packet.udp(port, 53));
    };
    for (const uint16_t port : {uint16_t{1}, uint16_t{53}, uint16_t{1023}}) {
      EXPECT_TRUE(ask(port).is_drop(DropReason::kMartianSource)) << source << " " << port;
    }
    EXPECT_EQ(ask(1024).verdict.dns, DnsOutcome::kAnswer) << source;
  }
  EXPECT_EQ(gateway_.send(query(false, query_text("redis.test")).udp(53, 53)).verdict.dns,
            DnsOutcome::kAnswer)
      << "a port that others may ask from";
}

TEST_F(PipelineDns, QuestionsOverTcpAreTheKernels) {
  for (const bool v6 : {false, true}) {
    EXPECT_TRUE(
        gateway_.send(query(v6, "").tcp(40'000, 53).flags("S")).is_kernel(KernelReason::kDns));
    EXPECT_TRUE(gateway_.send(query(v6, "").tcp(40'000, 54).flags("S"))
                    .is_drop(DropReason::kPortNotServed));
  }
}

TEST_F(PipelineDns, ChecksumThatTheDeviceFoundRightIsNotLookedAtAgain) {
  struct Case {
    uint64_t flags;
    bool is_believed;
  };
  for (const Case& test :
       {Case{0, false}, Case{RTE_MBUF_F_RX_L4_CKSUM_GOOD, true},
        Case{RTE_MBUF_F_RX_L4_CKSUM_BAD, false}, Case{RTE_MBUF_F_RX_L4_CKSUM_NONE, false},
        Case{RTE_MBUF_F_RX_IP_CKSUM_GOOD, false}}) {
    for (const bool v6 : {false, true}) {
      const auto send = [&](PacketBuilder packet) {
        const Bytes frame = packet.build();
        FakeMbuf mbuf(frame);
        mbuf->ol_flags = test.flags;
        Outcome outcome = gateway_.send_mbufs({mbuf.get()})[0];
        outcome.frame = mbuf.frame();
        return outcome;
      };
      const auto right = send(query(v6, query_text("redis.test")));
      EXPECT_EQ(right.verdict.kind, Verdict::Kind::kDns) << "whatever the device says";
      EXPECT_TRUE(checksums_ok(right.frame));
      const auto wrong = send(query(v6, query_text("redis.test")).bad_l4_checksum());
      EXPECT_EQ(wrong.is_drop(DropReason::kBadUdpChecksum), !test.is_believed);
      EXPECT_EQ(checksums_ok(wrong.frame), test.is_believed) << "an answer is summed anew";
    }
  }
}

TEST_F(PipelineDns, EveryOctetOfAQuestionIsSummed) {
  const std::string opt("\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
  const std::string cookie(
      "\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08"
      "ABCDEFGH",
      23);
  std::vector<std::string> messages = {{"\x12\x34\0\0\0\0\0\0\0\0\0\0", 12}};
  for (const char* name : {"redis.test", "rediss.test", "many.test"}) {
    const std::string text = query_text(name);
    messages.push_back(text);
    messages.push_back(text + "behind");
    for (const std::string& record : {opt, cookie}) {
      messages.push_back(text + record);
      messages.back()[11] = 1;
    }
  }
  for (const bool v6 : {false, true}) {
    for (const std::string& message : messages) {
      const Bytes right = query(v6, message).build();
      EXPECT_EQ(gateway_.send(right).verdict.kind, Verdict::Kind::kDns);
      for (size_t at = dns_at(v6, false); at < right.size(); ++at) {
        Bytes wrong = right;
        wrong[at] = static_cast<uint8_t>(wrong[at] ^ 0x40);
        EXPECT_TRUE(gateway_.send(wrong).is_drop(DropReason::kBadUdpChecksum)) << at;
      }
    }
  }
}

TEST_F(PipelineDns, OnlyTheDatagramCountsNotThePaddingBehindIt) {
  const auto out = gateway_.send(query(false, query_text("redis.test")).pad_to(200));
  ASSERT_EQ(out.verdict.kind, Verdict::Kind::kDns);
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kAnswer);
  EXPECT_EQ(out.frame.size(), dns_at(false, false) + query_text("redis.test").size() + 16);
}

TEST_F(PipelineDns, FullBurstOfQueriesIsAnsweredEachWithItsOwn) {
  std::vector<Bytes> burst;
  for (int i = 0; i < 64; ++i) {
    burst.push_back(
        query(i % 2 == 0, query_text(i % 3 == 0 ? "nobody.test" : "redis.test")).build());
  }
  const auto outcomes = gateway_.send_burst(burst);
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(outcomes[i].verdict.dns, i % 3 == 0 ? DnsOutcome::kNxdomain : DnsOutcome::kAnswer);
    EXPECT_TRUE(checksums_ok(outcomes[i].frame));
  }
}

TEST_F(PipelineDns, QuestionsForSeveralAddressesInTurnAreAnsweredByTheOneThatWasAsked) {
  SnapshotSpec several = spec();
  several.dns_listen.push_back(ip("10.9.0.54"));
  FakeGateway gateway(several);
  std::vector<Bytes> burst;
  for (size_t i = 0; i < 60; ++i) {
    // The third is the gateway's own address, where the kernel has what there is.
    const char* asked = i % 3 == 0 ? "10.9.0.53" : i % 3 == 1 ? "10.9.0.54" : "10.9.0.1";
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", asked).udp(5353, 53);
    burst.push_back(packet.payload(bytes(query_text("redis.test"))).build());
  }
  const auto outcomes = gateway.send_burst(burst);
  for (size_t i = 0; i < burst.size(); ++i) {
    if (i % 3 == 2) {
      EXPECT_EQ(outcomes[i].verdict.kind, Verdict::Kind::kKernel) << to_string(outcomes[i]);
      continue;
    }
    ASSERT_EQ(outcomes[i].verdict.kind, Verdict::Kind::kDns) << to_string(outcomes[i]);
    constexpr size_t kSourceEnd = 14 + 15;
    EXPECT_EQ(outcomes[i].frame[kSourceEnd], i % 3 == 0 ? 53 : 54);
  }
  gateway.check_counters();
}

}  // namespace
}  // namespace vipgate::test::pipeline_dns_test
