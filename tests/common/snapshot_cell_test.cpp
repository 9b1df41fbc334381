#include "common/snapshot_cell.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <thread>
#include <vector>

namespace vipgate::snapshot_cell_test {
namespace {

struct Tracked {
  Tracked(int number, int& alive_count) : value(number), alive(alive_count) { ++alive; }
  ~Tracked() { --alive; }
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;
  int value;
  int& alive;
};

class SnapshotCellTest : public testing::Test {
 protected:
  uint64_t publish(int value) {
    return cell_.publish(std::make_shared<const Tracked>(value, alive_));
  }
  int alive_ = 0;
  SnapshotCell<Tracked> cell_{2};
};

TEST_F(SnapshotCellTest, BeforeTheFirstPublishThereIsNothing) {
  EXPECT_EQ(cell_.read(0), nullptr);
  EXPECT_EQ(cell_.read(0), nullptr);
  EXPECT_EQ(cell_.current(), nullptr);
}

TEST_F(SnapshotCellTest, ReadersGetWhatWasPublishedLast) {
  EXPECT_EQ(publish(10), 1u);
  EXPECT_EQ(cell_.read(0)->value, 10);
  EXPECT_EQ(publish(20), 2u);
  EXPECT_EQ(publish(30), 3u);
  EXPECT_EQ(cell_.read(0)->value, 30);
  EXPECT_EQ(cell_.read(1)->value, 30);
  EXPECT_EQ(cell_.current()->value, 30);
}

TEST_F(SnapshotCellTest, AVersionIsPassedOnceEveryOnlineReaderHasReadIt) {
  (void)cell_.read(0);
  (void)cell_.read(1);
  const uint64_t version = publish(1);
  EXPECT_FALSE(cell_.passed(version));
  (void)cell_.read(0);
  EXPECT_FALSE(cell_.passed(version));
  (void)cell_.read(1);
  EXPECT_TRUE(cell_.passed(version));
  EXPECT_FALSE(cell_.passed(version + 1));
}

TEST_F(SnapshotCellTest, AReaderThatReadsALaterVersionHasPassedTheEarlierOnes) {
  (void)cell_.read(0);
  const uint64_t first = publish(1);
  const uint64_t second = publish(2);
  (void)cell_.read(0);
  EXPECT_TRUE(cell_.passed(first));
  EXPECT_TRUE(cell_.passed(second));
}

TEST_F(SnapshotCellTest, ASnapshotLivesUntilEveryReaderIsPastIt) {
  publish(1);
  const Tracked* held_by_0 = cell_.read(0);
  (void)cell_.read(1);
  publish(2);
  (void)cell_.read(1);
  EXPECT_EQ(cell_.reclaim(), 1u);
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(held_by_0->value, 1);
  (void)cell_.read(0);
  EXPECT_EQ(cell_.reclaim(), 0u);
  EXPECT_EQ(alive_, 1);
}

TEST_F(SnapshotCellTest, AnOfflineReaderHoldsNothingUp) {
  publish(1);
  (void)cell_.read(0);
  (void)cell_.read(1);
  cell_.offline(0);
  const uint64_t version = publish(2);
  (void)cell_.read(1);
  EXPECT_TRUE(cell_.passed(version));
  EXPECT_EQ(cell_.reclaim(), 0u);
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(cell_.read(0)->value, 2);
}

TEST_F(SnapshotCellTest, AReaderThatCameBackHoldsItsSnapshotAgain) {
  publish(1);
  (void)cell_.read(0);
  cell_.offline(0);
  (void)cell_.read(0);
  const uint64_t version = publish(2);
  EXPECT_FALSE(cell_.passed(version));
  EXPECT_EQ(cell_.reclaim(), 1u);
  EXPECT_EQ(alive_, 2);
}

TEST_F(SnapshotCellTest, ASharedPointerKeepsASnapshotThatReadersAreDoneWith) {
  publish(1);
  const auto kept = cell_.current();
  publish(2);
  EXPECT_EQ(cell_.reclaim(), 0u);
  EXPECT_EQ(kept->value, 1);
  EXPECT_EQ(alive_, 2);
}

TEST(SnapshotCell, LetsGoOfEverythingAtItsEnd) {
  int alive = 0;
  {
    SnapshotCell<Tracked> cell(1);
    cell.publish(std::make_shared<const Tracked>(1, alive));
    (void)cell.read(0);
    cell.publish(std::make_shared<const Tracked>(2, alive));
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
}

// Its destructor poisons it, so that a reader that still holds it sees words that do not match even
// where the memory is not reused; TSan and ASan see the access itself.
struct Consistent {
  explicit Consistent(uint64_t value) { words.fill(value); }
  ~Consistent() {
    volatile uint64_t* poison = words.data();
    for (size_t i = 0; i < words.size(); ++i) poison[i] = ~uint64_t{0} - i;
  }
  std::array<uint64_t, 16> words;
};

TEST(SnapshotCell, ReadersThatComeAndGoNeverSeeAFreedOrOlderSnapshot) {
  constexpr size_t kReaders = 4;
  constexpr uint64_t kVersions = 20000;
  SnapshotCell<Consistent> cell(kReaders);
  cell.publish(std::make_shared<const Consistent>(0));
  std::atomic<uint64_t> faults{0};
  std::vector<std::thread> threads;
  for (size_t reader = 0; reader < kReaders; ++reader) {
    threads.emplace_back([&, reader] {
      std::mt19937_64 random(reader);
      uint64_t newest = 0;
      while (newest < kVersions) {
        const Consistent* snapshot = cell.read(reader);
        const uint64_t value = snapshot->words[0];
        if (value < newest || value > kVersions) ++faults;
        for (const uint64_t word : snapshot->words) {
          if (word != value) ++faults;
        }
        newest = std::max(newest, value);
        // Reader 0 is always online, the last one goes offline after each read.
        if (reader != 0 && random() % kReaders < reader + 1) cell.offline(reader);
        if (random() % 64 == 0) std::this_thread::yield();
      }
      cell.offline(reader);
    });
  }
  uint64_t version = 1;
  for (uint64_t value = 1; value <= kVersions; ++value) {
    version = cell.publish(std::make_shared<const Consistent>(value));
    cell.reclaim();
    // Publishing must not outrun the readers all the time: let some versions be waited for.
    while (value % 50 == 0 && !cell.passed(version)) std::this_thread::yield();
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(faults, 0u);
  EXPECT_TRUE(cell.passed(version));
  EXPECT_EQ(cell.reclaim(), 0u);
}

TEST(SnapshotCell, ControlReadersMayTakeTheCurrentOneAtAnyTime) {
  SnapshotCell<Consistent> cell(1);
  cell.publish(std::make_shared<const Consistent>(0));
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> faults{0};
  std::thread control_reader([&] {
    while (!stop) {
      const auto snapshot = cell.current();
      for (const uint64_t word : snapshot->words) {
        if (word != snapshot->words[0]) ++faults;
      }
    }
  });
  for (uint64_t value = 1; value <= 5000; ++value) {
    cell.publish(std::make_shared<const Consistent>(value));
    cell.reclaim();
  }
  stop = true;
  control_reader.join();
  EXPECT_EQ(faults, 0u);
}

}  // namespace
}  // namespace vipgate::snapshot_cell_test
