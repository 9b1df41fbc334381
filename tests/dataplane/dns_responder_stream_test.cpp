// What is different for messages of a TCP stream (RFC 7766).
#include <gtest/gtest.h>

#include "tests/support/dns_fixture.h"

namespace vipgate {
namespace {

using namespace testing;

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
}  // namespace vipgate
