#include "perf/generator/accounts.h"

#include <gmock/gmock.h>

#include <array>
#include <optional>

#include "common/dns_wire.h"
#include "perf/generator/frame_sizes.h"
#include "perf/generator/report.h"

namespace vipgate::accounts_test {
namespace {

using namespace generator;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;

IpAddress ip(const char* text) { return parse_ip_address(text).value(); }

const Endpoint kVip{ip("11.1.1.1"), 514};
const Endpoint kReal{ip("10.9.1.11"), 5514};
const Endpoint kOtherReal{ip("10.9.1.12"), 5514};
const Endpoint kSnat{ip("10.9.1.100"), 1024};
const IpAddress kClient = ip("10.200.0.1");

Options options(Kind kind) {
  Options made;
  made.kind = kind;
  made.vip = kVip;
  made.client = kClient;
  made.flows = 4;
  made.answer = kind == Kind::kFlows;
  made.verify = true;
  made.show_flows = true;
  return made;
}

class AccountsTest : public ::testing::Test {
 protected:
  void start(Kind kind) {
    options_ = options(kind);
    accounts_.emplace(options_, 2.0);
    accounts_->begin_trial();
  }
  // A packet of a flow as it leaves the gateway, towards `to`.
  bool come(const Endpoint& from, const Endpoint& to, Mark mark, uint64_t now) {
    const size_t bytes = FrameMaker({}, to).marked(buffer_.data(), from, mark, 64);
    return accounts_->receive({buffer_.data(), bytes}, now);
  }
  bool at_real(uint32_t flow, uint32_t sequence, const Endpoint& real = kReal) {
    return come(kSnat, real, {accounts_->trial(), flow, sequence, 100}, 150);
  }
  bool at_client(uint32_t flow, uint32_t sequence) {
    return come(kVip, client_of_flow(kClient, flow), {accounts_->trial(), flow, sequence, 100},
                200);
  }
  const Accounts::Trial& figures() { return accounts_->figures(); }

