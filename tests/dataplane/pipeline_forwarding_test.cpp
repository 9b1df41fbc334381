// Questions of others' names through the whole packet path: asked, answered, kept, given up.
#include <gtest/gtest.h>

#include "common/dns_views.h"
#include "tests/support/forwarding_net.h"

namespace vipgate::test::pipeline_forwarding_test {
namespace {

using test::be16;
using test::dns_opt;
using test::DnsMessageParser;
using test::ParsedMessage;

constexpr unsigned kReply = 0x8180;

class PipelineForwarding : public ::testing::Test {
 protected:
  ~PipelineForwarding() override { gateway_.check_counters(); }

  static PacketBuilder question(std::string_view name, unsigned client = 1, unsigned type = 1,
                                unsigned flags = 0x0100, std::string_view opt = {}) {
    const std::string text = test::dns_header(flags, 1, 0, 0, opt.empty() ? 0 : 1, 100 + client) +
                             test::dns_question(test::wire_name(name), type) + std::string(opt);
    PacketBuilder packet;
    return packet.eth(kClientMac, kGatewayMac0)
        .ipv4("192.0.2." + std::to_string(client), "10.9.0.53")
        .udp(static_cast<uint16_t>(4000 + client), 53)
        .payload(Bytes(text.begin(), text.end()));
  }
  // What the gateway has asked since the last call.
  std::vector<AskedResolver> take_asked() {
    std::vector<AskedResolver> asked;
    for (const Outcome& made : gateway_.take_made()) {
      EXPECT_EQ(made.port, 1u);
      EXPECT_TRUE(checksums_ok(made.frame)) << describe(made.frame);
      const Datagram datagram = datagram_of(made.frame, 18);
      const auto message = DnsMessageParser(datagram.payload).parse();
      if (!message) {
        ADD_FAILURE() << "no message: " << describe(made.frame);
        continue;
      }
      asked.push_back({datagram, *message});
    }
    return asked;
  }
  AskedResolver asked_once() {
    auto asked = take_asked();
    EXPECT_EQ(asked.size(), 1u);
    if (asked.empty()) throw std::runtime_error("nobody was asked");
    return asked.front();
  }
  // What a client gets.
  static ParsedMessage answer_in(const Outcome& out) {
    EXPECT_EQ(out.queue, Outcome::Queue::kTransmit) << to_string(out);
    EXPECT_EQ(out.port, 0u);
    EXPECT_TRUE(checksums_ok(out.frame)) << describe(out.frame);
    const auto message = DnsMessageParser(datagram_of(out.frame, 14).payload).parse();
    EXPECT_TRUE(message) << describe(out.frame);
    return message.value_or(ParsedMessage{});
  }
  // Has the resolver answer, and returns what those who waited get.
  std::vector<Outcome> answer(const AskedResolver& asked, std::string_view reply) {
    const Outcome out = gateway_.send(asked.packet(reply), 1);
    EXPECT_EQ(out.verdict.dns, DnsOutcome::kResolverAnswer) << to_string(out);
    return gateway_.take_settled();
  }
  void learn(std::string_view name, unsigned long ttl_s) {
    ASSERT_TRUE(gateway_.send(question(name)).is_held());
    const AskedResolver asked = asked_once();
    ASSERT_EQ(answer(asked, asked.reply(kReply, 1, 0, a_record(ttl_s, "\1\2\3\4"))).size(), 1u);
  }

  FakeGateway gateway_{forwarding_spec()};
};

TEST_F(PipelineForwarding, QuestionIsAskedOfTheFirstResolverAndItsAnswerIsTheClients) {
  ASSERT_TRUE(gateway_.send(question("WwW.Example.org")).is_held());
  const AskedResolver asked = asked_once();
  EXPECT_EQ(to_string(asked.datagram.destination), "10.1.0.53");
  EXPECT_EQ(to_string(asked.datagram.source), "10.8.0.53");
  EXPECT_EQ(asked.datagram.destination_port, 53);
  EXPECT_GE(asked.datagram.source_port, 20'000);
  EXPECT_LE(asked.datagram.source_port, 24'999);
  EXPECT_EQ(asked.message.flags, 0x0120u);
  const auto settled = answer(
      asked,
      asked.reply(kReply | 0x0420, 2, 0, a_record(300, "\1\2\3\4") + a_record(200, "\1\2\3\5")));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(settled[0].verdict.dns, DnsOutcome::kForwarded);
  const ParsedMessage message = answer_in(settled[0]);
  EXPECT_EQ(message.id, 101u);
  EXPECT_EQ(message.flags, 0x8180u) << "RA, no AA, no AD as nobody asked for it";
  EXPECT_EQ(message.question, test::dns_question(test::wire_name("WwW.Example.org"), 1))
      << "in the client's case";
  ASSERT_EQ(message.answers.size(), 2u);
  EXPECT_EQ(message.answers[0].owner, "WwW.Example.org");
  EXPECT_EQ(message.answers[0].ttl, 300u);
  EXPECT_EQ((std::set{message.answers[0].rdata, message.answers[1].rdata}),
            (std::set<std::string>{"\1\2\3\4", "\1\2\3\5"}));
  EXPECT_FALSE(message.opt);
  const Datagram reply = datagram_of(settled[0].frame, 14);
  EXPECT_EQ(to_string(reply.source), "10.9.0.53");
  EXPECT_EQ(to_string(reply.destination), "192.0.2.1");
  EXPECT_EQ(reply.destination_port, 4001);
}

TEST_F(PipelineForwarding, SameQuestionAgainIsAnsweredFromTheCacheWithWhatIsLeftOfItsTtl) {
  learn("www.example.org", 300);
  gateway_.pass_seconds(100);
  const Outcome out = gateway_.send(question("WWW.example.ORG", 9));
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached);
  const ParsedMessage message = answer_in(out);
  EXPECT_EQ(message.id, 109u);
  ASSERT_EQ(message.answers.size(), 1u);
  EXPECT_EQ(message.answers[0].owner, "WWW.example.ORG");
  EXPECT_EQ(message.answers[0].ttl, 200u);
  EXPECT_TRUE(take_asked().empty());
  gateway_.pass_seconds(200.5);
  EXPECT_TRUE(gateway_.send(question("www.example.org", 9)).is_held());
  EXPECT_EQ(take_asked().size(), 1u);
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, EachAddressOfAnAnswerFromTheCacheComesFirstAtTimes) {
  const std::string name = "www.example.org";
  for (const unsigned type : {1u, 28u}) {
    ASSERT_TRUE(gateway_.send(question(name, 1, type)).is_held());
    const AskedResolver asked = asked_once();
    std::string records;
    for (char i = 0; i < 2; ++i) {
      records += "\xc0\x0c" + be16(type) + be16(1) + test::be32(300) + be16(type == 1 ? 4 : 16) +
                 std::string(type == 1 ? 4 : 16, i);
    }
    ASSERT_EQ(answer(asked, asked.reply(kReply, 2, 1, records + soa_record(300, 40))).size(), 1u);
  }
  gateway_.pass_seconds(100);
  std::map<unsigned, std::map<std::string, unsigned>> first;
  // By turns, as a client does that wants to know both.
  for (unsigned i = 0; i < 100; ++i) {
    for (const unsigned type : {1u, 28u}) {
      const Outcome out = gateway_.send(question(name, 1, type));
      EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached);
      const ParsedMessage message = answer_in(out);
      ASSERT_EQ(message.answers.size(), 2u);
      EXPECT_NE(message.answers[0].rdata, message.answers[1].rdata);
      for (const auto& record : message.answers) {
        EXPECT_EQ(record.owner, name);
        EXPECT_EQ(record.ttl, 200u);
      }
      EXPECT_EQ(message.authorities.size(), 1u);
      ++first[type][message.answers[0].rdata];
    }
  }
  for (const auto& [type, counts] : first) {
    EXPECT_EQ(counts.size(), 2u) << type;
    for (const auto& [data, count] : counts) EXPECT_GT(count, 20u) << type;
  }
}

TEST_F(PipelineForwarding, OwnCaseOfLettersIsToldToNobody) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver asked = asked_once();
  const std::string name = asked.message.question.substr(0, asked.message.question.size() - 4);
  const auto settled = answer(asked, asked.reply(kReply, 1, 0, a_record(300, "\1\2\3\4", name)));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).answers.at(0).owner, "www.example.org");
}

