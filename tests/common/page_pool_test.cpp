// Blocks of huge pages, taken and given back in any order.
#include "common/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "common/huge_mapping.h"
#include "common/paged_allocator.h"

namespace vipgate::page_pool_test {
namespace {

struct Block {
  uint8_t* data;
  size_t bytes;
  uint8_t mark;
};

TEST(PagePool, BlocksAreAlignedAndNoneTouchesAnother) {
  PagePool pool;
  std::mt19937 random(1);
  std::vector<Block> blocks;
  const auto give_back = [&](size_t i) {
    const Block block = blocks[i];
    EXPECT_EQ(std::count(block.data, block.data + block.bytes, block.mark),
              static_cast<ptrdiff_t>(block.bytes));
    pool.give_back(block.data, block.bytes);
    blocks[i] = blocks.back();
    blocks.pop_back();
  };
  for (int i = 0; i < 5000; ++i) {
    if (blocks.size() > 400 || (!blocks.empty() && random() % 3 == 0)) {
      give_back(random() % blocks.size());
      continue;
    }
    const size_t bytes = 1 + random() % (random() % 200 == 0 ? 3 * kHugePage : 20'000);
    Block block{pool.take(bytes), bytes, static_cast<uint8_t>(random())};
    ASSERT_EQ(reinterpret_cast<uintptr_t>(block.data) % PagePool::kAlignment, 0u);
    std::memset(block.data, block.mark, bytes);
    blocks.push_back(block);
  }
  while (!blocks.empty()) give_back(blocks.size() - 1);
  EXPECT_EQ(pool.mapped_bytes(), 0u) << "the kernel has it all again";
}

TEST(PagePool, WhatIsGivenBackIsTakenAgain) {
  PagePool pool;
  std::vector<uint8_t*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(pool.take(10'000));
  const size_t mapped = pool.mapped_bytes();
  EXPECT_LE(mapped, 1000 * 10'048 + kHugePage);
  std::mt19937 random(2);
  for (int i = 0; i < 10'000; ++i) {
    uint8_t*& block = blocks[random() % blocks.size()];
    pool.give_back(block, 10'000);
    const size_t shorter = 9'000 + random() % 1'000;
    block = pool.take(shorter);
    pool.give_back(block, shorter);
    block = pool.take(10'000);
  }
  EXPECT_LE(pool.mapped_bytes(), mapped + kHugePage);
  for (uint8_t* block : blocks) pool.give_back(block, 10'000);
}

TEST(PagePool, MappingsBeginWhereHugePagesDo) {
  PagePool pool;
  uint8_t* const block = pool.take(kHugePage + 1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % kHugePage, 0u);
  EXPECT_EQ(pool.mapped_bytes(), 2 * kHugePage);
  pool.give_back(block, kHugePage + 1);
}

TEST(PoolBlock, KeepsItsPoolAliveAndGivesItsMemoryBackOnce) {
  auto pool = std::make_shared<PagePool>();
  const std::weak_ptr<PagePool> watched = pool;
  PoolBlock block(std::move(pool), 5000);
  block.data()[4999] = 1;
  PoolBlock other = std::move(block);
  EXPECT_EQ(block.data(), nullptr);  // NOLINT(bugprone-use-after-move): that it is empty
  block = PoolBlock(watched.lock(), 100);
  block = std::move(other);
  EXPECT_EQ(block.data()[4999], 1);
  EXPECT_EQ(watched.lock()->mapped_bytes(), kHugePage);
  other = {};
  block = {};
  EXPECT_TRUE(watched.expired());
}

TEST(PoolBlock, WithoutAPoolLiesInTheHeap) {
  const PoolBlock block(nullptr, 100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block.data()) % PagePool::kAlignment, 0u);
  std::memset(block.data(), 1, block.bytes());
}

TEST(PagedAllocator, ContainersLieInThePagesOfThePacketPathAndGiveThemBack) {
  if (kArePagesOfHeap) GTEST_SKIP() << "the sanitizer's heap has them";
  const size_t before = packet_path_pages().mapped_bytes();
  {
    std::vector<uint64_t, PagedAllocator<uint64_t>> numbers(size_t{1} << 20, 7);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(numbers.data()) % PagePool::kAlignment, 0u);
    EXPECT_GE(packet_path_pages().mapped_bytes(), before + numbers.size() * sizeof(uint64_t));
    EXPECT_EQ(std::count(numbers.begin(), numbers.end(), 7u), 1 << 20);
  }
  EXPECT_LE(packet_path_pages().mapped_bytes(), before);
}

TEST(PagedAllocator, SharedObjectsAreAlignedAsTheirTypeAsks) {
  struct alignas(64) Line {
    std::array<uint8_t, 64> octets{};
  };
  const std::vector<std::shared_ptr<Line>> lines = {make_paged<Line>(), make_paged<Line>()};
  for (const auto& line : lines) EXPECT_EQ(reinterpret_cast<uintptr_t>(line.get()) % 64, 0u);
}

}  // namespace
}  // namespace vipgate::page_pool_test
