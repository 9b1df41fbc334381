// Queries whose names are not walked over: where a name ends follows from the message's length, and
// what that makes of messages that are made up otherwise.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "common/checksum.h"
#include "dataplane/fastpath/dns_options.h"
#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_usual_query_test {
namespace {

using namespace test;

const SipKey kSecret{{1, 2, 3}};

// A message in a buffer with room for a reply, in the hands of the responder.
class Exchange {
 public:
  explicit Exchange(std::string_view message, bool is_stream = false) : octets_(2048) {
    std::copy(message.begin(), message.end(), octets_.begin());
    dns_parse(context_,
              {.message = octets_.data(),
               .length = static_cast<uint16_t>(message.size()),
               .capacity = 2048,
               .source_port = Be16(40000),
               .client = kTestClient,
               .client_length = sizeof kTestClient,
               .is_stream = is_stream},
              parsed_);
    dns_check_cookies(context_, {&parsed_, 1});
  }
  DnsParsed& parsed() { return parsed_; }
  bool prove() { return dns_prove(context_, parsed_); }
  std::string answer() {
    dns_prefetch(context_, parsed_);
    const DnsReply reply = dns_answer(context_, parsed_, 0);
    return {reinterpret_cast<const char*>(octets_.data()), reply.length};
  }

 private:
  static const DnsTable& table() {
    static const auto made = make_test_table();
    return *made;
  }