TEST_F(PipelineForwarding, NameAboveAZoneOfOursIsThereWhateverAResolverSays) {
  const auto wire = [](std::string_view text) { return test::wire_name(text); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  ASSERT_TRUE(builder.set_zones({{wire("mine.nx.evil.test"), soa, 60}}).ok());
  const auto others = std::exchange(gateway_.spec().dns, builder.build().value());
  gateway_.publish();
  for (const char* name : {"nx.evil.test", "ny.evil.test"}) {
    const unsigned rcode = name[1] == 'x' ? 0 : 3;
    ASSERT_TRUE(gateway_.send(question(name)).is_held());
    const AskedResolver asked = asked_once();
    const auto settled = answer(asked, asked.reply(kReply | 3, 0, 1, soa_record(300, 40)));
    ASSERT_EQ(settled.size(), 1u);
    EXPECT_EQ(answer_in(settled[0]).rcode(), rcode) << name;
    for (int i = 0; i < 3; ++i) {
      const Outcome out = gateway_.send(question(name));
      EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached);
      EXPECT_EQ(answer_in(out).rcode(), rcode) << name;
      EXPECT_EQ(answer_in(out).authorities.size(), 1u);
    }
  }
  // The zone is gone.
  gateway_.spec().dns = others;
  gateway_.publish();
  EXPECT_EQ(answer_in(gateway_.send(question("nx.evil.test"))).rcode(), 3u);
}

TEST_F(PipelineForwarding, WhatOtherResolversHadSaidIsNotTold) {
  const auto resolvers = [&]() -> std::vector<DnsResolver>& {
    return gateway_.spec().dns_policy.forwarding.zones.back().resolvers;
  };
  learn("www.example.org", 300);
  resolvers()[0].next_hop_mac = mac(kClientMac);
  resolvers()[1].is_left_out = true;
  gateway_.publish();
  EXPECT_EQ(gateway_.send(question("www.example.org")).verdict.dns, DnsOutcome::kCached)
      << "the way there is no matter";
  ASSERT_TRUE(gateway_.send(question("late.example.org")).is_held());
  const AskedResolver late = asked_once();
  resolvers() = {resolver_at("10.1.0.55")};
  gateway_.publish();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(gateway_.send(question("www.example.org", 1)).is_held());
  }
  const AskedResolver asked = asked_once();
  EXPECT_EQ(to_string(asked.datagram.destination), "10.1.0.55");
  ASSERT_EQ(answer(asked, asked.reply(kReply, 1, 0, a_record(300, "\1\2\3\5"))).size(), 2u);
  const Outcome out = gateway_.send(question("www.example.org"));
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached);
  EXPECT_EQ(answer_in(out).answers.at(0).rdata, "\1\2\3\5");
  // Who has waited gets what was asked for, and nobody else does.
  const auto settled = answer(late, late.reply(kReply, 1, 0, a_record(300, "\1\2\3\4")));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).answers.size(), 1u);
  EXPECT_TRUE(gateway_.send(question("late.example.org")).is_held());
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, NameThatHasBecomeOursIsAnsweredByUsWhateverTheCacheHas) {
  learn("www.example.org", 300);
  EXPECT_EQ(gateway_.send(question("www.example.org")).verdict.dns, DnsOutcome::kCached);
  const auto wire = [](std::string_view text) { return test::wire_name(text); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  ASSERT_TRUE(builder.set_zones({{wire("example.org"), soa, 60}}).ok());
  const auto others = std::exchange(gateway_.spec().dns, builder.build().value());
  gateway_.publish();
  EXPECT_EQ(gateway_.send(question("www.example.org")).verdict.dns, DnsOutcome::kNxdomain);
  gateway_.spec().dns = others;
  gateway_.publish();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(gateway_.send(question("www.example.org")).verdict.dns, DnsOutcome::kCached) << i;
  }
}

