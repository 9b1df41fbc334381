#include "common/tunnel_error.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vipgate::tunnel_error_test {
namespace {

std::vector<uint16_t> taken(TunnelErrorRing& ring) {
  std::vector<uint16_t> mtus;
  ring.take([&](const TunnelError& error) { mtus.push_back(error.mtu); });
  return mtus;
}

TEST(TunnelErrorRing, GivesWhatWasPutOnceAndInOrder) {
  TunnelErrorRing ring;
  EXPECT_TRUE(taken(ring).empty());
  for (uint16_t round = 0; round < 5; ++round) {
    for (uint16_t i = 0; i < 3; ++i) EXPECT_TRUE(ring.put({.mtu = i}));
    EXPECT_EQ(taken(ring), (std::vector<uint16_t>{0, 1, 2}));
  }
  EXPECT_TRUE(taken(ring).empty());
}

TEST(TunnelErrorRing, TakesNothingWhileItIsFull) {
  TunnelErrorRing ring;
  for (uint16_t i = 0; i < TunnelErrorRing::kSize; ++i) EXPECT_TRUE(ring.put({.mtu = i}));
  EXPECT_FALSE(ring.put({.mtu = 1000}));
  EXPECT_EQ(taken(ring).size(), TunnelErrorRing::kSize);
  EXPECT_TRUE(ring.put({.mtu = 1001}));
  EXPECT_EQ(taken(ring), std::vector<uint16_t>{1001});
}

TEST(TunnelErrorRing, OneThreadPutsWhileAnotherTakes) {
  TunnelErrorRing ring;
  constexpr uint16_t kErrors = 20'000;
  std::thread worker([&] {
    for (uint16_t i = 0; i < kErrors;) {
      if (ring.put({.mtu = i, .length = i})) ++i;
    }
  });
  uint16_t next = 0;
  while (next < kErrors) {
    ring.take([&](const TunnelError& error) {
      EXPECT_EQ(error.mtu, next);
      EXPECT_EQ(error.length, next++);
    });
  }
  worker.join();
}

}  // namespace
}  // namespace vipgate::tunnel_error_test
