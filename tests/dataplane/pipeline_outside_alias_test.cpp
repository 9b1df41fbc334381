// Names of ours that are aliases of others' names, through the whole packet path.
#include <gtest/gtest.h>

#include "tests/support/forwarding_net.h"

namespace vipgate::test::pipeline_outside_alias_test {
namespace {

constexpr unsigned kReply = 0x8180;
constexpr unsigned kCname = 5;

std::shared_ptr<const DnsTable> aliases() {
  const auto wire = [](std::string_view text) { return test::wire_name(text); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  EXPECT_TRUE(builder.set_zones({{wire("test"), soa, 60}}).ok());
  const auto add = [&](std::string_view name, std::string_view target) {
    EXPECT_TRUE(builder.add({wire(name), DnsType::kCname, 30, wire(target)}).ok());
  };
  add("out.test", "www.Example.org");
  add("two.test", "out.test");
  add("*.wild.test", "www.example.org");
  add("local.test", "localhost");
  add("private.test", "4.3.2.10.in-addr.arpa");
  return builder.build().value();
}

class PipelineOutsideAlias : public ::testing::Test {
 protected:
  PipelineOutsideAlias() {
    gateway_.spec().dns = aliases();
    gateway_.spec().dns_policy.forwarding.has_local_zones = true;
    gateway_.publish();
  }
  ~PipelineOutsideAlias() override { gateway_.check_counters(); }

  static PacketBuilder question(std::string_view name, unsigned type = 1, unsigned flags = 0x0100,
                                std::string_view opt = {}, std::string_view client = "192.0.2.1") {
    const std::string text = test::dns_header(flags, 1, 0, 0, opt.empty() ? 0 : 1, 7) +
                             test::dns_question(test::wire_name(name), type) + std::string(opt);
    PacketBuilder packet;
    return packet.eth(kClientMac, kGatewayMac0)
        .ipv4(client, "10.9.0.53")
        .udp(4000, 53)
        .payload(Bytes(text.begin(), text.end()));
  }
  AskedResolver asked_once() {
    const auto made = gateway_.take_made();
    EXPECT_EQ(made.size(), 1u);
    if (made.size() != 1) throw std::runtime_error("not one was asked");
    const Datagram datagram = datagram_of(made[0].frame, 18);
    return {datagram, DnsMessageParser(datagram.payload).parse().value()};
  }
  static ParsedMessage answer_in(const Outcome& out) {
    EXPECT_EQ(out.queue, Outcome::Queue::kTransmit) << to_string(out);
    EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
    const auto message = DnsMessageParser(datagram_of(out.frame, 14).payload).parse();
    EXPECT_TRUE(message) << describe(out.frame);
    return message.value_or(ParsedMessage{});
  }
  // Asks, has the resolver say that, and gives what the client gets.
  ParsedMessage ask(const PacketBuilder& packet, unsigned flags, unsigned answers,
                    unsigned authorities, std::string_view records) {
    EXPECT_TRUE(gateway_.send(packet).is_held());
    const AskedResolver asked = asked_once();
    EXPECT_EQ(test::wire_name("www.example.org"), dns_fold(asked.message.question.substr(0, 17)));
    gateway_.send(asked.packet(asked.reply(flags, answers, authorities, records)), 1);
    const auto settled = gateway_.take_settled();
    EXPECT_EQ(settled.size(), 1u);
    if (settled.size() != 1) return {};
    EXPECT_EQ(settled[0].verdict.dns, DnsOutcome::kForwarded);
    return answer_in(settled[0]);
  }

  FakeGateway gateway_{forwarding_spec()};
};

// www CNAME cdn.example.org (a pointer into the question), and its address (a pointer into the
// records).
const std::string kCdn = std::string("\xc0\x0c") + be16(kCname) + be16(1) + be32(100) + be16(6) +
                         "\3cdn\xc0\x10" + a_record(50, "\1\2\3\4", "\xc0\x2d");

TEST_F(PipelineOutsideAlias, AnswerOfTheResolverStandsBehindTheAlias) {
  for (const char* name : {"OUT.test", "two.test", "a.wild.test"}) {
    gateway_.jump_seconds(200);
    const ParsedMessage message = ask(question(name, 1, 0x0100, dns_opt(1232)), kReply, 2, 0, kCdn);
    EXPECT_EQ(message.flags, 0x8580u) << "AA is the first name's, which is ours";
    EXPECT_EQ(message.question, test::dns_question(test::wire_name(name), 1));
    const size_t links = std::string_view(name) == "two.test" ? 2 : 1;
    ASSERT_EQ(message.answers.size(), links + 2) << name;
    EXPECT_EQ(message.answers[0].owner, name);
    const auto& cdn = message.answers[links];
    EXPECT_EQ(dns_fold(cdn.owner), "www.example.org");
    EXPECT_EQ(cdn.type, kCname);
    EXPECT_EQ(cdn.ttl, 100u);
    EXPECT_EQ(dns_fold(message.answers[links + 1].owner), "cdn.example.org");
    EXPECT_EQ(message.answers[links + 1].rdata, "\1\2\3\4");
    EXPECT_TRUE(message.opt);
  }
}

TEST_F(PipelineOutsideAlias, WhatIsKnownOfTheTargetIsToldAtOnceWhoeverAskedForIt) {
  ask(question("out.test"), kReply, 2, 0, kCdn);
  gateway_.pass_seconds(10);
  for (const char* name : {"out.test", "two.test", "b.wild.test", "www.example.org"}) {
    const Outcome out = gateway_.send(question(name));
    EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached) << name;
    EXPECT_EQ(answer_in(out).answers.back().ttl, 40u);
  }
  EXPECT_TRUE(gateway_.take_made().empty());
}

TEST_F(PipelineOutsideAlias, CodeAndSoaAreThoseOfTheTarget) {
  const ParsedMessage message = ask(question("out.test"), kReply | 3, 0, 1, soa_record(300, 40));
  EXPECT_EQ(message.flags, 0x8583u) << "RFC 6604 3";
  EXPECT_EQ(message.answers.size(), 1u);
  ASSERT_EQ(message.authorities.size(), 1u);
  EXPECT_EQ(message.authorities[0].ttl, 40u);
}

TEST_F(PipelineOutsideAlias, WhatIsTooLongForTheClientIsTruncated) {
  std::string records;
  for (char i = 0; i < 29; ++i) records += a_record(60, std::string("\1\2\3") + i);
  const ParsedMessage message = ask(question("out.test"), kReply, 29, 0, records);
  EXPECT_TRUE(message.tc()) << "the alias is what is too much";
  EXPECT_TRUE(message.answers.empty());
  EXPECT_EQ(answer_in(gateway_.send(question("www.example.org"))).answers.size(), 29u);
}

TEST_F(PipelineOutsideAlias, WithoutAnswerItFailsInTime) {
  ASSERT_TRUE(gateway_.send(question("out.test")).is_held());
  gateway_.pass_seconds(1.1);
  const auto settled = gateway_.take_settled();
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).rcode(), 2u);
  gateway_.take_made();
}