TEST_F(PipelineForwarding, NameThatNobodyIsAskedForAnyMoreIsNotAnsweredFromTheCache) {
  const std::string name = "4.3.2.10.in-addr.arpa";
  learn(name, 300);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(gateway_.send(question(name)).verdict.dns, DnsOutcome::kCached);
  }
  gateway_.spec().dns_policy.forwarding.has_local_zones = true;
  gateway_.publish();
  EXPECT_EQ(gateway_.send(question(name)).verdict.dns, DnsOutcome::kNxdomain);
  EXPECT_EQ(gateway_.send(question("a.b")).verdict.kind, Verdict::Kind::kHold);
  gateway_.spec().dns_policy.forwarding.is_on = false;
  gateway_.publish();
  EXPECT_EQ(gateway_.send(question(name)).verdict.dns, DnsOutcome::kRefused);
  gateway_.pass_seconds(2);
}

// With a snapshot that is new each time, each question goes all the way, as the first one does.
TEST_F(PipelineForwarding, WhatIsAnsweredAtOnceIsWhatTheWholeWayAnswers) {
  FakeGateway plain(forwarding_spec());
  const auto ask_both = [&](const PacketBuilder& packet) {
    Outcome out = gateway_.send(packet);
    plain.publish();
    const Outcome other = plain.send(packet);
    EXPECT_EQ(to_string(out), to_string(other));
    EXPECT_EQ(out.frame, other.frame) << describe(out.frame) << describe(other.frame);
    return out;
  };
  const auto answer_both = [&](const std::string& reply_records, unsigned flags, unsigned answers,
                               unsigned authorities) {
    for (FakeGateway* gateway : {&gateway_, &plain}) {
      const auto made = gateway->take_made();
      ASSERT_EQ(made.size(), 1u);
      const Datagram datagram = datagram_of(made[0].frame, 18);
      const AskedResolver asked{datagram, DnsMessageParser(datagram.payload).parse().value()};
      gateway->send(asked.packet(asked.reply(flags, answers, authorities, reply_records)), 1);
      EXPECT_EQ(gateway->take_settled().size(), 1u);
    }
  };
  const std::string odd = a_record(50, "\1\2\3\4", std::string(1, '\0')) + a_record(7, "\1\2\3\4");
  const std::string longest(63, 'x');
  const std::vector<std::string> names = {"a.b", "www.example.org", longest + ".example.org",
                                          longest + "." + longest + ".org"};
  for (const std::string& name : names) {
    ASSERT_TRUE(ask_both(question(name)).is_held());
    if (name == "a.b") {
      answer_both(soa_record(300, 40), kReply | 3, 0, 1);
    } else {
      answer_both(odd, kReply | 0x20, 2, 0);
    }
  }
  unsigned cached = 0;
  for (int second = 0; second < 9; ++second) {
    for (const std::string& name : names) {
      for (const unsigned flags : {0x0100u, 0x0120u, 0x0000u}) {
        for (const std::string& opt : {std::string(), dns_opt(1232), dns_opt(512)}) {
          for (const unsigned type : {1u, 41u}) {
            const Outcome out = ask_both(question(name, 1, type, flags, opt));
            if (out.verdict.dns == DnsOutcome::kCached) ++cached;
          }
        }
      }
    }
    // What is over is asked again, and fails.
    for (FakeGateway* gateway : {&gateway_, &plain}) {
      gateway->pass_seconds(1);
      gateway->take_made();
      gateway->take_settled();
    }
  }
  EXPECT_GT(cached, 100u);
  plain.check_counters();
}

// Clients 1 have no list, clients 2 and 3 have one each, and client 4 has that of client 2.
TEST_F(PipelineForwarding, WhatIsKeptIsToldToNobodyWhoseSearchListLeadsToANameOfOurs) {
  DnsSearch& search = gateway_.spec().dns_policy.search;
  search.lists = {{test::wire_name("corp.example"), test::wire_name("lab.example")},
                  {test::wire_name("elsewhere.example")}};
  const std::vector<PrefixValue> clients{{parse_ip_prefix("192.0.2.2/32").value(), uint16_t{0}},
                                         {parse_ip_prefix("192.0.2.3/32").value(), uint16_t{1}},
                                         {parse_ip_prefix("192.0.2.4/32").value(), uint16_t{0}}};
  search.clients4 = PrefixValues<Ipv4Address>(clients);
  gateway_.publish();
  learn("redis.test.corp.example", 300);
  learn("nobody.test.lab.example", 300);
  const auto outcome = [&](std::string_view name, unsigned client) {
    return gateway_.send(question(name, client)).verdict.dns;
  };
  // Again and again, since what one has asked may be remembered for the others.
  for (int i = 0; i < 3; ++i) {
    for (const unsigned client : {1u, 2u, 3u, 4u, 1u, 4u, 3u, 2u}) {
      EXPECT_EQ(outcome("redis.test.corp.example", client),
                client % 2 == 0 ? DnsOutcome::kAnswer : DnsOutcome::kCached)
          << client;
      EXPECT_EQ(outcome("nobody.test.lab.example", client), DnsOutcome::kCached) << client;
    }
  }
  const ParsedMessage message = answer_in(gateway_.send(question("redis.test.corp.example", 2)));
  ASSERT_EQ(message.answers.size(), 2u);
  EXPECT_EQ(message.answers[1].owner, "redis.test");
  // What was nobody's becomes ours, by the same list.
  const auto wire = [](std::string_view text) { return test::wire_name(text); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  ASSERT_TRUE(builder.set_zones({{wire("test"), soa, 60}}).ok());
  ASSERT_TRUE(builder.add({wire("nobody.test"), DnsType::kA, 30, "\1\2\3\4"}).ok());
  gateway_.spec().dns = builder.build().value();
  gateway_.publish();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(outcome("nobody.test.lab.example", 1), DnsOutcome::kCached);
    EXPECT_EQ(outcome("nobody.test.lab.example", 2), DnsOutcome::kAnswer);
    EXPECT_EQ(outcome("redis.test.corp.example", 2), DnsOutcome::kCached);
  }
}

