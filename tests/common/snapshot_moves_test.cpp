// What the builder keeps of the rows before a change, and what it says of those to come.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "common/hash.h"
#include "common/maglev.h"
#include "common/snapshot_builder.h"

namespace vipgate::snapshot_moves_test {
namespace {

constexpr uint32_t kRows = 4093;

RealSpec real(uint32_t number, uint32_t weight = 1) {
  RealSpec spec;
  spec.address = Ipv4Address{Be32(0x0a000000 + number)};
  spec.port = 8080;
  spec.weight = weight;
  spec.id = RealId(number, 0);
  return spec;
}
ComingReal coming(uint32_t number, uint32_t weight = 1) {
  return {real(number).address, real(number).port, weight};
}

struct SnapshotMoves : testing::Test {
  SnapshotMoves() {
    service.flow_id = 1;
    service.name = "s";
    service.vip = *parse_ip_address("11.0.0.1");
    service.port = 80;
    service.mode = Mode::kIpip;
    service.maglev_rows = kRows;
    for (uint32_t i = 1; i <= 10; ++i) service.reals.push_back(real(i));
  }
  const Snapshot& build() {
    SnapshotSpec spec;
    spec.ports = {PortEntry{}};
    spec.services = {service};
    spec.service_slots = 1;
    spec.real_slots = 300;
    snapshot = builder.build(spec);
    return *snapshot;
  }
  // The rows' reals.
  std::vector<RealId> rows() const {
    const ServiceEntry& entry = snapshot->service(0);
    std::vector<RealId> reals;
    for (uint32_t row = 0; row < entry.row_count; ++row) {
      reals.push_back(entry.reals[entry.rows[row]]);
    }
    return reals;
  }
  std::vector<RealId> previous() const {
    const auto& ring = snapshot->service_info(0).previous;
    std::vector<RealId> reals;
    if (ring == nullptr) return reals;
    for (const uint16_t position : *ring->rows) reals.push_back(ring->reals[position]);
    return reals;
  }
  bool has_previous() const { return snapshot->service(0).has_previous_rows; }
  std::vector<bool> moving() const {
    const auto& bits = snapshot->service_info(0).moving_rows;
    std::vector<bool> rows(kRows);
    if (bits == nullptr) return rows;
    for (uint32_t row = 0; row < kRows; ++row)
      rows[row] = ((*bits)[row / 64] >> (row % 64) & 1) != 0;
    return rows;
  }
  size_t moving_count() const {
    const std::vector<bool> rows = moving();
    return static_cast<size_t>(std::count(rows.begin(), rows.end(), true));
  }

