// What the kernel's side answers over UDP, and that it lends itself to no amplification.
#include "dataplane/dns_datagram.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "common/snapshot_builder.h"
#include "tests/support/address_text.h"
#include "tests/support/dns_fixture.h"

namespace vipgate::dns_datagram_test {
namespace {

using namespace test;

class DnsDatagram : public ::testing::Test {
 protected:
  // The reply; "": none.
  std::string ask(const std::string& query, uint16_t port = 40000) const {
    std::vector<uint8_t> message(UINT16_MAX);
    std::memcpy(message.data(), query.data(), query.size());
    const uint16_t length = dns_answer_datagram(test_context(*table_, policy_),
                                                {.message = message.data(),
                                                 .length = static_cast<uint16_t>(query.size()),
                                                 .capacity = UINT16_MAX,
                                                 .source_port = Be16(port),
                                                 .client = kTestClient,
                                                 .client_length = sizeof kTestClient},
                                                0);
    return {reinterpret_cast<const char*>(message.data()), length};
  }
  ParsedMessage reply(const std::string& query) const {
    const auto parsed = parse_dns(ask(query));
    EXPECT_TRUE(parsed);
    return parsed.value_or(ParsedMessage{});
  }
  static std::string with_options(const char* name, const std::string& options, unsigned type = 1) {
    return dns_header(0x0100, 1, 0, 0, 1) + dns_question(wire_name(name), type) +
           dns_opt(1232, 0, options);
  }
  static std::string padded(const char* name, size_t octets, unsigned type = 1) {
    const std::string bare = with_options(name, dns_option(12, ""), type);
    return with_options(name, dns_option(12, std::string(octets - bare.size(), '\0')), type);
  }

  std::shared_ptr<const DnsTable> table_ = make_test_table();
  DnsPolicy policy_;
};

TEST_F(DnsDatagram, LongQuestionsGetTheAnswerOfThePacketPath) {
  for (const char* name : {"leader.mesos", "app5.mesos", "nope.mesos", "forty.mesos"}) {
    const std::string query = padded(name, 4096);
    EXPECT_EQ(ask(query), respond(*table_, query, 0, 40000, 0).octets) << name;
  }
  EXPECT_EQ(reply(padded("forty.mesos", 4096)).answers.size(), 40u);
}

TEST_F(DnsDatagram, NoAnswerIsLongerThanThePacketPathMayGive) {
  const ParsedMessage many = reply(padded("many.mesos", 4096));
  EXPECT_TRUE(many.tc());
  EXPECT_TRUE(many.answers.empty());
}

TEST_F(DnsDatagram, NoReplyIsLongerThanItsQuestion) {
  for (const std::string& query :
       {dns_query("leader.mesos", 1), dns_query("nope.mesos", 1), dns_query("_web._tcp.mesos", 33),
        dns_query("example.test", 1), dns_query("mesos", 252), dns_header(0x0100, 0),
        with_options("leader.mesos", ""), with_options("example.test", ""),
        padded("forty.mesos", 300)}) {
    const std::string octets = ask(query);
    EXPECT_FALSE(octets.empty());
    EXPECT_LE(octets.size(), query.size());
  }
  const ParsedMessage truncated = reply(dns_query("leader.mesos", 1));
  EXPECT_TRUE(truncated.tc() && truncated.aa());
  EXPECT_TRUE(truncated.answers.empty());
  EXPECT_EQ(reply(padded("leader.mesos", 200)).answers.size(), 1u);
}

TEST_F(DnsDatagram, ACookieOfOursLiftsTheBound) {
  policy_.cookie_secrets = {SipKey{}};
  policy_.nsid = std::string(100, 'n');
  const std::string client(8, 'c');
  const std::string first =
      with_options("leader.mesos", dns_option(10, client) + dns_option(3, ""));
  const ParsedMessage truncated = reply(first);
  EXPECT_TRUE(truncated.tc());
  ASSERT_TRUE(truncated.opt);
  const std::string& options = truncated.opt->rdata;
  ASSERT_EQ(options.size(), 28u) << "a cookie, without which the client would not believe it";
  const std::string query = with_options("leader.mesos", options);
  const ParsedMessage answer = reply(query);
  EXPECT_FALSE(answer.tc());
  EXPECT_EQ(answer.answers.size(), 1u);
}

TEST_F(DnsDatagram, WhatOthersKnowIsAskedForByTcp) {
  const IpPrefix clients[] = {parse_ip_prefix("192.0.2.0/24").value()};
  policy_.forwarding.is_on = true;
  policy_.forwarding.clients = PrefixSet(clients);
  policy_.forwarding.zones = {{std::string(1, '\0'), {DnsResolver{}}}};
  ASSERT_TRUE(policy_.forwarding.serves(kTestClient, sizeof kTestClient));
  for (const char* name : {"www.example.org", "out.mesos"}) {
    const ParsedMessage answer = reply(padded(name, 4096));
    EXPECT_TRUE(answer.tc() && answer.answers.empty()) << name;
    EXPECT_FALSE(answer.aa());
    EXPECT_EQ(answer.rcode(), 0u);
  }
}

TEST_F(DnsDatagram, SaysNothingToWhatIsNoQueryAndToPortsThatWouldAnswer) {
  EXPECT_EQ(ask("short"), "");
  std::string response = dns_query("leader.mesos", 1);
  response[2] = static_cast<char>(response[2] | 0x80);
  EXPECT_EQ(ask(response), "");
  EXPECT_EQ(ask(padded("leader.mesos", 1000), 0), "");
  EXPECT_EQ(ask(padded("leader.mesos", 1000), 19), "");
  EXPECT_NE(ask(padded("leader.mesos", 1000), 53), "");
}

TEST_F(DnsDatagram, ServicePortsOfOurAddressesAreToldFromThoseOfClients) {
  SnapshotSpec spec;
  for (const char* vip : {"11.0.0.1", "fd01::1"}) {
    ServiceSpec& service = spec.services.emplace_back();
    service.index = static_cast<uint32_t>(spec.services.size() - 1);
    service.flow_id = service.index + 1;
    service.vip = ip(vip);
    service.port = 53;
  }
  spec.service_slots = 2;
  const auto snapshot = SnapshotBuilder().build(spec);
  for (const char* vip : {"11.0.0.1", "fd01::1"}) {
    EXPECT_TRUE(dns_claims_our_service(*snapshot, {ip(vip), 53})) << vip;
    EXPECT_TRUE(dns_claims_our_service(*snapshot, {ip(vip), 1023})) << vip;
    EXPECT_FALSE(dns_claims_our_service(*snapshot, {ip(vip), 1024})) << vip;
  }
  for (const char* client : {"11.0.0.2", "fd01::2"}) {
    EXPECT_FALSE(dns_claims_our_service(*snapshot, {ip(client), 53})) << client;
  }
}

}  // namespace
}  // namespace vipgate::dns_datagram_test