// A view has an alias in the place of a name, which leads to nothing: its clients' lists lead to no
// name of ours, those of others do.
TEST_F(PipelineForwarding, WhatAViewHidesFromASearchListIsHiddenFromNoOtherClient) {
  const auto wire = [](std::string_view text) { return test::wire_name(text); };
  gateway_.spec().dns_policy.search.lists = {{wire("corp.example")}};
  const std::vector<PrefixValue> all{{parse_ip_prefix("192.0.2.0/24").value(), uint16_t{0}}};
  gateway_.spec().dns_policy.search.clients4 = PrefixValues<Ipv4Address>(all);
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  ASSERT_TRUE(builder.set_zones({{wire("test"), soa, 60}}).ok());
  ASSERT_TRUE(builder.add({wire("redis.test"), DnsType::kCname, 30, wire("nothing.test")}).ok());
  auto views = std::make_shared<DnsViews>();
  const std::vector<PrefixValue> viewers{{parse_ip_prefix("192.0.2.5/32").value(), uint16_t{0}}};
  views->clients4 = PrefixValues<Ipv4Address>(viewers);
  views->tables = {builder.build().value()};
  gateway_.spec().dns_views = views;
  gateway_.publish();
  ASSERT_TRUE(gateway_.send(question("redis.test.corp.example", 5)).is_held());
  const AskedResolver asked = asked_once();
  answer(asked, asked.reply(kReply, 1, 0, a_record(300, "\1\2\3\4")));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(gateway_.send(question("redis.test.corp.example", 5)).verdict.dns,
              DnsOutcome::kCached);
    EXPECT_EQ(gateway_.send(question("redis.test.corp.example", 1)).verdict.dns,
              DnsOutcome::kAnswer);
  }
}

TEST_F(PipelineForwarding, WhoAsksTheSameMeanwhileGetsTheSameAnswer) {
  for (unsigned client = 1; client <= 10; ++client) {
    ASSERT_TRUE(gateway_.send(question("www.example.org", client)).is_held());
  }
  const AskedResolver asked = asked_once();
  EXPECT_EQ(gateway_.count(Event::kDnsCoalesced), 9u);
  const auto settled = answer(asked, asked.reply(kReply, 1, 0, a_record(0, "\1\2\3\4")));
  ASSERT_EQ(settled.size(), 10u) << "also of a TTL of 0";
  for (unsigned i = 0; i < 10; ++i) {
    EXPECT_EQ(answer_in(settled[i]).id, 101 + i);
    EXPECT_EQ(datagram_of(settled[i].frame, 14).destination_port, 4001 + i);
  }
  gateway_.pass_seconds(1.1);
  EXPECT_TRUE(gateway_.send(question("www.example.org")).is_held()) << "which is not kept";
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, QuestionsThatDifferInTypeOrDnssecAreAskedEachForItself) {
  gateway_.send(question("www.example.org", 1, 1));
  gateway_.send(question("www.example.org", 2, 28));
  gateway_.send(question("www.example.org", 3, 1, 0x0100, dns_opt(1232, 0x8000)));
  gateway_.send(question("www.example.org", 4, 1, 0x0110));
  const auto asked = take_asked();
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[2].message.opt->ttl, 0x8000u);
  EXPECT_EQ(asked[3].message.flags, 0x0130u) << "CD goes along";
  const auto settled =
      answer(asked[2], asked[2].reply(kReply | 0x0020, 1, 0, a_record(60, "\1\2\3\4")));
  ASSERT_EQ(settled.size(), 1u);
  const ParsedMessage message = answer_in(settled[0]);
  EXPECT_EQ(message.flags, 0x81a0u) << "AD for who has asked for it";
  ASSERT_TRUE(message.opt);
  EXPECT_EQ(message.opt->ttl, 0x8000u);
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, NameThatDoesNotExistIsKeptForAsLongAsItsSoaSays) {
  ASSERT_TRUE(gateway_.send(question("nobody.example.org")).is_held());
  const AskedResolver asked = asked_once();
  const auto settled = answer(asked, asked.reply(kReply | 3, 0, 1, soa_record(300, 40)));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).rcode(), 3u);
  gateway_.pass_seconds(30);
  const Outcome out = gateway_.send(question("nobody.example.org"));
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached);
  const ParsedMessage message = answer_in(out);
  EXPECT_EQ(message.rcode(), 3u);
  ASSERT_EQ(message.authorities.size(), 1u);
  EXPECT_EQ(message.authorities[0].ttl, 10u);
  gateway_.pass_seconds(10.5);
  EXPECT_TRUE(gateway_.send(question("nobody.example.org")).is_held());
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, OwnNamesAndWhatStaysHereAreNeverForwarded) {
  EXPECT_EQ(gateway_.send(question("redis.test")).verdict.dns, DnsOutcome::kAnswer);
  EXPECT_EQ(gateway_.send(question("nobody.test")).verdict.dns, DnsOutcome::kNxdomain);
  for (const char* name : {"localhost", "a.localhost"}) {
    EXPECT_EQ(gateway_.send(question(name)).verdict.dns, DnsOutcome::kAnswer) << name;
  }
  for (const char* name : {"x.invalid", "a.b.onion"}) {
    EXPECT_EQ(gateway_.send(question(name)).verdict.dns, DnsOutcome::kNxdomain) << name;
  }
  EXPECT_EQ(gateway_.send(question("www.example.org", 1, 41)).verdict.dns, DnsOutcome::kRefused);
  EXPECT_EQ(gateway_.send(question("www.example.org", 1, 1, 0)).verdict.dns, DnsOutcome::kRefused)
      << "without RD";
  EXPECT_TRUE(take_asked().empty());
  EXPECT_TRUE(gateway_.send(question("notlocalhost")).is_held());
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, RecursionIsAvailableToClientsWhoMayAndToNoOther) {
  EXPECT_EQ(answer_in(gateway_.send(question("redis.test"))).flags, 0x8580u);
  const auto ask = [&](std::string_view name) {
    const std::string text = test::dns_query(name, 1);
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0).ipv4("198.51.100.7", "10.9.0.53").udp(4000, 53);
    return gateway_.send(packet.payload(Bytes(text.begin(), text.end())));
  };
  EXPECT_EQ(answer_in(ask("redis.test")).flags, 0x8500u);
  const Outcome refused = ask("www.example.org");
  EXPECT_EQ(refused.verdict.dns, DnsOutcome::kRefused);
  EXPECT_EQ(answer_in(refused).flags, 0x8105u);
}

