#include "tests/support/zookeeper_server.h"

#include <gtest/gtest.h>

namespace vipgate::test {
namespace {

TEST(ZookeeperServer, AnswersAfterAStopAndAStartOnTheSamePort) {
  if (const Status here = ZookeeperServer::available(); !here) GTEST_SKIP() << here.error();
  auto server = ZookeeperServer::create();
  ASSERT_TRUE(server.ok()) << server.error();
  const uint16_t port = (*server)->port();
  EXPECT_EQ((*server)->ask("ruok"), "imok");
  (*server)->stop();
  EXPECT_EQ((*server)->ask("ruok"), "");
  const Status again = (*server)->start();
  ASSERT_TRUE(again.ok()) << again.error();
  EXPECT_EQ((*server)->ask("ruok"), "imok");
  EXPECT_EQ((*server)->port(), port);
}

}  // namespace
}  // namespace vipgate::test
