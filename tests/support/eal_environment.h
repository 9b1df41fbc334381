// DPDK for tests: EAL without huge pages, PCI or privileges, started once per test program.
#pragma once

#include <gtest/gtest.h>

namespace vipgate::test {

// Register it once per program with ::testing::AddGlobalTestEnvironment.
class EalEnvironment : public ::testing::Environment {
 public:
  void SetUp() override;
  void TearDown() override;
};

}  // namespace vipgate::test