TEST_F(PipelineForwarding, AnswerFromElsewhereOrToAnotherQuestionIsDropped) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver asked = asked_once();
  const std::string good = asked.reply(kReply, 1, 0, a_record(300, "\6\6\6\6"));
  const auto is_dropped = [&](const AskedResolver& from, const std::string& reply) {
    return gateway_.send(from.packet(reply), 1).is_drop(DropReason::kDnsUnexpectedAnswer);
  };
  AskedResolver forged = asked;
  forged.datagram.destination = ip("10.1.0.54");
  EXPECT_TRUE(is_dropped(forged, good)) << "another resolver";
  forged = asked;
  forged.datagram.destination_port = 54;
  EXPECT_TRUE(is_dropped(forged, good)) << "another port of it";
  forged = asked;
  forged.datagram.source_port ^= 1;
  EXPECT_TRUE(is_dropped(forged, good)) << "another port of ours";
  forged = asked;
  forged.message.id ^= 1;
  EXPECT_TRUE(is_dropped(asked, forged.reply(kReply, 1, 0, a_record(300, "\6\6\6\6"))));
  forged = asked;
  forged.message.question[1] ^= 0x20;
  EXPECT_TRUE(is_dropped(asked, forged.reply(kReply, 1, 0, a_record(300, "\6\6\6\6"))))
      << "the case of a letter";
  EXPECT_TRUE(is_dropped(asked, good.substr(0, 11)));
  EXPECT_TRUE(gateway_.send(asked.packet(good.substr(0, good.size() - 20)), 1)
                  .is_drop(DropReason::kDnsBadAnswer));
  PacketBuilder wrong = asked.packet(good);
  Bytes frame = wrong.build();
  frame.back() ^= 1;
  EXPECT_TRUE(gateway_.send(frame, 1).is_drop(DropReason::kBadUdpChecksum));
  EXPECT_EQ(gateway_.held(), 1u) << "the right one may still come";
  EXPECT_EQ(answer(asked, good).size(), 1u);
  EXPECT_TRUE(is_dropped(asked, good)) << "it has come";
}

TEST_F(PipelineForwarding, IdsPortsAndCaseDifferFromQuestionToQuestion) {
  std::set<unsigned> ids, ports;
  std::set<std::string> cases;
  for (unsigned i = 0; i < 16; ++i) {
    gateway_.send(question("abcdefghijklmnop" + std::to_string(i) + ".org", 1 + i));
    const AskedResolver asked = asked_once();
    ids.insert(asked.message.id);
    ports.insert(asked.datagram.source_port);
    cases.insert(asked.message.question.substr(1, 16));
  }
  EXPECT_GE(ids.size(), 15u);
  EXPECT_GE(ports.size(), 14u);
  EXPECT_GE(cases.size(), 15u);
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, SecondResolverIsAskedWhenTheFirstIsSlowAndEitherMayAnswer) {
  for (const bool first_answers : {true, false}) {
    const std::string name = first_answers ? "one.example" : "two.example";
    ASSERT_TRUE(gateway_.send(question(name)).is_held());
    const AskedResolver first = asked_once();
    gateway_.pass_seconds(0.1);
    EXPECT_TRUE(take_asked().empty());
    gateway_.pass_seconds(0.15);
    const AskedResolver second = asked_once();
    EXPECT_EQ(to_string(second.datagram.destination), "10.1.0.54");
    EXPECT_EQ(second.message.question, first.message.question);
    const AskedResolver& chosen = first_answers ? first : second;
    const auto settled = answer(chosen, chosen.reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
    ASSERT_EQ(settled.size(), 1u);
    EXPECT_EQ(answer_in(settled[0]).answers.size(), 1u);
  }
}

TEST_F(PipelineForwarding, ResolverThatCannotTellIsFollowedByTheNextAtOnce) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver first = asked_once();
  EXPECT_TRUE(answer(first, first.reply(kReply | 5, 0, 0, "")).empty());
  const AskedResolver second = asked_once();
  EXPECT_EQ(to_string(second.datagram.destination), "10.1.0.54");
  EXPECT_EQ(gateway_.count(Event::kDnsRefusals), 1u);
  const auto settled = answer(second, second.reply(kReply | 2, 0, 0, ""));
  ASSERT_EQ(settled.size(), 1u) << "nobody is left";
  EXPECT_EQ(answer_in(settled[0]).rcode(), 2u);
  EXPECT_EQ(gateway_.send(question("www.example.org")).verdict.dns, DnsOutcome::kServfail)
      << "which is known for some seconds";
  gateway_.pass_seconds(5.1);
  EXPECT_TRUE(gateway_.send(question("www.example.org")).is_held());
  gateway_.pass_seconds(2);
}

