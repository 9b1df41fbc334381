#include "controlplane/config/zookeeper_url.h"

#include <gtest/gtest.h>

namespace vipgate::zookeeper_url_test {
namespace {

TEST(ZookeeperUrlTest, HostsCredentialsAndPathAreTakenApart) {
  EXPECT_EQ(*parse_zookeeper_url("zk://h1:2181,h2:2182/mesos"),
            (ZookeeperUrl{"", "h1:2181,h2:2182", "/mesos"}));
  EXPECT_EQ(*parse_zookeeper_url("zk://u:p@ss:w@[fd00::1]:2181/a/b"),
            (ZookeeperUrl{"u:p@ss:w", "[fd00::1]:2181", "/a/b"}));
}

TEST(ZookeeperUrlTest, WhatIsNoneIsRefusedWithoutShowingThePassword) {
  for (const char* text :
       {"", "http://h:1/mesos", "zk://", "zk://h:2181", "zk://h:2181/", "zk://h:2181/m/",
        "zk://h/m", "zk:///m", "zk://,h:1/m", "zk://a:1,,b:1/m", "zk://u@h:1/m", "zk://u:@h:1/m",
        "zk://u:hunter2@/m", "zk://u:hunter2@h h:1/m", "zk://h:1//m", "zk://h:1/a/../m"}) {
    const auto url = parse_zookeeper_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace vipgate::zookeeper_url_test
