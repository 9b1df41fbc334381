// kill -9 of a process that writes, at any point.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "controlplane/store/state_store.h"
#include "tests/controlplane/store/store_directory.h"

namespace vipgate::store_crash_test {
namespace {

constexpr int kKeysPerBatch = 5;

// Writes batch after batch, each of keys with one number as their value, and says by the pipe up to
// which number flush() has confirmed. Never returns.
[[noreturn]] void write_until_killed(const std::string& file, int pipe, uint32_t first) {
  auto store = StateStore::open("sqlite:" + file, "");
  if (!store.ok()) _exit(1);
  for (uint32_t number = first;; ++number) {
    std::vector<StoreWrite> batch;
    for (int key = 0; key < kKeysPerBatch; ++key) {
      batch.push_back({"space" + std::to_string(key % 2), std::to_string(key),
                       std::to_string(number) + std::string(500, '.')});
    }
    (*store)->write(std::move(batch));
    if (number % 3 != 0) continue;
    if (!(*store)->flush(30000).ok()) _exit(2);
    if (::write(pipe, &number, sizeof number) != sizeof number) _exit(3);
  }
}

// The numbers of the keys, which are all the same unless a batch is half there; 0: no rows.
std::vector<uint32_t> numbers_in(const std::string& file) {
  std::vector<uint32_t> numbers;
  auto store = StateStore::open("sqlite:" + file, "");
  EXPECT_TRUE(store.ok());
  for (const char* space : {"space0", "space1"}) {
    auto rows = (*store)->load(space);
    EXPECT_TRUE(rows.ok()) << rows.error();
    for (const auto& [key, value] : *rows) {
      numbers.push_back(static_cast<uint32_t>(std::stoul(value)));
    }
  }
  return numbers;
}

TEST(SqliteStore, WhatFlushConfirmedSurvivesKillAndNoBatchIsHalfThere) {
  const StoreDirectory directory;
  std::mt19937 random(20261126);
  uint32_t next = 1;
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(directory.file(), ends[1], next);
    ::close(ends[1]);
    // After so many confirmations, and then at any moment of the next write.
    const int confirmations = std::uniform_int_distribution<int>(1, 20)(random);
    uint32_t confirmed = 0;
    for (int i = 0; i < confirmations; ++i) {
      ASSERT_EQ(::read(ends[0], &confirmed, sizeof confirmed),
                static_cast<ssize_t>(sizeof confirmed));
    }
    pollfd nothing{-1, 0, 0};
    ::poll(&nothing, 1, std::uniform_int_distribution<int>(0, 3)(random));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (uint32_t number = 0; ::read(ends[0], &number, sizeof number) > 0;) confirmed = number;
    ::close(ends[0]);
    const std::vector<uint32_t> numbers = numbers_in(directory.file());
    ASSERT_EQ(numbers.size(), static_cast<size_t>(kKeysPerBatch));
    for (const uint32_t number : numbers) {
      EXPECT_EQ(number, numbers[0]) << "a batch is half there";
      EXPECT_GE(number, confirmed) << "flush() had confirmed it";
    }
    next = numbers[0] + 1;
  }
}

}  // namespace
}  // namespace vipgate::store_crash_test