// RFC 6891 7.
TEST_F(PipelineForwarding, ResolverThatKnowsNothingOfEdnsIsAskedOnceMoreWithoutAndThenAtOnce) {
  const auto ask = [&](std::string_view name) {
    EXPECT_TRUE(gateway_.send(question(name, 1, 1, 0x0100, dns_opt(1232))).is_held());
    return asked_once();
  };
  const AskedResolver first = ask("www.example.org");
  EXPECT_TRUE(first.message.opt);
  EXPECT_TRUE(answer(first, first.plain_refusal(1)).empty());
  const AskedResolver plain = asked_once();
  EXPECT_FALSE(plain.message.opt);
  EXPECT_EQ(plain.datagram.destination, first.datagram.destination);
  EXPECT_NE(plain.message.id, first.message.id);
  EXPECT_EQ(plain.message.question, first.message.question);
  EXPECT_TRUE(gateway_.send(first.packet(first.plain_refusal(1)), 1)
                  .is_drop(DropReason::kDnsUnexpectedAnswer))
      << "once";
  const auto settled = answer(plain, plain.reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).answers.size(), 1u);
  EXPECT_TRUE(answer_in(settled[0]).opt) << "the client's own matter";
  EXPECT_EQ(gateway_.count(Event::kDnsRefusals), 0u);
  // From now on at once, and it may refuse that for other reasons.
  const AskedResolver second = ask("ftp.example.org");
  EXPECT_FALSE(second.message.opt);
  EXPECT_EQ(second.datagram.destination, first.datagram.destination);
  EXPECT_TRUE(answer(second, second.plain_refusal(4)).empty());
  const AskedResolver next = asked_once();
  EXPECT_TRUE(next.message.opt);
  EXPECT_NE(next.datagram.destination, first.datagram.destination);
  answer(next, next.reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
  EXPECT_EQ(gateway_.count(Event::kDnsAskedWithoutEdns), 1u);
  EXPECT_EQ(gateway_.count(Event::kDnsAsked), 4u);
  EXPECT_EQ(gateway_.count(Event::kDnsRefusals), 1u);
  gateway_.pass_seconds(601);
  EXPECT_TRUE(ask("later.example.org").message.opt) << "it may have been renewed";
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, ResolverThatRefusesWithoutEdnsTooIsFollowedByTheNext) {
  for (unsigned i = 0; i < 2; ++i) {
    ASSERT_TRUE(gateway_.send(question("n" + std::to_string(i) + ".example")).is_held());
    for (unsigned resolver = 0; resolver < 2; ++resolver) {
      const AskedResolver asked = asked_once();
      EXPECT_TRUE(asked.message.opt) << "nothing is remembered of those who refuse all";
      EXPECT_TRUE(answer(asked, asked.plain_refusal(4)).empty());
      const AskedResolver plain = asked_once();
      EXPECT_FALSE(plain.message.opt);
      EXPECT_EQ(answer(plain, plain.plain_refusal(4)).size(), resolver);
    }
    EXPECT_TRUE(take_asked().empty());
  }
  EXPECT_EQ(gateway_.count(Event::kDnsAskedWithoutEdns), 4u);
}

// RFC 6891 7: who knows nothing of EDNS sends no OPT record.
TEST_F(PipelineForwarding, ResolverThatRefusesByEdnsIsNotAskedWithoutButFollowedByTheNext) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver first = asked_once();
  EXPECT_TRUE(answer(first, first.reply(kReply | 1, 0, 0, "")).empty());
  const AskedResolver next = asked_once();
  EXPECT_TRUE(next.message.opt);
  EXPECT_NE(next.datagram.destination, first.datagram.destination);
  EXPECT_EQ(answer(next, next.reply(kReply, 1, 0, a_record(60, "\1\2\3\4"))).size(), 1u);
  EXPECT_EQ(gateway_.count(Event::kDnsAskedWithoutEdns), 0u);
  EXPECT_EQ(gateway_.count(Event::kDnsRefusals), 1u);
}

TEST_F(PipelineForwarding, ResolverIsTriedWithEdnsAfterTenMinutesHoweverMuchItIsAskedMeanwhile) {
  ASSERT_TRUE(gateway_.send(question("first.example.org")).is_held());
  const AskedResolver first = asked_once();
  EXPECT_TRUE(answer(first, first.plain_refusal(1)).empty());
  const AskedResolver plain = asked_once();
  EXPECT_EQ(answer(plain, plain.reply(kReply, 1, 0, a_record(60, "\1\2\3\4"))).size(), 1u);
  for (unsigned i = 0; i < 6; ++i) {
    ASSERT_TRUE(gateway_.send(question("n" + std::to_string(i) + ".example.org")).is_held());
    const AskedResolver asked = asked_once();
    EXPECT_FALSE(asked.message.opt) << i;
    answer(asked, asked.reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
    gateway_.pass_seconds(99);
  }
  gateway_.pass_seconds(7);
  ASSERT_TRUE(gateway_.send(question("last.example.org")).is_held());
  EXPECT_TRUE(asked_once().message.opt);
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, AnswerOfOtherNamesAloneIsNotToldAndTheNextResolverIsAsked) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver first = asked_once();
  const std::string others = a_record(300, "\6\6\6\6", test::wire_name("bank.example"));
  EXPECT_TRUE(answer(first, first.reply(kReply, 1, 0, others)).empty());
  EXPECT_EQ(gateway_.count(Event::kDnsRefusals), 1u);
  const AskedResolver second = asked_once();
  const auto settled = answer(second, second.reply(kReply, 1, 0, others));
  ASSERT_EQ(settled.size(), 1u) << "nobody is left";
  EXPECT_EQ(settled[0].verdict.dns, DnsOutcome::kServfail);
  EXPECT_TRUE(answer_in(settled[0]).answers.empty());
}

TEST_F(PipelineForwarding, QuestionThatNobodyAnswersFailsWhenItsTimeIsOver) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  gateway_.pass_seconds(0.9);
  EXPECT_TRUE(gateway_.take_settled().empty());
  gateway_.pass_seconds(0.15);
  const auto settled = gateway_.take_settled();
  ASSERT_EQ(settled.size(), 1u);
  const ParsedMessage message = answer_in(settled[0]);
  EXPECT_EQ(message.flags, 0x8182u);
  EXPECT_EQ(gateway_.count(Event::kDnsTimeouts), 1u);
  EXPECT_EQ(take_asked().size(), 2u);
}

