#include "dataplane/snat_pool_census.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/test_net.h"

namespace vipgate::test::snat_pool_census_test {
namespace {

class SnatPoolCensusTest : public testing::Test {
 protected:
  SnatPoolCensusTest() : snapshot_(gateway_.snapshot()) {
    for (uint32_t worker = 0; worker < 2; ++worker) {
      memory_.push_back(std::make_unique<WorkerMemory>(
          WorkerMemoryOptions{.worker = worker,
                              .workers = 1,
                              .sizes = {.flows = 64, .reals = kPageSize},
                              .snat = {},
                              .secret = {}}));
    }
  }
  bool has_pool(uint32_t real) const {
    const RealEntry& entry = snapshot_.real_pages[0]->entries[real];
    if (entry.service == kNone) return false;
    const ServiceEntry& service = snapshot_.service(entry.service);
    return service.mode == Mode::kFullnat && service.snat_count != 0;
  }
  void add_flows(uint32_t worker, uint32_t real, uint64_t flows) {
    memory_[worker]->pipeline_options().reals[real].flows.add(flows);
  }
  void advance() { census_.advance(memory_, snapshot_); }

  FakeGateway gateway_{net_spec()};
  Snapshot snapshot_;
  std::vector<std::unique_ptr<WorkerMemory>> memory_;
  SnatPoolCensus census_;
};

TEST_F(SnatPoolCensusTest, FlowsOfAllWorkersAndTheBusiestRealAreFound) {
  uint64_t flows = 0, most = 0;
  for (uint32_t real = 0; real < kPageSize; ++real) {
    if (!has_pool(real)) continue;
    add_flows(0, real, real + 1);
    add_flows(1, real, 10);
    flows += real + 11;
    most = std::max<uint64_t>(most, real + 11);
  }
  ASSERT_GT(flows, 0u);
  advance();
  uint64_t found = 0, busiest = 0;
  for (const SnatPoolUse& use : census_.uses()) {
    EXPECT_FALSE(use.pool.empty());
    EXPECT_GT(use.ports, 0u) << use.pool;
    found += use.flows;
    busiest = std::max(busiest, use.busiest_real);
  }
  EXPECT_EQ(found, flows);
  EXPECT_EQ(busiest, most);
}

TEST_F(SnatPoolCensusTest, VeryManyRealsTakeSeveralTurnsAndTheLastRoundCountsUntilThen) {
  advance();
  const size_t pools = census_.uses().size();
  ASSERT_GT(pools, 0u);
  const uint64_t before = census_.uses()[0].flows;
  uint32_t first = 0;
  while (!has_pool(first)) ++first;
  while (snapshot_.real_pages.size() <= SnatPoolCensus::kPages) {
    snapshot_.real_pages.push_back(snapshot_.real_pages[0]);
  }
  for (uint32_t real = first; real < kPageSize; ++real) {
    if (has_pool(real)) add_flows(0, real, 7);
  }
  advance();
  EXPECT_EQ(census_.uses()[0].flows, before);
  advance();
  EXPECT_EQ(census_.uses().size(), pools);
  EXPECT_GT(census_.uses()[0].flows, before);
}

TEST_F(SnatPoolCensusTest, PoolsThatGoInTheMiddleOfARoundEndIt) {
  while (snapshot_.real_pages.size() <= SnatPoolCensus::kPages) {
    snapshot_.real_pages.push_back(snapshot_.real_pages[0]);
  }
  advance();
  ASSERT_TRUE(census_.uses().empty()) << "the round goes on";
  snapshot_.real_pages.resize(1);
  snapshot_.snat_addresses.clear();
  advance();
  ASSERT_FALSE(census_.uses().empty());
  for (const SnatPoolUse& use : census_.uses()) {
    EXPECT_FALSE(use.pool.empty());
    EXPECT_GT(use.ports, 0u) << use.pool;
  }
}

}  // namespace
}  // namespace vipgate::test::snat_pool_census_test