  std::vector<uint8_t> octets_;
  const DnsPolicy policy_ = [] {
    DnsPolicy policy;
    policy.cookie_secrets = {kSecret};
    return policy;
  }();
  const DnsContext context_ = test_context(table(), policy_);
  DnsParsed parsed_;
};

// Behind the question stands what looks like the end of a longer one.
std::string ambiguous(std::string_view name, std::string_view between) {
  return dns_query(name, 1) + std::string(between) + std::string("\0\0\1\0\1", 5);
}

TEST(DnsUsualQuery, OctetsBehindTheQuestionAreNotTakenForMoreOfTheName) {
  const std::string plain = dns_query("leader.mesos", 1);
  ASSERT_TRUE(Exchange(plain).parsed().is_unproven) << "an own name";
  for (const std::string_view between : {"", "x", "\1", "abcdefgh"}) {
    const std::string message = ambiguous("leader.mesos", between);
    ASSERT_TRUE(Exchange(message).parsed().is_unproven);
    EXPECT_EQ(Exchange(message).answer(), Exchange(plain).answer());
  }
}

TEST(DnsUsualQuery, TheTagOfAnotherNameDoesNotMakeAWrongEndRight) {
  const auto table = make_test_table();
  const std::string expected = Exchange(dns_query("leader.mesos", 1)).answer();
  int met = 0;
  for (uint32_t i = 0; i < 2'000'000 && met < 3; ++i) {
    std::string between(4, '\0');
    std::memcpy(between.data(), &i, sizeof i);
    // The name as it seems to be: up to the last root octet.
    const std::string message = ambiguous("leader.mesos", between);
    const size_t length = message.size() - kDnsHeaderLength - 4;
    DnsFoldedName name{};
    dns_fold_name(reinterpret_cast<const uint8_t*>(message.data()) + kDnsHeaderLength, length,
                  name);
    if (table->candidate(table->hash(name, length)) == nullptr) continue;
    ++met;
    Exchange exchange(message);
    EXPECT_EQ(exchange.answer(), expected);
    EXPECT_TRUE(exchange.parsed().is_late);
  }
  EXPECT_EQ(met, 3);
}

// A COOKIE option: one that we gave, whose time may be over, or one that nobody gave.
std::string cookie_option(std::mt19937& random) {
  static constexpr int32_t kAges[] = {60, 2000, 4000, -100, -400};
  DnsCookie cookie{1, 2, 3, 4, 5, 6, 7, 8};
  const auto age = static_cast<uint32_t>(kAges[random() % std::size(kAges)]);
  dns_make_cookie(kSecret, {kTestClient, sizeof kTestClient}, kTestUnixS - age, cookie);
  if (random() % 4 == 0) cookie[random() % cookie.size()] ^= 1;
  return dns_option(kOptionCookie, std::string(cookie.begin(), cookie.end()));
}

TEST(DnsUsualQuery, ACookieAloneIsTakenAndCookiesAmongOthersAreWalkedOver) {
  std::mt19937 random(1);
  const auto ask = [](const std::string& options) {
    std::string message = dns_query("leader.mesos", 1) + dns_opt(1232, 0, options);
    message[11] = 1;
    return message;
  };
  const std::string cookie = cookie_option(random);
  EXPECT_TRUE(Exchange(ask(cookie)).parsed().is_unproven);
  EXPECT_FALSE(Exchange(ask(cookie + dns_option(kOptionNsid, ""))).parsed().is_unproven);
  EXPECT_FALSE(Exchange(ask(dns_option(kOptionNsid, "") + cookie)).parsed().is_unproven);
  EXPECT_FALSE(Exchange(ask(cookie) + "x").parsed().is_unproven);
}

TEST(DnsUsualQuery, IsReadAsOneThatIsWalkedOver) {
  static constexpr std::string_view kJunk[] = {{"\0", 1},       {"\0\0\1\0\1", 5}, {"\3www", 4},
                                               {"\xc0\x0c", 2}, {"A", 1},          {"\x3f", 1}};
  std::mt19937 random(5);
  int right = 0, wrong = 0, good = 0, not_good = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string_view name = i % 2 == 0 ? "Leader.mesos" : "_web._tcp.mesos";
    std::string message = dns_query(name, i % 3 == 0 ? 33 : 1);
    if (random() % 2 == 0) {
      message[11] = 1;
      message += dns_opt(static_cast<unsigned>(random() % 2000), random() % 2 == 0 ? 0x8000 : 0,
                         random() % 2 == 0 ? cookie_option(random) : "");
    }
    for (auto n = random() % 3; n != 0; --n) {
      const size_t at = kDnsHeaderLength + random() % (message.size() - kDnsHeaderLength);
      message.insert(at, kJunk[random() % std::size(kJunk)]);
    }
    Exchange usual(message);
    if (!usual.parsed().is_unproven) continue;
    usual.prove() ? ++right : ++wrong;
    // A stream's messages are all walked over.
    Exchange careful(message, true);
    const DnsParsed& a = usual.parsed();
    const DnsParsed& b = careful.parsed();
    ASSERT_FALSE(b.is_unproven);
    ASSERT_EQ(a.verdict, b.verdict) << ::testing::PrintToString(message);
    ASSERT_EQ(a.question_end, b.question_end);
    ASSERT_EQ(a.has_opt, b.has_opt);
    ASSERT_EQ(a.opt_length, b.opt_length);
    ASSERT_EQ(a.is_dnssec_ok, b.is_dnssec_ok);
    ASSERT_EQ(a.options, b.options);
    ASSERT_EQ(a.has_good_cookie, b.has_good_cookie);
    if (a.options != 0) {
      ASSERT_EQ(a.cookie, b.cookie);
    }
    a.has_good_cookie ? ++good : ++not_good;
    ASSERT_EQ(ones_fold(a.question_sum), ones_fold(b.question_sum));
    if (a.verdict != DnsVerdict::kAnswer) continue;
    ASSERT_EQ(a.hash, b.hash);
    ASSERT_EQ(a.type, b.type);
    ASSERT_EQ(a.name_length, b.name_length);
    ASSERT_TRUE(
        std::equal(a.name.octets.begin(), a.name.octets.begin() + 64, b.name.octets.begin()));
  }
  EXPECT_GT(right, 1000);
  EXPECT_GT(wrong, 100);
  EXPECT_GT(good, 500);
  EXPECT_GT(not_good, 500);
}

}  // namespace
}  // namespace vipgate::dns_usual_query_test