TEST_F(PipelineForwarding, ResolverThatIsSilentIsLeftOutUntilItAnswersAgain) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(gateway_.send(question("n" + std::to_string(i) + ".example")).is_held());
    const AskedResolver first = asked_once();
    EXPECT_EQ(to_string(first.datagram.destination), "10.1.0.53") << i;
    gateway_.pass_seconds(0.25);
    const AskedResolver second = asked_once();
    answer(second, second.reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
  }
  ASSERT_TRUE(gateway_.send(question("n3.example")).is_held());
  const AskedResolver second = asked_once();
  EXPECT_EQ(to_string(second.datagram.destination), "10.1.0.54");
  answer(second, second.reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
  gateway_.pass_seconds(1.1);
  ASSERT_TRUE(gateway_.send(question("n4.example", 1)).is_held());
  ASSERT_TRUE(gateway_.send(question("n5.example", 2)).is_held());
  const auto asked = take_asked();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(to_string(asked[0].datagram.destination), "10.1.0.53") << "one question tries it";
  EXPECT_EQ(to_string(asked[1].datagram.destination), "10.1.0.54");
  answer(asked[0], asked[0].reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
  answer(asked[1], asked[1].reply(kReply, 1, 0, a_record(60, "\1\2\3\4")));
  ASSERT_TRUE(gateway_.send(question("n6.example")).is_held());
  EXPECT_EQ(to_string(asked_once().datagram.destination), "10.1.0.53");
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, ResolverThatIsLeftOutIsNotAskedEvenWhenTheOtherIsSilent) {
  auto& resolvers = gateway_.spec().dns_policy.forwarding.zones.back().resolvers;
  resolvers[0].is_left_out = true;
  gateway_.publish();
  ASSERT_TRUE(gateway_.send(question("n1.example")).is_held());
  EXPECT_EQ(to_string(asked_once().datagram.destination), "10.1.0.54");
  gateway_.pass_seconds(0.5);
  EXPECT_TRUE(take_asked().empty());
  gateway_.pass_seconds(1);
  EXPECT_EQ(gateway_.take_settled().size(), 1u) << "SERVFAIL";
  resolvers[0].is_left_out = false;
  gateway_.publish();
  ASSERT_TRUE(gateway_.send(question("n2.example")).is_held());
  EXPECT_EQ(to_string(asked_once().datagram.destination), "10.1.0.53");
  gateway_.pass_seconds(2);
  take_asked();
}

TEST_F(PipelineForwarding, WithoutAWayToAnyResolverTheQuestionFailsAtOnce) {
  for (DnsForwardZone& zone : gateway_.spec().dns_policy.forwarding.zones) {
    for (DnsResolver& resolver : zone.resolvers) resolver.is_resolved = false;
  }
  gateway_.publish();
  const Outcome out = gateway_.send(question("www.example.org"));
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kServfail) << to_string(out);
  EXPECT_EQ(answer_in(out).rcode(), 2u);
}

TEST_F(PipelineForwarding, WhatIsPastItsTimeIsToldWhenNobodyAnswersIfThatIsWanted) {
  gateway_.spec().dns_policy.forwarding.stale_s = 1000;
  gateway_.publish();
  learn("www.example.org", 10);
  gateway_.pass_seconds(20);
  ASSERT_TRUE(gateway_.send(question("www.example.org", 2)).is_held()) << "a resolver is asked";
  gateway_.pass_seconds(1.1);
  const auto settled = gateway_.take_settled();
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(settled[0].verdict.dns, DnsOutcome::kStale);
  ASSERT_EQ(answer_in(settled[0]).answers.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).answers[0].ttl, 30u);
  take_asked();
  EXPECT_EQ(gateway_.send(question("www.example.org", 3)).verdict.dns, DnsOutcome::kStale);
  EXPECT_TRUE(take_asked().empty()) << "nobody is asked again for 30 s";
  gateway_.pass_seconds(31);
  EXPECT_TRUE(gateway_.send(question("www.example.org", 4)).is_held());
  const AskedResolver asked = asked_once();
  answer(asked, asked.reply(kReply, 1, 0, a_record(10, "\1\2\3\5")));
  const Outcome out = gateway_.send(question("www.example.org", 5));
  EXPECT_EQ(out.verdict.dns, DnsOutcome::kCached);
  EXPECT_EQ(answer_in(out).answers[0].rdata, "\1\2\3\5");
}

TEST_F(PipelineForwarding, TruncationOfTheResolverIsPassedOnAndNotKept) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver asked = asked_once();
  const auto settled = answer(asked, asked.reply(kReply | 0x0200, 0, 0, ""));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(answer_in(settled[0]).flags, 0x8380u);
  gateway_.pass_seconds(1.1);
  EXPECT_TRUE(gateway_.send(question("www.example.org")).is_held());
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, AnswerThatIsTooLongForTheClientIsTruncatedForItAlone) {
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver asked = asked_once();
  std::string records;
  for (char i = 0; i < 60; ++i) records += a_record(60, std::string("\1\2\3") + i);
  const auto settled = answer(asked, asked.reply(kReply, 60, 0, records));
  ASSERT_EQ(settled.size(), 1u);
  const ParsedMessage message = answer_in(settled[0]);
  EXPECT_TRUE(message.tc());
  EXPECT_TRUE(message.answers.empty());
  const Outcome whole = gateway_.send(question("www.example.org", 2, 1, 0x0100, dns_opt(1232)));
  EXPECT_EQ(answer_in(whole).answers.size(), 60u);
  EXPECT_FALSE(answer_in(whole).tc());
}

