// Questions on their way, against a model of plain containers.
#include "dataplane/fastpath/dns_flights.h"

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <random>
#include <set>

#include "tests/support/dns_message.h"

namespace vipgate::dns_flights_test {
namespace {

constexpr size_t kSize = 32;

class DnsFlightsTest : public ::testing::Test {
 protected:
  DnsQuestion question(unsigned number) {
    auto& name = names_[number];
    if (name.empty()) name = test::wire_name("name" + std::to_string(number));
    return {.hash = number % 5 * 0x9e3779b97f4a7c15u,  // some meet
            .name = reinterpret_cast<const uint8_t*>(name.data()),
            .name_length = static_cast<uint16_t>(name.size()),
            .type = 1};
  }
  static DnsAttempt attempt(uint16_t port, uint16_t id, uint8_t resolver = 1) {
    return {.resolver = Ipv4Address{Be32(0x0a000000u | resolver)},
            .resolver_port = 53,
            .source = 2,
            .source_port = port,
            .id = id};
  }
  rte_mbuf* packet(size_t number) { return &packets_[number]; }

  std::map<unsigned, std::string> names_;
  std::array<rte_mbuf, 256> packets_{};
  std::vector<DnsFlight> flights_memory_ = std::vector<DnsFlight>(kSize);
  std::vector<DnsWaiter> waiters_ = std::vector<DnsWaiter>(kSize);
  std::vector<uint32_t> by_question_ = std::vector<uint32_t>(kSize);
  std::vector<uint32_t> by_port_ = std::vector<uint32_t>(4 * kSize);
  std::vector<uint16_t> per_client_ = std::vector<uint16_t>(8 * kSize);
  DnsFlights flights_{{.flights = flights_memory_,
                       .waiters = waiters_,
                       .by_question = by_question_,
                       .by_port = by_port_,
                       .per_client = per_client_}};
};

TEST_F(DnsFlightsTest, WhoAsksTheSameWaitsWithTheFirstAndAllAreReadyInTheirOrder) {
  EXPECT_EQ(flights_.find(question(1)), nullptr);
  DnsFlight& flight = flights_.begin(question(1), 0, 100);
  flights_.wait(flight, packet(0), 7);
  EXPECT_EQ(flights_.find(question(1)), &flight);
  EXPECT_EQ(flights_.find(question(6)), nullptr) << "of the same hash";
  flights_.wait(flight, packet(1), 7);
  flights_.wait(flight, packet(2), 8);
  EXPECT_EQ(flights_.take_ready(), nullptr);
  flights_.end(flight);
  EXPECT_EQ(flights_.find(question(1)), nullptr);
  EXPECT_EQ(flights_.held(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(flights_.take_ready(), packet(i));
  EXPECT_EQ(flights_.take_ready(), nullptr);
  EXPECT_EQ(flights_.held(), 0u);
}

TEST_F(DnsFlightsTest, AttemptIsFoundByAllThatMakesItKnown) {
  DnsFlight& flight = flights_.begin(question(1), 0, 100);
  flights_.wait(flight, packet(0), 7);
  flights_.ask(flight, attempt(2000, 77), true, 100);
  const IpAddress resolver = Ipv4Address{Be32(0x0a000001)};
  const IpAddress other = Ipv4Address{Be32(0x0a000002)};
  DnsFlight* found = nullptr;
  DnsAttempt* made = flights_.find_attempt(2, 2000, 77, resolver, 53, found);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(found, &flight);
  EXPECT_EQ(flights_.find_attempt(1, 2000, 77, resolver, 53, found), nullptr) << "our address";
  EXPECT_EQ(flights_.find_attempt(2, 2001, 77, resolver, 53, found), nullptr) << "our port";
  EXPECT_EQ(flights_.find_attempt(2, 2000, 78, resolver, 53, found), nullptr) << "id";
  EXPECT_EQ(flights_.find_attempt(2, 2000, 77, other, 53, found), nullptr) << "address";
  EXPECT_EQ(flights_.find_attempt(2, 2000, 77, resolver, 54, found), nullptr) << "port";
  made->is_open = false;
  EXPECT_EQ(flights_.find_attempt(2, 2000, 77, resolver, 53, found), nullptr) << "answered";
}

TEST_F(DnsFlightsTest, OneClientMayHaveSoManyAndAllTogetherAsManyAsThereArePlaces) {
  DnsFlight& flight = flights_.begin(question(1), 0, 100);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(flights_.may_wait(7, 3), DnsFlights::Join::kWaits);
    flights_.wait(flight, packet(i), 7);
  }
  EXPECT_EQ(flights_.may_wait(7, 3), DnsFlights::Join::kClientFull);
  for (size_t i = 3; i < kSize; ++i) {
    ASSERT_EQ(flights_.may_wait(100 + i, 3), DnsFlights::Join::kWaits);
    flights_.wait(flight, packet(i), 100 + i);
  }
  EXPECT_EQ(flights_.may_wait(99, 3), DnsFlights::Join::kFull);
  flights_.end(flight);
  EXPECT_EQ(flights_.may_wait(99, 3), DnsFlights::Join::kFull) << "they are held until taken";
  while (flights_.take_ready() != nullptr) {
  }
  EXPECT_EQ(flights_.may_wait(7, 3), DnsFlights::Join::kWaits);
}

TEST_F(DnsFlightsTest, NameIsSentInTheCaseThatRandomBitsSay) {
  DnsFlight& flight = flights_.begin(question(1), 0b0101, 100);
  flights_.wait(flight, packet(0), 7);
  EXPECT_EQ(std::string(flight.name.begin(), flight.name.begin() + 7),
            std::string("\x05NaMe1\0", 7));
  EXPECT_EQ(flight.question().name[1], 'n');
}

// Random events; everything that can be asked is asked of the model, too.
TEST_F(DnsFlightsTest, DoesAsAModelOfPlainContainersDoes) {
  struct Modelled {
    unsigned number;
    uint64_t started, asked;
    bool may_ask_more = false;
    std::vector<std::pair<uint16_t, uint16_t>> attempts;
    std::vector<std::pair<rte_mbuf*, uint64_t>> waiters;
    DnsFlight* flight;
  };
  std::list<Modelled> model;    // in the order in which they began
  std::list<Modelled*> racing;  // in the order in which they asked
  std::list<std::pair<rte_mbuf*, uint64_t>> ready;
  std::map<uint64_t, size_t> clients;
  std::mt19937 engine(3);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  size_t next_packet = 0;
  uint64_t now = 1000;
  size_t ended = 0;
  for (int step = 0; step < 50'000; ++step, now += random() % 3) {
    const auto held = [&] {
      size_t sum = ready.size();
      for (const auto& m : model) sum += m.waiters.size();
      return sum;
    };
    ASSERT_EQ(flights_.held(), held());
    const unsigned what = random() % 10;
    if (what < 4) {
      const unsigned number = random() % 40;
      const uint64_t client = (random() % 6) * 0x100000001u;
      const auto join = flights_.may_wait(client, 12);
      if (held() == kSize) {
        ASSERT_EQ(join, DnsFlights::Join::kFull);
        continue;
      }
      ASSERT_EQ(join,
                clients[client] < 12 ? DnsFlights::Join::kWaits : DnsFlights::Join::kClientFull);
      if (join != DnsFlights::Join::kWaits) continue;
      DnsFlight* flight = flights_.find(question(number));
      auto known = std::find_if(model.begin(), model.end(),
                                [&](const Modelled& m) { return m.number == number; });
      ASSERT_EQ(flight == nullptr, known == model.end());
      if (flight == nullptr) {
        flight = &flights_.begin(question(number), random(), now);
        known = model.insert(model.end(), {.number = number,
                                           .started = now,
                                           .asked = now,
                                           .attempts = {},
                                           .waiters = {},
                                           .flight = flight});
      }
      ASSERT_EQ(flight, known->flight);
      rte_mbuf* mbuf = packet(next_packet++ % packets_.size());
      flights_.wait(*flight, mbuf, client);
      known->waiters.emplace_back(mbuf, client);
      ++clients[client];
    } else if (what < 7 && !model.empty()) {
      auto chosen = std::next(model.begin(), static_cast<long>(random() % model.size()));
      if (chosen->attempts.size() == DnsForwarding::kMaxAttempts) continue;
      const auto port = static_cast<uint16_t>(random() % 4);
      const auto id = static_cast<uint16_t>(step);
      const bool more = chosen->attempts.size() + 1 < DnsForwarding::kMaxAttempts;
      flights_.ask(*chosen->flight, attempt(port, id), more, now);
      chosen->attempts.emplace_back(port, id);
      chosen->asked = now;
      racing.remove(&*chosen);
      if (more) racing.push_back(&*chosen);
    } else if (what == 7 && !model.empty()) {
      auto chosen = std::next(model.begin(), static_cast<long>(random() % model.size()));
      for (const auto& [port, id] : chosen->attempts) {
        DnsFlight* found = nullptr;
        ASSERT_NE(flights_.find_attempt(2, port, id, Ipv4Address{Be32(0x0a000001)}, 53, found),
                  nullptr);
        ASSERT_EQ(found, chosen->flight);
      }
      flights_.end(*chosen->flight);
      ++ended;
      for (const auto& waiter : chosen->waiters) ready.push_back(waiter);
      for (const auto& [port, id] : chosen->attempts) {
        DnsFlight* found = nullptr;
        ASSERT_EQ(flights_.find_attempt(2, port, id, Ipv4Address{Be32(0x0a000001)}, 53, found),
                  nullptr);
      }
      racing.remove(&*chosen);
      model.erase(chosen);
    } else if (what == 8) {
      rte_mbuf* taken = flights_.take_ready();
      ASSERT_EQ(taken, ready.empty() ? nullptr : ready.front().first);
      if (taken == nullptr) continue;
      --clients[ready.front().second];
      ready.pop_front();
    } else {
      const uint64_t wait = random() % 40;
      const uint64_t before = now - wait;
      DnsFlight* oldest = flights_.started_ago(wait, now);
      ASSERT_EQ(oldest,
                model.empty() || model.front().started > before ? nullptr : model.front().flight);
      DnsFlight* slowest = flights_.asked_ago(wait, now);
      ASSERT_EQ(slowest, racing.empty() || racing.front()->asked > before ? nullptr
                                                                          : racing.front()->flight);
      if (slowest == nullptr || random() % 2 == 0) continue;
      flights_.stop_racing(*slowest);
      racing.pop_front();
    }
  }
  EXPECT_GT(ended, 1000u);
}

}  // namespace
}  // namespace vipgate::dns_flights_test
