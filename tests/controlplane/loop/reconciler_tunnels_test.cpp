// What ICMP errors about tunnels' own packets do to the snapshot.
#include <gtest/gtest.h>

#include "tests/controlplane/loop/reconciler_fixture.h"
#include "tests/controlplane/loop/tunnel_quotes.h"

namespace vipgate::reconciler_tunnels_test {
namespace {

constexpr char kTunnels[] = R"(
  - { name: a, vip: 11.0.0.1, port: 80, protocol: tcp, mode: ipip,
      reals: [{ address: 10.0.1.1 }, { address: 10.0.1.2 }] }
  - { name: b, vip: 11.0.0.2, port: 80, protocol: tcp, mode: gre, reals: [{ address: 10.0.1.1 }] }
  - { name: c, vip: "fd11::1", port: 80, protocol: tcp, mode: ipip, reals: [{ address: 10.0.1.1 }] }
)";
constexpr uint16_t kFull = 1500 - 20;

class ReconcilerTunnels : public ReconcilerFixture {
 protected:
  ReconcilerTunnels() { start(config_of(kTunnels)); }
  // Of the service's tunnel to that real.
  uint16_t longest(const std::string& service, const char* real) const {
    const IpAddress address = *parse_ip_address(real);
    for (uint32_t page = 0; page < last().real_pages.size(); ++page) {
      for (uint32_t i = 0; i < kPageSize; ++i) {
        const RealEntry& entry = last().real_pages[page]->entries[i];
        if (entry.service == kNone || entry.address != address) continue;
        if (last().service_info(entry.service).name != service) continue;
        return last().tunnel(RealId(page * kPageSize + i, entry.generation)).max_inner;
      }
    }
    ADD_FAILURE() << service << " has no real " << real;
    return 0;
  }
  static TunnelCase from_a() {
    return {"", "172.16.3.4", "10.0.1.1", kProtocolIpv4, {}, "192.0.2.1", "11.0.0.1"};
  }
  void tell(const TunnelCase& kind, uint16_t mtu, int64_t now_s, size_t there = SIZE_MAX) {
    const TunnelError error = tunnel_error(kind.packet(), mtu, there);
    ASSERT_TRUE(reconciler->tunnel_errors({&error, 1}, now_s).ok());
  }
  uint64_t lowered() const {
    for (const auto& [name, value] : reconciler->counters()) {
      if (name == "tunnels.lowered_mtus") return value;
    }
    return UINT64_MAX;
  }
};

TEST_F(ReconcilerTunnels, AllTunnelsToTheRealTakeShorterPacketsAndNoOthers) {
  ASSERT_EQ(longest("a", "10.0.1.1"), kFull);
  tell(from_a(), 1400, 0);
  EXPECT_EQ(longest("a", "10.0.1.1"), 1380);
  EXPECT_EQ(longest("a", "10.0.1.2"), kFull);
  EXPECT_EQ(longest("b", "10.0.1.1"), 1376) << "GRE takes four bytes more";
  EXPECT_EQ(longest("c", "10.0.1.1"), 1380);
  EXPECT_EQ(lowered(), 1u);
}

TEST_F(ReconcilerTunnels, AQuoteWithoutThePacketWithinIsEnough) {
  tell(from_a(), 1400, 0, 28);
  EXPECT_EQ(longest("a", "10.0.1.1"), 1380);
}

TEST_F(ReconcilerTunnels, AfterTenMinutesTheyTakeTheOldLengthAgain) {
  tell(from_a(), 1400, 50);
  const size_t published = dataplane.published.size();
  tell(from_a(), 1400, 60);
  EXPECT_EQ(dataplane.published.size(), published) << "it says nothing new";
  EXPECT_EQ(reconciler->next_deadline_s(), 650);
  ASSERT_TRUE(reconciler->tick(659).ok());
  EXPECT_EQ(longest("a", "10.0.1.1"), 1380);
  ASSERT_TRUE(reconciler->tick(660).ok());
  EXPECT_EQ(longest("a", "10.0.1.1"), kFull);
  EXPECT_EQ(longest("b", "10.0.1.1"), 1500 - 24);
  EXPECT_EQ(lowered(), 0u);
}

TEST_F(ReconcilerTunnels, WhatNoTunnelOfOursSentIsNotBelieved) {
  const size_t published = dataplane.published.size();
  int which = 0;
  for (TunnelCase forged : std::vector<TunnelCase>(4, from_a())) {
    switch (which++) {
      case 0:
        forged.source = "172.17.3.4";
        break;
      case 1:
        forged.real = "10.0.1.3";
        break;
      case 2:
        forged.vip = "11.0.0.2";
        break;
      default:
        forged.protocol = kProtocolUdp;
    }
    tell(forged, 1300, 0);
  }
  EXPECT_EQ(dataplane.published.size(), published);
  EXPECT_EQ(longest("a", "10.0.1.1"), kFull);
}

TEST_F(ReconcilerTunnels, NoErrorCutsATunnelOff) {
  tell(from_a(), 0, 0);
  EXPECT_EQ(longest("a", "10.0.1.1"), 1280 - 20);
  EXPECT_EQ(longest("c", "10.0.1.1"), 1280) << "IPv6 has no less";
}

TEST_F(ReconcilerTunnels, WhatIsLoweredStaysSoOverAReload) {
  tell(from_a(), 1400, 0);
  ASSERT_TRUE(
      reconciler->apply(config_of(std::string(kTunnels) + one("d", "11.0.0.4", kReal)), 10).ok());
  EXPECT_EQ(longest("a", "10.0.1.1"), 1380);
}

}  // namespace
}  // namespace vipgate::reconciler_tunnels_test
