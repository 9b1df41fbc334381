// Cookies of a burst, which are checked four at a time: each query gets what it gets alone.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dataplane/fastpath/dns_options.h"
#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_burst_cookies_test {
namespace {

using namespace test;

const SipKey kNewer{{1, 2, 3}}, kOlder{{9, 9, 9}};

struct Asked {
  std::string message;
  std::array<uint8_t, 16> client;
  uint8_t client_length;
};

// A query with a cookie of any age, of any secret or of none, whole or not, or without one.
Asked ask(std::mt19937& random) {
  Asked asked{
      .message = "", .client = {}, .client_length = random() % 2 == 0 ? uint8_t{4} : uint8_t{16}};
  for (uint8_t& octet : asked.client) octet = static_cast<uint8_t>(random());
  const std::string_view name = random() % 4 == 0 ? "forty.mesos" : "leader.mesos";
  static constexpr uint32_t kAges[] = {0, 1799, 1801, 3599, 3601, 5000};
  DnsCookie cookie{1, 2, 3, 4, 5, 6, 7, static_cast<uint8_t>(random())};
  const SipKey secret = random() % 4 == 0 ? kOlder : kNewer;
  dns_make_cookie(secret, {asked.client.data(), asked.client_length},
                  kTestUnixS - kAges[random() % std::size(kAges)], cookie);
  if (random() % 4 == 0) cookie[random() % cookie.size()] ^= 4;
  std::string options;
  if (random() % 8 != 0) {
    const size_t length = random() % 8 == 0 ? kDnsClientCookie : kDnsWholeCookie;
    options = dns_option(kOptionCookie, std::string(cookie.begin(), cookie.begin() + length));
  }
  asked.message = dns_query(name, 1);
  asked.message[11] = 1;
  asked.message += dns_opt(1232, 0, options);
  return asked;
}

DnsQuery query_of(const Asked& asked, std::vector<uint8_t>& buffer) {
  std::copy(asked.message.begin(), asked.message.end(), buffer.begin());
  return {.message = buffer.data(),
          .length = static_cast<uint16_t>(asked.message.size()),
          .capacity = static_cast<uint16_t>(buffer.size()),
          .source_port = Be16(40000),
          .client = asked.client.data(),
          .client_length = asked.client_length};
}

TEST(DnsBurstCookies, GiveTheSameRepliesAsLoneQueries) {
  const auto table = make_test_table();
  std::mt19937 random(11);
  int good = 0, bounded = 0;
  std::set<std::string> replies;
  for (int round = 0; round < 300; ++round) {
    DnsPolicy policy;
    policy.cookie_secrets = {kNewer, kOlder};
    // So little that a long answer without a good cookie is truncated.
    policy.max_amplification = round % 2 == 0 ? 0 : 2;
    const DnsContext context = test_context(*table, policy);
    const size_t count = 1 + random() % 64;
    std::vector<Asked> asked;
    for (size_t i = 0; i < count; ++i) asked.push_back(ask(random));
    std::vector<std::vector<uint8_t>> buffers(count, std::vector<uint8_t>(2048));
    std::vector<DnsParsed> parsed(count);
    for (size_t i = 0; i < count; ++i) {
      dns_parse(context, query_of(asked[i], buffers[i]), parsed[i]);
    }
    dns_prefetch_all(context, parsed);
    for (size_t i = 0; i < count; ++i) {
      const DnsReply reply = dns_answer(context, parsed[i], 0);
      std::vector<uint8_t> buffer(2048);
      DnsParsed alone;
      dns_parse(context, query_of(asked[i], buffer), alone);
      dns_prefetch(context, alone);
      const DnsReply alone_reply = dns_answer(context, alone, 0);
      ASSERT_EQ(reply.verdict, alone_reply.verdict);
      ASSERT_EQ(reply.length, alone_reply.length);
      ASSERT_EQ(reply.sum, alone_reply.sum);
      ASSERT_TRUE(std::equal(buffer.begin(), buffer.begin() + reply.length, buffers[i].begin()));
      ASSERT_EQ(parsed[i].has_good_cookie, alone.has_good_cookie);
      ASSERT_EQ(parsed[i].limit, alone.limit);
      ASSERT_FALSE(parsed[i].has_open_cookie);
      good += alone.has_good_cookie;
      bounded += alone.is_bounded;
      replies.insert(std::string(buffer.begin(), buffer.begin() + reply.length));
    }
  }
  EXPECT_GT(good, 1000);
  EXPECT_GT(bounded, 1000);
  EXPECT_GT(replies.size(), 1000u);
}

}  // namespace
}  // namespace vipgate::dns_burst_cookies_test
