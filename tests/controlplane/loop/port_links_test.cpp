#include "controlplane/loop/port_links.h"

#include <gtest/gtest.h>

namespace vipgate::port_links_test {
namespace {

Config three_ports(std::vector<std::string> clients = {}) {
  Config config;
  for (const char* name : {"edge", "spare", "cluster"}) {
    config.ports.push_back({});
    config.ports.back().name = name;
  }
  config.announce.ports = std::move(clients);
  return config;
}
constexpr uint32_t kCluster = 1u << 2;  // reals are reached by it

// "edge up, cluster down"
std::string text(const std::vector<PortLinks::Change>& changes) {
  std::string all;
  for (const auto& [port, is_up] : changes) {
    all += (all.empty() ? "" : ", ") + port + (is_up ? " up" : " down");
  }
  return all;
}

std::optional<uint64_t> counter(const PortLinks& links, const std::string& name) {
  for (const auto& [counter, value] : links.counters()) {
    if (counter == "port." + name) return value;
  }
  return std::nullopt;
}

TEST(PortLinks, AChangeIsToldOnceAndAtFirstOnlyWhatIsDown) {
  PortLinks links(three_ports());
  EXPECT_EQ(text(links.note({true, true, false})), "cluster down");
  EXPECT_EQ(text(links.note({true, true, false})), "");
  EXPECT_EQ(text(links.note({false, true, true})), "edge down, cluster up");
  EXPECT_EQ(text(links.note({false, true, true})), "");
}

TEST(PortLinks, LossesAreCountedOfLinksThatWereThere) {
  PortLinks links(three_ports());
  (void)links.note({true, true, false});
  EXPECT_EQ(counter(links, "edge.link_losses"), std::nullopt);
  for (const bool up : {false, true, false, false}) (void)links.note({up, true, true});
  EXPECT_EQ(counter(links, "edge.link_losses"), 2u);
  EXPECT_EQ(counter(links, "spare.link_losses"), std::nullopt);
}

TEST(PortLinks, WhoeverHasNoLinkNowIsCounted) {
  PortLinks links(three_ports());
  EXPECT_TRUE(links.counters().empty()) << "before anyone has looked";
  (void)links.note({true, true, false});
  EXPECT_EQ(counter(links, "edge.without_link"), 0u);
  EXPECT_EQ(counter(links, "cluster.without_link"), 1u);
  (void)links.note({true, true, true});
  EXPECT_EQ(counter(links, "cluster.without_link"), 0u);
}

TEST(PortLinks, ClientsComeByThePortsByWhichNoRealIsReached) {
  PortLinks links(three_ports());
  (void)links.note({false, true, true});
  EXPECT_TRUE(links.clients_can_come(kCluster)) << "by the spare port";
  (void)links.note({false, false, true});
  EXPECT_FALSE(links.clients_can_come(kCluster));
  (void)links.note({true, true, false});
  EXPECT_TRUE(links.clients_can_come(kCluster));
}

TEST(PortLinks, APortThatNeverHadLinkIsNoClients) {
  PortLinks links(three_ports());
  constexpr uint32_t kEdgeAndCluster = 0b101;
  (void)links.note({true, false, true});
  EXPECT_TRUE(links.clients_can_come(kEdgeAndCluster)) << "the spare port does not count";
  (void)links.note({false, false, false});
  EXPECT_FALSE(links.clients_can_come(kEdgeAndCluster));
  (void)links.note({false, true, false});
  EXPECT_TRUE(links.clients_can_come(kEdgeAndCluster)) << "from now on it does";
}

TEST(PortLinks, WhereRealsAreReachedByAllPortsClientsMayComeByAny) {
  PortLinks links(three_ports());
  (void)links.note({false, false, true});
  EXPECT_TRUE(links.clients_can_come(0b111));
  EXPECT_TRUE(links.clients_can_come(0)) << "there are no reals";
  (void)links.note({false, false, false});
  EXPECT_FALSE(links.clients_can_come(0b111));
}

TEST(PortLinks, ClientsComeByThePortsThatTheConfigurationNames) {
  PortLinks links(three_ports({"cluster", "edge"}));
  (void)links.note({false, true, true});
  EXPECT_TRUE(links.clients_can_come(kCluster));
  (void)links.note({false, true, false});
  EXPECT_FALSE(links.clients_can_come(kCluster)) << "the spare port is not theirs";
}

}  // namespace
}  // namespace vipgate::port_links_test
