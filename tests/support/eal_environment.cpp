#include "tests/support/eal_environment.h"

#include "dataplane/eal.h"

namespace vipgate::test {

void EalEnvironment::SetUp() {
  EalOptions options;
  options.huge_pages = HugePages::kOff;
  options.memory_mb = 256;
  const Result<EalMode> mode = start_eal(options);
  ASSERT_TRUE(mode.ok()) << mode.error();
}

void EalEnvironment::TearDown() { stop_eal(); }

}  // namespace vipgate::test