TEST_F(PipelineOutsideAlias, AliasAloneIsToldWhereNobodyMayBeAsked) {
  const auto is_alone = [&](const PacketBuilder& packet) {
    const Outcome out = gateway_.send(packet);
    EXPECT_EQ(out.verdict.dns, DnsOutcome::kAnswer) << to_string(out);
    const ParsedMessage message = answer_in(out);
    return message.rcode() == 0 && message.answers.size() == 1 && message.answers[0].type == kCname;
  };
  EXPECT_TRUE(is_alone(question("out.test", 1, 0x0000))) << "RD=0";
  EXPECT_TRUE(is_alone(question("out.test", 1, 0x0100, {}, "198.51.100.7"))) << "a stranger";
  EXPECT_TRUE(is_alone(question("out.test", kCname))) << "it is what was asked for";
  EXPECT_TRUE(gateway_.take_made().empty());
}

TEST_F(PipelineOutsideAlias, NobodyIsAskedForWhatIsAnsweredHere) {
  const Outcome local = gateway_.send(question("local.test"));
  EXPECT_EQ(local.verdict.dns, DnsOutcome::kAnswer) << to_string(local);
  const ParsedMessage address = answer_in(local);
  ASSERT_EQ(address.answers.size(), 2u);
  EXPECT_EQ(address.answers[0].type, kCname);
  EXPECT_EQ(address.answers[1].rdata, std::string("\x7f\0\0\1", 4)) << "RFC 6761 6.3";

  const Outcome reverse = gateway_.send(question("private.test", 12));
  EXPECT_EQ(reverse.verdict.dns, DnsOutcome::kNxdomain) << to_string(reverse);
  const ParsedMessage denial = answer_in(reverse);
  ASSERT_EQ(denial.answers.size(), 1u);
  EXPECT_EQ(denial.answers[0].type, kCname);
  EXPECT_EQ(denial.authorities.size(), 1u) << "SOA of the zone of RFC 6303";
  EXPECT_TRUE(gateway_.take_made().empty());
}

}  // namespace
}  // namespace vipgate::test::pipeline_outside_alias_test
