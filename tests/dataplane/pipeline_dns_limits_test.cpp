// What limits DNS replies on the packet path: their rate, and their length beside the query's.
#include <gtest/gtest.h>

#include "common/dns_table_builder.h"
#include "tests/support/test_net.h"

namespace vipgate::test::pipeline_dns_limits_test {
namespace {

std::shared_ptr<const DnsTable> names() {
  const auto wire = [](std::string_view text) { return dns_name_from_text(text).value(); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  EXPECT_TRUE(builder.set_zones({{wire("test"), soa, 60}}).ok());
  for (const std::string_view name : {"a.test", "b.test"}) {
    EXPECT_TRUE(builder.add({wire(name), DnsType::kA, 30, std::string("\x0b\0\0\1", 4)}).ok());
  }
  for (char i = 0; i < 20; ++i) {
    EXPECT_TRUE(builder.add({wire("many.test"), DnsType::kA, 30, std::string{10, 0, 0, i}}).ok());
  }
  return builder.build().value();
}

struct Setup {
  DnsRateRules rules = {};
  uint16_t max_amplification = 0;
  std::vector<SipKey> cookie_secrets = {};
  std::string nsid = {};
  uint32_t workers = 1;
};

FakeGateway gateway(const Setup& setup) {
  SnapshotSpec spec = net_spec();
  spec.dns = names();
  spec.dns_policy.rate_limit = DnsRateLimit(setup.rules);
  spec.dns_policy.max_amplification = setup.max_amplification;
  spec.dns_policy.cookie_secrets = setup.cookie_secrets;
  spec.dns_policy.nsid = setup.nsid;
  return FakeGateway(std::move(spec), {.workers = setup.workers});
}

DnsRateRules ten_a_second(uint32_t slip = 0) {
  DnsRateRules rules;
  rules.responses_per_s = rules.errors_per_s = 10;
  rules.slip = slip;
  return rules;
}

// With these options of EDNS, if there are any.
PacketBuilder ask(std::string_view client, std::string_view name, unsigned type = 1,
                  const std::string& options = "") {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  if (client.find(':') == std::string_view::npos) {
    packet.ipv4(client, "10.9.0.53");
  } else {
    packet.ipv6(client, "fd09::53");
  }
  std::string text("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  text += dns_name_from_text(name).value();
  text += {static_cast<char>(type >> 8), static_cast<char>(type), 0, 1};
  if (!options.empty()) {
    text[11] = 1;
    text += std::string("\0\0\x29\x04\xd0\0\0\0\0\0", 10) + static_cast<char>(options.size());
    text += options;
  }
  return packet.udp(40'000, 53).payload(Bytes(text.begin(), text.end()));
}

// How many of `asked` are answered in full.
int answered(FakeGateway& gateway, const PacketBuilder& packet, int asked = 30,
             uint32_t worker = 0) {
  int count = 0;
  for (int i = 0; i < asked; ++i) {
    const auto out = gateway.send(packet, 0, worker);
    if (out.verdict.kind == Verdict::Kind::kDns && out.verdict.dns != DnsOutcome::kSlipped) {
      ++count;
    } else if (out.verdict.kind != Verdict::Kind::kDns) {
      EXPECT_TRUE(out.is_drop(DropReason::kDnsRateLimited)) << to_string(out);
    }
  }
  gateway.check_counters();
  return count;
}

TEST(PipelineDnsLimits, WithoutALimitEveryQuestionIsAnswered) {
  FakeGateway open = gateway({});
  EXPECT_EQ(answered(open, ask("192.0.2.1", "a.test"), 1000), 1000);
}

TEST(PipelineDnsLimits, RepliesAboutANameAreLimitedByNetworkAndName) {
  for (const bool v6 : {false, true}) {
    FakeGateway limited = gateway({.rules = ten_a_second()});
    const std::string one = v6 ? "2001:db8::1" : "192.0.2.1";
    const std::string near = v6 ? "2001:db8:0:ff::2" : "192.0.2.2";
    const std::string far = v6 ? "2001:db8:0:100::2" : "192.0.3.1";
    EXPECT_EQ(answered(limited, ask(one, "a.test")), 10);
    EXPECT_EQ(answered(limited, ask(near, "A.Test")), 0) << "of the same network, any case";
    EXPECT_EQ(answered(limited, ask(near, "a.test", 28)), 0) << "NODATA is about the name, too";
    EXPECT_EQ(answered(limited, ask(one, "b.test")), 10) << "another name";
    EXPECT_EQ(answered(limited, ask(far, "a.test")), 10) << "another network";
    EXPECT_EQ(limited.count(DropReason::kDnsRateLimited), 20u + 30 + 30 + 20 + 20);
    limited.pass_seconds(1);
    EXPECT_EQ(answered(limited, ask(one, "a.test")), 10) << "a second later";
  }
}

TEST(PipelineDnsLimits, NamesThatAreNotThereAndErrorsAreLimitedAllTogether) {
  DnsRateRules rules = ten_a_second();
  rules.errors_per_s = 5;
  FakeGateway limited = gateway({.rules = rules});
  int answers = 0;
  for (int i = 0; i < 30; ++i) {
    answers += answered(limited, ask("192.0.2.1", "no" + std::to_string(i) + ".test"), 1);
  }
  EXPECT_EQ(answers, 5) << "whatever the name";
  for (int i = 0; i < 30; ++i) {
    answers += answered(limited, ask("192.0.2.1", "x" + std::to_string(i) + ".example"), 1);
  }
  EXPECT_EQ(answers, 10) << "REFUSED is counted apart from NXDOMAIN";
  EXPECT_EQ(answered(limited, ask("192.0.2.1", "a.test")), 10) << "and both from names";
}

TEST(PipelineDnsLimits, OnlyWhatHasARateIsLimited) {
  DnsRateRules errors_only = ten_a_second();
  errors_only.responses_per_s = 0;
  FakeGateway limited = gateway({.rules = errors_only});
  EXPECT_EQ(answered(limited, ask("192.0.2.1", "a.test"), 100), 100);
  EXPECT_EQ(answered(limited, ask("192.0.2.1", "no.test"), 100), 10);
  DnsRateRules names_only = ten_a_second();
  names_only.errors_per_s = 0;
  FakeGateway other = gateway({.rules = names_only});
  EXPECT_EQ(answered(other, ask("192.0.2.1", "a.test"), 100), 10);
  EXPECT_EQ(answered(other, ask("192.0.2.1", "no.test"), 100), 100);
}

TEST(PipelineDnsLimits, EachSlipthReplyOverTheLimitIsTruncatedAndLongAsTheQuery) {
  for (const bool v6 : {false, true}) {
    FakeGateway limited = gateway({.rules = ten_a_second(3)});
    const PacketBuilder packet = ask(v6 ? "2001:db8::1" : "192.0.2.1", "many.test");
    EXPECT_EQ(answered(limited, packet, 10), 10);
    for (int i = 1; i <= 30; ++i) {
      const auto out = limited.send(packet);
      if (i % 3 != 0) {
        EXPECT_TRUE(out.is_drop(DropReason::kDnsRateLimited)) << i;
        continue;
      }
      ASSERT_EQ(out.verdict.dns, DnsOutcome::kSlipped);
      EXPECT_EQ(out.frame.size(), packet.build().size()) << "no records";
      EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
      const size_t dns = out.frame.size() - (12 + 11 + 4);
      EXPECT_EQ(out.frame[dns + 2] & 0x82, 0x82) << "QR and TC";
      EXPECT_EQ(out.frame[dns + 3] & 0x0f, 0) << "no error";
    }
    EXPECT_EQ(limited.count(DnsOutcome::kSlipped), 10u);
    EXPECT_EQ(limited.count(DropReason::kDnsRateLimited), 20u);
  }
}

TEST(PipelineDnsLimits, SlippedErrorIsTheErrorItself) {
  FakeGateway limited = gateway({.rules = ten_a_second(1)});
  const PacketBuilder packet = ask("192.0.2.1", "elsewhere.example");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(limited.send(packet).verdict.dns, DnsOutcome::kRefused);
  EXPECT_EQ(limited.send(ask("192.0.2.1", "no.test")).verdict.dns, DnsOutcome::kNxdomain);
  EXPECT_EQ(answered(limited, ask("192.0.2.1", "no.test"), 50), 9) << "NXDOMAIN has a SOA";
}

TEST(PipelineDnsLimits, ExemptNetworksHaveNoLimit) {
  DnsRateRules rules = ten_a_second();
  rules.exempt = {parse_ip_prefix("192.0.2.128/25").value(),
                  parse_ip_prefix("2001:db8:7::/48").value()};
  FakeGateway limited = gateway({.rules = rules});
  EXPECT_EQ(answered(limited, ask("192.0.2.129", "a.test"), 100), 100);
  EXPECT_EQ(answered(limited, ask("2001:db8:7::1", "no.test"), 100), 100);
  EXPECT_EQ(answered(limited, ask("2001:db8:8::1", "no.test"), 100), 10);
}

const std::string kClientCookie(
    "\0\x0a\0\x08"
    "12345678",
    12);

// The COOKIE option of a reply, at whose end it stands.
std::string cookie_of(const Outcome& out) {
  const std::string text(out.frame.begin(), out.frame.end());
  return text.size() < 28 ? "" : text.substr(text.size() - 28);
}

TEST(PipelineDnsLimits, WhoHasAGoodCookieHasNoLimit) {
  for (const bool v6 : {false, true}) {
    const std::string client = v6 ? "2001:db8::1" : "192.0.2.1";
    FakeGateway limited = gateway(
        {.rules = ten_a_second(), .max_amplification = 2, .cookie_secrets = {SipKey{{1, 2, 3}}}});
    const PacketBuilder first = ask(client, "a.test", 1, kClientCookie);
    const std::string cookie = cookie_of(limited.send(first));
    ASSERT_EQ(cookie.substr(4, 8), "12345678");
    EXPECT_EQ(answered(limited, first, 100), 9) << "a client cookie alone proves nothing";
    EXPECT_EQ(answered(limited, ask(client, "a.test", 1, cookie), 100), 100);
    EXPECT_EQ(answered(limited, ask(client, "no.test", 1, cookie), 100), 100);
    EXPECT_EQ(limited.send(ask(client, "many.test", 1, cookie)).verdict.dns, DnsOutcome::kAnswer)
        << "nor a bound of the length";
    std::string wrong = cookie;
    wrong.back() ^= 1;
    EXPECT_EQ(answered(limited, ask(client, "a.test", 1, wrong), 100), 0);
    EXPECT_EQ(limited.send(ask(client, "many.test", 1, wrong)).verdict.dns,
              DnsOutcome::kAmplification);
  }
}

TEST(PipelineDnsLimits, NsidIsLeftOutWhereItWouldMakeTheReplyTooLong) {
  const PacketBuilder packet = ask("192.0.2.1", "many.test", 1, std::string("\0\3\0\0", 4));
  FakeGateway open = gateway({.nsid = std::string(100, 'n')});
  EXPECT_GT(open.send(packet).frame.size(), 400u);
  FakeGateway bounded = gateway({.max_amplification = 2, .nsid = std::string(100, 'n')});
  const auto out = bounded.send(packet);
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kAmplification);
  EXPECT_EQ(out.frame.size(), packet.build().size() - 4) << "question and an empty OPT record";
  EXPECT_TRUE(checksums_ok(out.frame));
}

// All workers together give what the operator wrote; who asks one of them alone has its part.
TEST(PipelineDnsLimits, WorkersShareALimit) {
  DnsRateRules rules = ten_a_second();
  rules.responses_per_s = 40;
  FakeGateway limited = gateway({.rules = rules, .workers = 4});
  const PacketBuilder packet = ask("192.0.2.1", "a.test");
  int all = 0;
  for (uint32_t worker = 0; worker < 4; ++worker) {
    EXPECT_EQ(answered(limited, packet, 100, worker), 10);
    all += 10;
  }
  EXPECT_EQ(all, 40);
}

TEST(PipelineDnsLimits, LimitThatAReloadChangesIsInForceAtOnce) {
  FakeGateway limited = gateway({.rules = ten_a_second()});
  const PacketBuilder packet = ask("192.0.2.1", "a.test");
  EXPECT_EQ(answered(limited, packet), 10);
  DnsRateRules rules = ten_a_second();
  rules.responses_per_s = 20;
  limited.spec().dns_policy.rate_limit = DnsRateLimit(rules);
  limited.publish();
  EXPECT_EQ(answered(limited, packet), 0) << "what was given counts, until it is paid for";
  limited.pass_seconds(1);
  EXPECT_EQ(answered(limited, packet), 20);
  limited.spec().dns_policy.rate_limit = DnsRateLimit();
  limited.publish();
  EXPECT_EQ(answered(limited, packet, 100), 100);
}

TEST(PipelineDnsLimits, ReplyThatWouldBeTooManyTimesTheQueryIsTruncated) {
  FakeGateway bounded = gateway({.max_amplification = 2});
  const PacketBuilder many = ask("192.0.2.1", "many.test");
  const auto out = bounded.send(many);
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kAmplification);
  EXPECT_EQ(out.frame.size(), many.build().size());
  EXPECT_TRUE(checksums_ok(out.frame));
  EXPECT_EQ(bounded.send(ask("192.0.2.1", "a.test")).verdict.dns, DnsOutcome::kAnswer)
      << "24 octets of question, 40 of reply";
  EXPECT_EQ(bounded.send(ask("192.0.2.1", "no.test")).verdict.dns, DnsOutcome::kAmplification)
      << "a SOA record is long";
  FakeGateway wide = gateway({.max_amplification = 20});
  EXPECT_EQ(wide.send(many).verdict.dns, DnsOutcome::kAnswer);
  EXPECT_EQ(bounded.count(DnsOutcome::kAmplification), 2u);
}

TEST(PipelineDnsLimits, NoReplyIsLongerThanTheBound) {
  for (const unsigned most : {2u, 3u, 5u, 10u}) {
    FakeGateway bounded = gateway({.max_amplification = static_cast<uint16_t>(most)});
    for (const std::string_view name : {"a.test", "many.test", "no.test", "test", "x.example"}) {
      for (const unsigned type : {1u, 6u, 28u, 33u, 255u}) {
        const PacketBuilder packet = ask("2001:db8::1", name, type);
        const size_t headers = 14 + 40 + 8;
        const size_t query = packet.build().size() - headers;
        const auto out = bounded.send(packet);
        ASSERT_EQ(out.verdict.kind, Verdict::Kind::kDns);
        EXPECT_LE(out.frame.size() - headers, query * most) << name << " " << type;
      }
    }
  }
}

TEST(PipelineDnsLimits, ExtendedErrorIsLeftOutWhereItWouldMakeTheReplyTooLong) {
  const PacketBuilder packet = ask("192.0.2.1", "x.example", 1, std::string("\0\3\0\0", 4));
  const size_t headers = 14 + 20 + 8;
  const size_t query = packet.build().size() - headers;
  size_t longest = 0;
  for (size_t nsid = 1; nsid <= query; ++nsid) {
    FakeGateway bounded = gateway({.max_amplification = 2, .nsid = std::string(nsid, 'n')});
    const auto out = bounded.send(packet);
    EXPECT_EQ(out.verdict.dns, DnsOutcome::kRefused);
    EXPECT_TRUE(checksums_ok(out.frame));
    longest = std::max(longest, out.frame.size() - headers);
  }
  EXPECT_EQ(longest, query * 2);
}

}  // namespace
}  // namespace vipgate::test::pipeline_dns_limits_test
