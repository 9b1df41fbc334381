// Gives every test of this program a started EAL.
#include "tests/support/eal_environment.h"

namespace {

[[maybe_unused]] const ::testing::Environment* const kEal =
    ::testing::AddGlobalTestEnvironment(new vipgate::test::EalEnvironment);

}  // namespace
