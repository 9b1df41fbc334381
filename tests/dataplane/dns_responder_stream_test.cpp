// What is different for messages of a TCP stream (RFC 7766).
#include <gtest/gtest.h>

#include "tests/support/dns_fixture.h"

namespace vipgate::dns_responder_stream_test {
namespace {

using namespace test;

class DnsResponderStream : public ::testing::Test {
 protected:
  std::shared_ptr<const DnsTable> table_ = make_test_table();
};

TEST_F(DnsResponderStream, AnswersWholeWhatUdpTruncates) {
  for (const char* name : {"forty.mesos", "many.mesos"}) {
    const size_t records = name == std::string("many.mesos") ? 120 : 40;
    ASSERT_EQ(respond(*table_, dns_query(name, 1)).verdict, DnsVerdict::kTruncated);
    for (const std::string& opt : {std::string(), dns_opt(512)}) {
      const std::string query =
          dns_header(0x0100, 1, 0, 0, opt.empty() ? 0 : 1) + dns_question(wire_name(name), 1) + opt;
      const Response response = respond_over_tcp(*table_, query);
      EXPECT_EQ(response.verdict, DnsVerdict::kAnswer) << name;
      const auto reply = parse_dns(response.octets);
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->answers.size(), records) << "whatever size EDNS tells";
      EXPECT_EQ(reply->opt.has_value(), !opt.empty());
    }
  }
}

TEST_F(DnsResponderStream, AnswersShortOnesAsOverUdp) {
  for (const char* name : {"leader.mesos", "_web._tcp.mesos", "nope.mesos", "example.test"}) {
    for (const unsigned type : {1u, 33u, 6u}) {
      const std::string query = dns_query(name, type);
      EXPECT_EQ(respond_over_tcp(*table_, query).octets, respond(*table_, query).octets) << name;
    }
  }
}

TEST_F(DnsResponderStream, RefusesZoneTransfers) {
  for (const unsigned type : {251u, 252u}) {
    EXPECT_EQ(respond_over_tcp(*table_, dns_query("mesos", type)).verdict, DnsVerdict::kRefused);
  }
  EXPECT_EQ(respond(*table_, dns_query("mesos", 252)).verdict, DnsVerdict::kNotimp)
      << "not defined over UDP (RFC 5936 4.2)";
}

// The second target's name lies beyond what a pointer of 14 bits reaches (RFC 1035 4.1.4).
TEST_F(DnsResponderStream, LeavesOutAddressesOfTargetsThatNoPointerReaches) {
  DnsTableBuilder builder(DnsHashSecret{});
  ASSERT_TRUE(builder.set_zones({{wire_name("mesos"), test_soa(), 60, false}}).ok());
  const auto add = [&](const std::string& name, DnsType type, const std::string& rdata) {
    ASSERT_TRUE(builder.add({wire_name(name), type, 60, rdata}).ok());
  };
  const std::string first = std::string(40, 'a') + ".mesos",
                    second = std::string(40, 'b') + ".mesos";
  constexpr unsigned kRecords = 300;
  for (unsigned port = 1; port <= 2 * kRecords; ++port) {
    add("_big._tcp.mesos", DnsType::kSrv,
        be16(0) + be16(1) + be16(port) + wire_name(port <= kRecords ? first : second));
  }
  for (const std::string& target : {first, second}) add(target, DnsType::kA, ipv4(0x0b000001));
  const auto table = builder.build();
  ASSERT_TRUE(table.ok()) << table.error();
  const auto reply = parse_dns(respond_over_tcp(**table, dns_query("_big._tcp.mesos", 33)).octets);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->answers.size(), 2 * kRecords);
  ASSERT_EQ(reply->additionals.size(), 1u);
  EXPECT_EQ(reply->additionals[0].owner, first);
}

TEST_F(DnsResponderStream, SaysNothingToWhatIsNoQuery) {
  EXPECT_EQ(respond_over_tcp(*table_, "short").octets, "");
  std::string response = dns_query("leader.mesos", 1);
  response[2] = static_cast<char>(response[2] | 0x80);
  EXPECT_EQ(respond_over_tcp(*table_, response).octets, "");
}

TEST_F(DnsResponderStream, AnswersPortsThatUdpMayNotBeSentTo) {
  EXPECT_EQ(respond(*table_, dns_query("leader.mesos", 1), 0, 19).verdict,
            DnsVerdict::kDropSourcePort);
  EXPECT_EQ(respond_over_tcp(*table_, dns_query("leader.mesos", 1), 19).verdict,
            DnsVerdict::kAnswer);
}

}  // namespace
}  // namespace vipgate::dns_responder_stream_test
