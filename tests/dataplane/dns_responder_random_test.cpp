// A million hostile messages: what must hold for every one of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/dns_fixture.h"

namespace vipgate::dns_responder_random_test {
namespace {

using namespace test;

constexpr int kMessages = 1'000'000;

std::vector<std::string> seeds() {
  const std::string opt = dns_opt(1232, 0x8000, dns_option(10, "12345678"));
  std::vector<std::string> all;
  for (const char* name :
       {"leader.mesos", "app5.mesos", "forty.mesos", "many.mesos", "nope.mesos", "ent.mesos",
        "example.test", "mesos", "", "_web._tcp.mesos", "_fat._tcp.mesos", "cn2.mesos",
        "other.mesos", "dangling.mesos", "c0.mesos", "1.0.0.11.in-addr.arpa"}) {
    for (const unsigned type : {1u, 6u, 12u, 28u, 33u, 251u, 255u}) {
      const std::string question = dns_question(wire_name(name), type);
      all.push_back(dns_header(0x0100, 1) + question);
      all.push_back(dns_header(0x0100, 1, 0, 0, 1) + question + dns_opt(4096));
      all.push_back(dns_header(0, 1, 0, 1, 2) + question + dns_record("\xc0\x0c", 6, "soa") +
                    dns_record("\xc0\x0c", 1, "abcd") + opt);
    }
  }
  return all;
}

class Mutator {
 public:
  std::string next() {
    std::string message = seeds_[random_() % seeds_.size()];
    if (random_() % 16 == 0) {
      message.resize(random_() % 600);
      for (char& c : message) c = static_cast<char>(random_());
    }
    for (unsigned i = static_cast<unsigned>(random_() % 4); i != 0; --i) mutate(message);
    return message;
  }

 private:
  void mutate(std::string& message) {
    static constexpr std::string_view kInteresting("\x00\x01\x3f\x40\x80\xc0\x0c\xff\x29\x05", 10);
    if (message.empty()) return;
    const size_t at = random_() % message.size();
    switch (random_() % 6) {
      case 0:
        message[at] = static_cast<char>(random_());
        break;
      case 1:
        message[at] = kInteresting[random_() % kInteresting.size()];
        break;
      case 2:
        message.resize(at);
        break;
      case 3:
        message.insert(at, random_() % 80, static_cast<char>(random_()));
        break;
      case 4:
        message.erase(at, random_() % 8);
        break;
      default:
        message[at] = static_cast<char>(message[at] ^ (1 << random_() % 8));
    }
  }

  std::mt19937_64 random_{20240229};
  std::vector<std::string> seeds_ = seeds();
};

TEST(DnsResponderRandom, AMillionMutatedQueriesNeverHarmAndEveryReplyIsAWellFormedSmallOne) {
  const auto table = make_test_table();
  Mutator mutator;
  std::vector<int> verdicts(32);
  for (int i = 0; i < kMessages && !::testing::Test::HasFailure(); ++i) {
    const std::string query = mutator.next();
    const Response response = respond(*table, query, static_cast<uint32_t>(i));
    ++verdicts[static_cast<size_t>(response.verdict)];
    if (response.octets.empty()) continue;
    const auto reply = parse_dns(response.octets);
    ASSERT_TRUE(reply) << ::testing::PrintToString(query);
    ASSERT_EQ(response.octets.substr(0, 2), query.substr(0, 2)) << "the id is echoed";
    ASSERT_LE(response.octets.size(), reply->opt ? 1232u : 512u);
    ASSERT_NE(reply->flags & 0x8000, 0u);
    ASSERT_EQ(reply->question, query.substr(12, reply->question.size()));
    ASSERT_TRUE(!reply->tc() || (reply->answers.empty() && reply->authorities.empty() &&
                                 reply->additionals.empty()));
  }
  // Every rule was exercised.
  for (const DnsVerdict verdict :
       {DnsVerdict::kAnswer, DnsVerdict::kNodata, DnsVerdict::kNxdomain, DnsVerdict::kTruncated,
        DnsVerdict::kRefused, DnsVerdict::kFormerr, DnsVerdict::kNotimp, DnsVerdict::kBadvers,
        DnsVerdict::kDropShort, DnsVerdict::kDropResponse}) {
    EXPECT_GT(verdicts[static_cast<size_t>(verdict)], 100) << static_cast<int>(verdict);
  }
}

}  // namespace
}  // namespace vipgate::dns_responder_random_test
