#include "controlplane/dns/record_gate.h"

#include <gtest/gtest.h>

namespace vipgate::record_gate_test {
namespace {

DnsRecord address(const std::string& owner, const std::string& ip) {
  return *dns_address_record(owner, *parse_ip_address(ip), 5);
}

using Records = std::vector<DnsRecord>;

// Of which all workers have passed version 1.
struct RecordGateTest : testing::Test {
  RecordGateTest() {
    gate.want(old);
    gate.advance(0, true);
    gate.published(1);
  }
  const DnsRecord old = address("a.z", "11.0.0.1");
  const DnsRecord other = address("b.z", "11.0.0.2");
  const DnsRecord moved = address("a.z", "11.0.0.3");
  RecordGate gate;
};

TEST_F(RecordGateTest, ARecordWaitsForTheSnapshotThatForwardsItsVip) {
  gate.want(other);
  EXPECT_TRUE(gate.advance(1, false).empty());
  gate.published(2);
  EXPECT_TRUE(gate.advance(1, false).empty());
  EXPECT_TRUE(gate.waits());
  EXPECT_EQ(gate.advance(2, false).served, Records{other});
  EXPECT_FALSE(gate.waits());
}

TEST_F(RecordGateTest, ALaterRecordDoesNotHoldUpAnEarlierOne) {
  gate.want(other);
  gate.advance(1, false);
  gate.published(2);
  gate.want(address("c.z", "11.0.0.4"));
  EXPECT_EQ(gate.advance(2, false).served, Records{other});
  gate.published(3);
  EXPECT_TRUE(gate.waits());
}

TEST_F(RecordGateTest, ARemovedRecordGoesAtOnce) {
  gate.unwant(old);
  EXPECT_EQ(gate.advance(1, false).withdrawn, Records{old});
  EXPECT_FALSE(gate.waits());
}

TEST_F(RecordGateTest, ANameThatMovesKeepsItsOldAddressUntilTheNewOneForwards) {
  gate.unwant(old);
  gate.want(moved);
  EXPECT_TRUE(gate.advance(1, false).empty());
  gate.published(2);
  const auto change = gate.advance(2, false);
  EXPECT_EQ(change.served, Records{moved});
  EXPECT_EQ(change.withdrawn, Records{old});
}

TEST_F(RecordGateTest, AMoveThatIsGivenUpTakesTheOldAddressToo) {
  gate.unwant(old);
  gate.want(moved);
  gate.advance(1, false);
  gate.published(2);
  gate.unwant(moved);
  EXPECT_EQ(gate.advance(1, false).withdrawn, Records{old});
}

TEST_F(RecordGateTest, ARecordOfTwoServicesStaysUntilBothAreGone) {
  gate.want(old);
  gate.unwant(old);
  EXPECT_TRUE(gate.advance(1, false).empty());
  gate.unwant(old);
  EXPECT_EQ(gate.advance(1, false).withdrawn, Records{old});
}

TEST_F(RecordGateTest, ARecordThatCameAndWentBetweenTwoSnapshotsIsNeverServed) {
  gate.want(other);
  gate.unwant(other);
  EXPECT_TRUE(gate.advance(1, false).empty());
  gate.published(2);
  EXPECT_TRUE(gate.advance(2, false).empty());
  EXPECT_FALSE(gate.waits());
}

TEST_F(RecordGateTest, ARecordThatCameBackWhileItWaitedCountsFromItsReturn) {
  gate.want(other);
  gate.advance(1, false);
  gate.published(2);
  gate.unwant(other);
  gate.advance(1, false);
  gate.published(3);
  gate.want(other);
  EXPECT_TRUE(gate.advance(3, false).empty());
  gate.published(4);
  EXPECT_TRUE(gate.advance(3, false).empty());
  EXPECT_EQ(gate.advance(4, false).served, Records{other});
}

}  // namespace
}  // namespace vipgate::record_gate_test