  ServiceSpec service;
  SnapshotBuilder builder;
  std::shared_ptr<const Snapshot> snapshot;
};

TEST_F(SnapshotMoves, AChangeKeepsTheRowsBeforeItUntilTold) {
  build();
  EXPECT_FALSE(has_previous());
  EXPECT_TRUE(builder.moved().empty());
  const auto before = rows();
  service.reals[3].state = RealState::kDraining;
  build();
  EXPECT_TRUE(has_previous());
  EXPECT_EQ(previous(), before);
  EXPECT_EQ(builder.moved(), std::vector<uint32_t>{0});
  // What does not change the rows neither ends nor renews it.
  service.no_real = NoReal::kDrop;
  build();
  EXPECT_EQ(previous(), before);
  EXPECT_TRUE(builder.moved().empty());
  service.drops_previous_rows = true;
  build();
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(snapshot->service_info(0).previous, nullptr);
}

TEST_F(SnapshotMoves, TheRowsBeforeAreSharedNotCopied) {
  build();
  const auto ring = snapshot->service_info(0).ring;
  service.reals.pop_back();
  build();
  EXPECT_EQ(snapshot->service_info(0).previous, ring);
}

TEST_F(SnapshotMoves, ASecondChangeRemembersWhatTheFirstMoved) {
  build();
  const auto first = rows();
  service.reals[0].state = RealState::kDraining;
  build();
  const auto second = rows();
  service.reals[1].state = RealState::kDraining;
  build();
  const auto third = rows();
  const auto before = previous();
  size_t of_the_first = 0;
  for (uint32_t row = 0; row < kRows; ++row) {
    const bool moved_last = second[row] != third[row];
    ASSERT_EQ(before[row], moved_last ? second[row] : first[row]) << row;
    of_the_first += before[row] == RealId(1, 0);
  }
  EXPECT_NEAR(static_cast<double>(of_the_first), kRows / 10.0, kRows / 50.0);
}

TEST_F(SnapshotMoves, AChangeThatComesAsTheOlderOnesTimeIsUpKeepsOnlyItsOwn) {
  build();
  service.reals[0].state = RealState::kDraining;
  build();
  const auto second = rows();
  service.reals[1].state = RealState::kDraining;
  service.drops_previous_rows = true;
  build();
  EXPECT_TRUE(has_previous());
  EXPECT_EQ(previous(), second);
}

TEST_F(SnapshotMoves, RowsBeforeAServiceLostItsLastRealAreStillThereWhenItHasOneAgain) {
  build();
  const auto before = rows();
  for (RealSpec& one : service.reals) one.state = RealState::kDraining;
  build();
  EXPECT_EQ(snapshot->service(0).row_count, 0u);
  EXPECT_EQ(previous(), before);
  service.reals[0].state = RealState::kUp;
  build();
  EXPECT_TRUE(has_previous());
  EXPECT_EQ(previous(), before);
}

TEST_F(SnapshotMoves, FullnatKeepsNoRowsAsNoOtherGatewaysFlowCanGoOn) {
  service.mode = Mode::kFullnat;
  build();
  service.reals.pop_back();
  build();
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(snapshot->service_info(0).previous, nullptr);
  EXPECT_TRUE(builder.moved().empty());
}

TEST_F(SnapshotMoves, AnotherServiceWithTheNumberOfOneThatIsGoneHasNoRowsBefore) {
  build();
  service.vip = *parse_ip_address("11.0.0.2");
  service.reals.pop_back();
  build();
  EXPECT_FALSE(has_previous());
}

TEST_F(SnapshotMoves, GueHopsKnowTheRowsBeforeForEverButPacketsDoNotGoByThem) {
  service.mode = Mode::kGue;
  service.tunnel.gue_variant = 0;
  service.tunnel.gue_hops = 2;
  build();
  const auto before = rows();
  service.reals.pop_back();
  build();
  service.drops_previous_rows = true;
  build();
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(previous(), before);
}

TEST_F(SnapshotMoves, WithoutAnythingToComeNoRowMoves) {
  service.tracks_when_needed = true;
  build();
  EXPECT_TRUE(snapshot->service(0).tracks_when_needed);
  EXPECT_EQ(snapshot->service_info(0).moving_rows, nullptr);
}

TEST_F(SnapshotMoves, TheRowsThatMoveAreThoseOfTheTableWithWhatIsComing) {
  service.tracks_when_needed = true;
  service.coming = {coming(200)};
  build();
  const auto now = rows();
  const auto marked = moving();
  service.reals.push_back(real(200));
  service.coming.clear();
  build();
  const auto later = rows();
  for (uint32_t row = 0; row < kRows; ++row) ASSERT_EQ(marked[row], now[row] != later[row]) << row;
  EXPECT_EQ(moving(), marked) << "they had another real a moment ago";
  service.drops_previous_rows = true;
  build();
  EXPECT_EQ(moving_count(), 0u);
}

TEST_F(SnapshotMoves, ARealWhoseWeightGrowsMovesRows) {
  service.tracks_when_needed = true;
  for (RealSpec& one : service.reals) one.weight = 10;
  service.reals[4].weight = 1;
  service.coming = {coming(5, 10)};
  build();
  const auto now = rows();
  const auto marked = moving();
  service.reals[4].weight = 10;
  service.coming.clear();
  build();
  const auto later = rows();
  for (uint32_t row = 0; row < kRows; ++row) ASSERT_EQ(marked[row], now[row] != later[row]) << row;
}

TEST_F(SnapshotMoves, EveryRowMovesWhenTheirNumberIsAboutToChange) {
  service.tracks_when_needed = true;
  service.maglev_rows = 0;
  for (uint32_t i = 11; i <= 32; ++i) service.reals.push_back(real(i));
  service.coming = {coming(200)};  // the 33rd
  build();
  EXPECT_EQ(moving_count(), size_t{kRows});
}

TEST_F(SnapshotMoves, AnUpdateThatChangesNeitherRowsNorWhatIsComingTakesTheMarksOver) {
  service.tracks_when_needed = true;
  service.coming = {coming(200)};
  build();
  const auto bits = snapshot->service_info(0).moving_rows;
  ASSERT_NE(bits, nullptr);
  build();
  EXPECT_EQ(snapshot->service_info(0).moving_rows, bits);
  EXPECT_EQ(builder.stats().rings_built, 0u);
  EXPECT_EQ(builder.stats().service_pages_built, 0u);
}

// How far the marks cover what happens when of several that are coming one is there first, or when
// one goes that nobody announced: Maglev then moves some rows of others, too.
TEST_F(SnapshotMoves, FewUnmarkedRowsOfOthersMoveWhateverComesOrGoes) {
  service.tracks_when_needed = true;
  service.maglev_rows = 65537;
  const auto unmarked_moves = [&](const std::vector<bool>& marked, const std::vector<RealId>& now,
                                  const std::vector<RealId>& later, RealId gone) {
    size_t moved = 0;
    for (size_t row = 0; row < now.size(); ++row) {
      moved += !marked[row] && now[row] != gone && now[row] != later[row];
    }
    return static_cast<double>(moved) / static_cast<double>(now.size());
  };
  const auto marks = [&] {
    const auto& bits = snapshot->service_info(0).moving_rows;
    std::vector<bool> marked(65537);
    for (size_t row = 0; bits != nullptr && row < marked.size(); ++row) {
      marked[row] = ((*bits)[row / 64] >> (row % 64) & 1) != 0;
    }
    return marked;
  };
  for (const uint32_t others : {10u, 100u}) {
    service.reals.clear();
    for (uint32_t i = 1; i <= others; ++i) service.reals.push_back(real(i));
    service.coming = {coming(201), coming(202), coming(203)};
    service.drops_previous_rows = true;
    builder = SnapshotBuilder();
    build();
    const auto now = rows();
    const auto marked = marks();
    const double share =
        static_cast<double>(std::count(marked.begin(), marked.end(), true)) / 65537;
    EXPECT_LT(share, 1.3 * 3 / (others + 3)) << "most rows need no entries";
    // One of the three.
    service.reals.push_back(real(202));
    build();
    const double came = unmarked_moves(marked, now, rows(), RealId{});
    service.reals.pop_back();
    // One that is there.
    service.reals.erase(service.reals.begin() + 2);
    build();
    const double went = unmarked_moves(marked, now, rows(), RealId(3, 0));
    std::printf(
        "%u reals: %.2f %% marked, unmarked that move: %.2f %% (one comes), %.2f %% (one goes)\n",
        others, share * 100, came * 100, went * 100);
    EXPECT_LT(came, 0.03);
    EXPECT_LT(went, 0.03);
  }
}

TEST_F(SnapshotMoves, TheChecksumsAreThoseOfTheRowsAndFollowThem) {
  const uint64_t first = build().rows_checksum;
  const auto expected = [&] {
    const auto& ring = *snapshot->service_info(0).ring;
    std::vector<MaglevReal> reals;
    for (const RealId id : ring.reals) {
      const RealEntry& entry = *snapshot->real(id);
      reals.push_back({maglev_id(entry.address, entry.port.host()), entry.weight});
    }
    return maglev_checksum(*ring.rows, reals);
  };
  EXPECT_EQ(snapshot->service_info(0).ring->checksum, expected());
  service.reals.pop_back();
  EXPECT_NE(build().rows_checksum, first);
  EXPECT_EQ(snapshot->service_info(0).ring->checksum, expected());
  service.reals.erase(service.reals.begin() + 1, service.reals.end());
  build();
  EXPECT_EQ(snapshot->service_info(0).ring->checksum, expected()) << "the shared table of one real";
  service.reals.clear();
  for (uint32_t i = 10; i >= 1; --i) service.reals.push_back(real(i));
  EXPECT_EQ(build().rows_checksum, first) << "whatever was in between, and in whatever order";
  builder = SnapshotBuilder();
  EXPECT_EQ(build().rows_checksum, first) << "another gateway";
}

TEST_F(SnapshotMoves, TheChecksumTellsServicesWithOneFirstPortApart) {
  service.flow_id = kWideFlowId;
  service.extent = {90, 0};
  const uint64_t narrow = build().rows_checksum;
  service.extent = {99, 0};
  EXPECT_NE(build().rows_checksum, narrow);
  EXPECT_FALSE(has_previous()) << "it is another service";
}

// A service that falls back on a second one's reals, with flows tracked when needed.
struct LentRows : SnapshotMoves {
  LentRows() {
    lender = service;
    lender.index = 1;
    lender.flow_id = 2;
    lender.vip = *parse_ip_address("11.0.0.2");
    lender.reals = {real(101), real(102), real(103)};
    service.no_real = NoReal::kFallback;
    service.fallback = 1;
    service.tracks_when_needed = true;
  }
  void build_both() { update({service, lender}); }
  void update(std::vector<ServiceSpec> changed) {
    SnapshotFrame frame;
    frame.ports = {PortEntry{}};
    builder.set_frame(frame);
    SnapshotUpdate update;
    update.changed = std::move(changed);
    update.service_slots = 2;
    update.real_slots = 300;
    snapshot = builder.update(std::move(update));
  }
  void set_own(RealState state) {
    for (RealSpec& each : service.reals) each.state = state;
  }

