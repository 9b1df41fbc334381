#include "controlplane/loop/drop_watch.h"

#include <gtest/gtest.h>

namespace vipgate::drop_watch_test {
namespace {

constexpr int64_t kStart = 5'000;

NamedCounters counted(uint64_t received, uint64_t no_real, uint64_t not_for_us = 0) {
  return {{"rx_packets", received},
          {"drop.no_real", no_real},
          {"drop.not_for_us", not_for_us},
          {"drop.tx_full", no_real / 10},
          {"dns.answer", 7}};
}

TEST(DropWatch, DropsThatAreMoreThanAThousandthAreToldWithTheirReasons) {
  DropWatch watch;
  EXPECT_FALSE(watch.look(counted(1000, 900), kStart)) << "what was before is nobody's news";
  const auto turn = watch.look(counted(51'000, 1'000), kStart + 10'000);
  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->dropped, 110u);
  EXPECT_EQ(turn->received, 50'000u);
  EXPECT_EQ(turn->seconds, 10);
  EXPECT_EQ(turn->reasons, "no_real 100, tx_full 10");
}

TEST(DropWatch, TheNoiseOfTheNetIsNotTold) {
  DropWatch watch;
  watch.look(counted(0, 0), kStart);
  EXPECT_FALSE(watch.look(counted(100'000, 0, 50'000), kStart + 10'000)) << "never for a service";
  EXPECT_FALSE(watch.look(counted(1'000'000, 100, 50'000), kStart + 20'000)) << "few among many";
  EXPECT_FALSE(watch.look(counted(1'000'001, 101, 50'000), kStart + 30'000))
      << "one in ten seconds";
}

TEST(DropWatch, WhatGoesOnIsToldOnceAMinuteWithAllSinceTheLastLine) {
  DropWatch watch;
  watch.look(counted(0, 0), kStart);
  EXPECT_TRUE(watch.look(counted(1'000, 100), kStart + 10'000));
  for (int look = 2; look < 7; ++look) {
    const auto passed = static_cast<uint64_t>(look);
    EXPECT_FALSE(watch.look(counted(passed * 1'000, passed * 100), kStart + look * 10'000)) << look;
  }
  const auto turn = watch.look(counted(7'000, 700), kStart + 70'000);
  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->dropped, 660u);
  EXPECT_EQ(turn->seconds, 60);
}

TEST(DropWatch, ItIsDueEveryTenSeconds) {
  DropWatch watch;
  EXPECT_FALSE(watch.is_due(kStart));
  EXPECT_FALSE(watch.is_due(kStart + 9'999));
  EXPECT_TRUE(watch.is_due(kStart + 10'000));
  watch.look({}, kStart + 10'000);
  EXPECT_FALSE(watch.is_due(kStart + 19'999));
  EXPECT_TRUE(watch.is_due(kStart + 20'000));
}

}  // namespace
}  // namespace vipgate::drop_watch_test