  Options options_;
  std::optional<Accounts> accounts_;
  std::array<uint8_t, 1600> buffer_{};
};

TEST_F(AccountsTest, BothWaysAreCountedWithTheirLatencies) {
  start(Kind::kFlows);
  EXPECT_TRUE(at_real(0, 0)) << "the real answers";
  EXPECT_FALSE(accounts_->complete(1));
  EXPECT_FALSE(at_client(0, 0));
  EXPECT_TRUE(accounts_->complete(1));
  EXPECT_EQ(figures().one_way.received, 1u);
  EXPECT_EQ(figures().one_way.latencies.max(), 100u) << "50 ticks of 2 ns";
  EXPECT_EQ(figures().round_trip.received, 1u);
  EXPECT_EQ(figures().round_trip.latencies.max(), 200u);
  EXPECT_EQ(figures().wrong_checksum, 0u);
}

TEST_F(AccountsTest, Ipv6IsCountedAsIpv4Is) {
  options_ = options(Kind::kFlows);
  options_.vip = {ip("fd01:c::1"), 514};
  options_.client = ip("2001:db8:1::1");
  accounts_.emplace(options_, 2.0);
  accounts_->begin_trial();
  const Mark mark{accounts_->trial(), 3, 0, 100};
  const auto come = [&](const Endpoint& from, const Endpoint& to) {
    const size_t bytes = FrameMaker({}, to).marked(buffer_.data(), from, mark, smallest_frame(6));
    return accounts_->receive({buffer_.data(), bytes}, 150);
  };
  const Endpoint real{ip("fd09:1::11"), 5514};
  EXPECT_TRUE(come({ip("fd09:2::1"), 1024}, real)) << "the real answers";
  EXPECT_FALSE(come(options_.vip, client_of_flow(options_.client, 3)));
  EXPECT_TRUE(accounts_->complete(1));
  EXPECT_EQ(figures().reals.at(real), 1u);
  EXPECT_EQ(figures().wrong_checksum + figures().foreign + figures().misdirected, 0u);
  EXPECT_THAT(trial_report(options_, {}, *accounts_),
              HasSubstr("\"flows\":{\"[2001:db8:1::1]:2003\":\"[fd09:1::11]:5514\"}"));
}

TEST_F(AccountsTest, OrderIsThatOfEachFlow) {
  start(Kind::kFlows);
  at_real(0, 0);
  at_real(1, 1);
  at_real(0, 2);
  at_real(1, 0);
  at_real(1, 0);
  EXPECT_EQ(figures().one_way.received, 4u);
  EXPECT_EQ(figures().one_way.late, 1u);
  EXPECT_EQ(figures().one_way.duplicate, 1u);
  EXPECT_FALSE(accounts_->complete(5)) << "a duplicate makes up for none that is lost";
}

TEST_F(AccountsTest, AFlowAtAnotherRealHasMoved) {
  start(Kind::kFlows);
  at_real(0, 0);
  at_real(1, 0, kOtherReal);
  EXPECT_EQ(accounts_->moved(), 0u);
  accounts_->begin_trial();
  at_real(0, 0, kOtherReal);
  EXPECT_EQ(accounts_->moved(), 1u) << "also from trial to trial";
  EXPECT_EQ(figures().reals.at(kOtherReal), 1u);
  EXPECT_EQ(accounts_->reals_of_flows()[0], kReal);
}

TEST_F(AccountsTest, WhatIsNotOfThisTrialOrFlowIsCountedApart) {
  start(Kind::kFlows);
  EXPECT_FALSE(come(kSnat, kReal, {static_cast<uint8_t>(accounts_->trial() - 1), 0, 0, 1}, 2));
  EXPECT_FALSE(come(kSnat, kReal, {accounts_->trial(), 4, 0, 1}, 2)) << "there is no such flow";
  EXPECT_FALSE(come(kVip, {kClient, kFirstPort + 1}, {accounts_->trial(), 0, 0, 1}, 2))
      << "another flow's client";
  EXPECT_FALSE(accounts_->receive({buffer_.data(), 30}, 2));
  EXPECT_EQ(figures().stale, 1u);
  EXPECT_EQ(figures().misdirected, 2u);
  EXPECT_EQ(figures().foreign, 1u);
  EXPECT_EQ(figures().one_way.received + figures().round_trip.received, 0u);
}

TEST_F(AccountsTest, AWrongChecksumIsSeen) {
  start(Kind::kFlows);
  const size_t bytes = FrameMaker({}, kReal).marked(buffer_.data(), kSnat, {1, 0, 0, 1}, 64);
  buffer_[50] ^= 1;
  accounts_->receive({buffer_.data(), bytes}, 2);
  EXPECT_EQ(figures().wrong_checksum, 1u);
}

TEST_F(AccountsTest, SynsAreCountedByTheirNumbersAndResetsAreNot) {
  start(Kind::kSyn);
  const FrameMaker maker({}, kReal);
  accounts_->sent(7, 10);
  size_t bytes = maker.syn(buffer_.data(), kSnat, 7, accounts_->trial());
  EXPECT_FALSE(accounts_->receive({buffer_.data(), bytes}, 40));
  EXPECT_EQ(figures().one_way.received, 1u);
  EXPECT_EQ(figures().one_way.latencies.max(), 60u);
  bytes = maker.syn(buffer_.data(), kSnat, 8, static_cast<uint8_t>(accounts_->trial() + 1));
  accounts_->receive({buffer_.data(), bytes}, 40);
  EXPECT_EQ(figures().stale, 1u);
  buffer_[14 + 20 + 13] = TcpHeader::kRst;
  accounts_->receive({buffer_.data(), bytes}, 40);
  EXPECT_EQ(figures().foreign, 1u);
}

TEST_F(AccountsTest, DnsAnswersAreToldApartBeyondTheirIds) {
  start(Kind::kDns);
  const DnsQuestion question = parse_dns_question("a.b").value();
  const auto answer = [&](uint32_t number, uint16_t flags) {
    const Endpoint client = dns_client(kClient, accounts_->trial(), number);
    const size_t bytes =
        FrameMaker({}, client)
            .question(buffer_.data(), kVip, static_cast<uint16_t>(number / kDnsPorts), question);
    auto* header = reinterpret_cast<DnsHeader*>(buffer_.data() + 42);
    header->flags = Be16(flags);
    accounts_->receive({buffer_.data(), bytes}, number + 50);
  };
  // Ids come again after 65,536 questions of each port.
  constexpr uint32_t kQuestions = 3 * 65536 * kDnsPorts / 2;
  for (uint32_t number = 0; number < kQuestions; ++number) {
    accounts_->sent(number, number);
    if (number % 5 != 0) answer(number, DnsHeader::kResponse | (number % 2 == 0 ? 3 : 0));
  }
  EXPECT_EQ(figures().round_trip.received, kQuestions - (kQuestions + 4) / 5);
  EXPECT_EQ(figures().round_trip.late + figures().round_trip.duplicate, 0u);
  EXPECT_EQ(figures().round_trip.latencies.max(), 100u);
  EXPECT_EQ(figures().rcodes[0] + figures().rcodes[3], figures().round_trip.received);
}

TEST_F(AccountsTest, TheReportHasWhatIsLostAndEachFlowsReal) {
  start(Kind::kFlows);
  at_real(1, 0);
  Sending sending;
  sending.offered = 3;
  sending.seconds = 0.5;
  const std::string report = trial_report(options_, sending, *accounts_);
  EXPECT_THAT(report, HasSubstr("\"rate\":6,"));
  EXPECT_THAT(report, HasSubstr("\"one_way\":{\"received\":1,\"lost\":2,"));
  EXPECT_THAT(report, HasSubstr("\"flows\":{\"10.200.0.1:2001\":\"10.9.1.11:5514\"}"));
}

}  // namespace
}  // namespace vipgate::accounts_test