TEST_F(PipelineForwarding, WhatResolversSayIsLimitedAsOwnAnswersAre) {
  DnsRateRules rules;
  rules.responses_per_s = 10;
  rules.errors_per_s = 5;
  rules.slip = 4;
  gateway_.spec().dns_policy.rate_limit = DnsRateLimit(rules);
  gateway_.publish();
  struct Counts {
    unsigned answered = 0, truncated = 0, dropped = 0;
    bool operator==(const Counts&) const = default;
  };
  const auto count = [](const Outcome& out, Counts& counts) {
    if (out.is_drop(DropReason::kDnsRateLimited)) {
      ++counts.dropped;
    } else if (out.verdict.dns == DnsOutcome::kSlipped) {
      ++counts.truncated;
      EXPECT_EQ(answer_in(out).flags, 0x8380u) << "TC, and no AA: it is another's name";
    } else {
      ++counts.answered;
    }
  };
  // Out of the cache: by the name.
  learn("a.example", 300);
  learn("b.example", 300);
  for (const char* name : {"a.example", "b.example"}) {
    Counts counts;
    for (int i = 0; i < 30; ++i) count(gateway_.send(question(name)), counts);
    EXPECT_EQ(counts, (Counts{10, 5, 15})) << name;
  }
  gateway_.pass_seconds(2);
  // Asked for just now, whatever the name: all together.
  Counts made_up, absent;
  for (unsigned i = 0; i < 30; ++i) {
    ASSERT_TRUE(gateway_.send(question("n" + std::to_string(i) + ".example")).is_held());
    const AskedResolver asked = asked_once();
    count(answer(asked, asked.reply(kReply, 1, 0, a_record(60, "\1\2\3\4"))).at(0), made_up);
  }
  EXPECT_EQ(made_up, (Counts{10, 5, 15}));
  for (unsigned i = 0; i < 25; ++i) {
    ASSERT_TRUE(gateway_.send(question("x" + std::to_string(i) + ".example")).is_held());
    const AskedResolver asked = asked_once();
    count(answer(asked, asked.reply(kReply | 3, 0, 1, soa_record(60, 40))).at(0), absent);
  }
  EXPECT_EQ(absent, (Counts{5, 5, 15})) << "no such name";
}

TEST_F(PipelineForwarding, AnswerOfOthersIsNotLongerThanAmplificationAllows) {
  gateway_.spec().dns_policy.max_amplification = 2;
  gateway_.publish();
  ASSERT_TRUE(gateway_.send(question("www.example.org")).is_held());
  const AskedResolver asked = asked_once();
  std::string records;
  for (char i = 0; i < 9; ++i) records += a_record(60, std::string("\1\2\3") + i);
  const auto settled = answer(asked, asked.reply(kReply, 9, 0, records));
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(settled[0].verdict.dns, DnsOutcome::kAmplification);
  EXPECT_EQ(answer_in(settled[0]).flags, 0x8380u);
}

TEST_F(PipelineForwarding, ClientsBeyondTheirLimitAreRefusedAndOthersAreNot) {
  for (unsigned i = 0; i < 16; ++i) {
    ASSERT_TRUE(gateway_.send(question("n" + std::to_string(i) + ".example")).is_held());
  }
  EXPECT_EQ(gateway_.send(question("n16.example")).verdict.dns, DnsOutcome::kRefused);
  EXPECT_EQ(gateway_.count(Event::kDnsOverLimit), 1u);
  for (unsigned i = 0; i < 16; ++i) {
    ASSERT_TRUE(gateway_.send(question("m" + std::to_string(i) + ".example", 2)).is_held());
  }
  EXPECT_EQ(gateway_.send(question("other.example", 3)).verdict.dns, DnsOutcome::kRefused)
      << "no place is left for anybody";
  gateway_.pass_seconds(1.5);
  EXPECT_EQ(gateway_.held(), 0u);
  EXPECT_TRUE(gateway_.send(question("other.example", 1)).is_held());
  gateway_.pass_seconds(2);
}

TEST_F(PipelineForwarding, ZoneOfItsOwnIsAskedOfItsResolverOverIpv6) {
  const std::string text = test::dns_query("a.V6.example", 28);
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0).ipv6("2001:db8::7", "fd09::53").udp(4000, 53);
  ASSERT_TRUE(gateway_.send(packet.payload(Bytes(text.begin(), text.end()))).is_held());
  const AskedResolver asked = asked_once();
  EXPECT_EQ(to_string(asked.datagram.destination), "fd01::53");
  EXPECT_EQ(to_string(asked.datagram.source), "fd08::53");
  EXPECT_EQ(answer(asked, asked.reply(kReply, 1, 0, a_record(60, "\1\2\3\4"))).size(), 1u);
}

TEST_F(PipelineForwarding, WhatElseComesToASourceOfQuestionsIsDropped) {
  PacketBuilder tcp;
  tcp.eth(kRealMac, kGatewayMac1).vlan(kRealVlan).ipv4("10.1.0.53", "10.8.0.53");
  EXPECT_TRUE(gateway_.send(tcp.tcp(53, 20'000), 1).is_drop(DropReason::kPortNotServed));
}

TEST(PipelineForwardingWorkers, AnswerFindsTheWorkerThatHasAsked) {
  FakeGateway gateway(forwarding_spec(), {.workers = 4});
  for (unsigned i = 0; i < 40; ++i) {
    const std::string text = test::dns_query("n" + std::to_string(i) + ".example", 1);
    PacketBuilder packet;
    packet.eth(kClientMac, kGatewayMac0).ipv4("192.0.2." + std::to_string(i), "10.9.0.53");
    packet.udp(4000, 53).payload(Bytes(text.begin(), text.end()));
    ASSERT_TRUE(gateway.send(packet, 0, i % 4).is_held());
    const auto made = gateway.take_made();
    ASSERT_EQ(made.size(), 1u);
    const Datagram datagram = datagram_of(made[0].frame, 18);
    const AskedResolver asked{datagram, DnsMessageParser(datagram.payload).parse().value()};
    const Outcome out =
        gateway.send(asked.packet(asked.reply(kReply, 1, 0, a_record(60, "\1\2\3\4"))), 1, i % 3);
    EXPECT_EQ(out.verdict.dns, DnsOutcome::kResolverAnswer) << to_string(out);
    EXPECT_EQ(out.worker, i % 4);
    EXPECT_EQ(gateway.take_settled().size(), 1u);
  }
  gateway.check_counters();
}

}  // namespace
}  // namespace vipgate::test::pipeline_forwarding_test