  ServiceSpec lender;
};

TEST_F(LentRows, AllMayMoveAsLongAsTheyAreLent) {
  service.coming = {coming(11)};
  build_both();
  EXPECT_LT(moving_count(), kRows / 4u);
  service.coming.clear();
  build_both();
  EXPECT_EQ(moving_count(), 0u);
  set_own(RealState::kDown);
  service.drops_previous_rows = true;
  build_both();
  build_both();
  ASSERT_EQ(rows()[0].index() / 100, 1u);
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(moving_count(), kRows) << "whether or not it is told what is coming";
  service.coming = {coming(1)};
  build_both();
  EXPECT_EQ(moving_count(), kRows);
}

TEST_F(LentRows, TheOnesBeforeAreThoseOfWhoeverHadThem) {
  build_both();
  const auto own = rows();
  set_own(RealState::kDraining);
  build_both();
  const auto lent = rows();
  EXPECT_NE(lent, own);
  EXPECT_EQ(previous(), own);
  set_own(RealState::kUp);
  build_both();
  EXPECT_EQ(rows(), own);
  EXPECT_EQ(previous(), lent);
  // A row that does not move keeps the real of another service that it had.
  service.reals[3].state = RealState::kDraining;
  build_both();
  const auto now = rows();
  const auto before = previous();
  for (size_t row = 0; row < kRows; ++row) {
    ASSERT_EQ(before[row], now[row] == own[row] ? lent[row] : own[row]) << row;
  }
}

TEST_F(LentRows, AChangeOfTheLenderAloneEndsNothing) {
  service.drops_previous_rows = true;  // there was nothing to keep when it was compiled
  build_both();
  const auto own = rows();
  set_own(RealState::kDraining);
  build_both();
  const auto lent = rows();
  ASSERT_EQ(previous(), own);
  lender.name = "other";
  update({lender});
  EXPECT_TRUE(has_previous());
  EXPECT_EQ(previous(), own);
  lender.reals.pop_back();
  update({lender});
  EXPECT_EQ(builder.moved(), (std::vector<uint32_t>{1, 0}));
  const auto now = rows();
  const auto before = previous();
  for (size_t row = 0; row < kRows; ++row) {
    ASSERT_EQ(before[row], now[row] == lent[row] ? own[row] : lent[row]) << row;
  }
}

}  // namespace
}  // namespace vipgate::snapshot_moves_test
