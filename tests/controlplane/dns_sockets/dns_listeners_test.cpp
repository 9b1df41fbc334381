// In a network namespace, whose `lo` stands for a port's TAP.
#include "controlplane/dns_sockets/dns_listeners.h"

#include <gtest/gtest.h>

#include "tests/support/address_text.h"
#include "tests/support/network_namespace.h"

namespace vipgate::dns_listeners_test {
namespace {

using vipgate::test::InNamespace;
using vipgate::test::NetworkNamespace;

using test::ip;

PortConfig port(const std::string& prefix) {
  PortConfig port;
  port.addresses = {parse_ip_prefix(prefix).value()};
  return port;
}

TEST(DnsInterface, IsThatOfThePortInWhosePrefixTheAddressLies) {
  const std::vector<PortConfig> ports = {port("10.9.0.2/24"), port("10.9.1.2/24"),
                                         port("10.9.2.2/24")};
  EXPECT_EQ(dns_interface(ip("10.9.1.53"), ports, {"vg-a", "vg-b", "vg-c"}), "vg-b");
  EXPECT_EQ(dns_interface(ip("10.9.9.53"), ports, {"vg-a", "vg-b", "vg-c"}), "vg-a") << "the first";
  EXPECT_EQ(dns_interface(ip("10.9.0.53"), ports, {"", "vg-b", "vg-c"}), "vg-b")
      << "that port has no kernel side";
  EXPECT_EQ(dns_interface(ip("10.9.0.53"), ports, {"", "", ""}), "");
}

class DnsListenersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    net_ = NetworkNamespace::create();
    if (net_ == nullptr) GTEST_SKIP() << "network namespaces are not permitted";
    inside_ = std::make_unique<InNamespace>(*net_);
    config_.ports = {port("10.9.0.2/24")};
    listeners_ = std::make_unique<DnsListeners>(
        [](std::span<uint8_t>, size_t length, const IpAddress&) {
          DnsStreamAnswer echo;
          echo.length = length;
          return echo;
        },
        [](std::span<uint8_t>, size_t length, const AddressAndPort&) {
          return static_cast<uint16_t>(length);
        },
        std::vector<std::string>{"lo"});
  }
  void TearDown() override {
    listeners_.reset();
    inside_.reset();
  }
  void follow(const std::vector<IpAddress>& addresses) {
    config_.dns.listen = addresses;
    listeners_->follow(config_);
  }
  bool is_there(const std::string& address) const {
    return net_->run("ip addr show dev lo | grep -q ' " + address + "/'");
  }
  bool answers(const std::string& address) const {
    return net_->run("ss -Hltn | grep -qF '" + address + ":53 '") &&
           net_->run("ss -Hlun | grep -qF '" + address + ":53 '");
  }

  std::unique_ptr<NetworkNamespace> net_;
  std::unique_ptr<InNamespace> inside_;
  Config config_;
  std::unique_ptr<DnsListeners> listeners_;
};

TEST_F(DnsListenersTest, AddressesComeAndGoWithTheConfiguration) {
  follow({ip("10.9.0.53"), ip("fd09::53")});
  EXPECT_TRUE(is_there("10.9.0.53") && is_there("fd09::53"));
  EXPECT_TRUE(answers("10.9.0.53") && answers("[fd09::53]"));
  follow({ip("10.9.0.54"), ip("fd09::53")});
  EXPECT_FALSE(is_there("10.9.0.53") || answers("10.9.0.53"));
  EXPECT_TRUE(is_there("10.9.0.54") && answers("10.9.0.54"));
  EXPECT_TRUE(is_there("fd09::53") && answers("[fd09::53]"));
  listeners_.reset();
  EXPECT_FALSE(is_there("10.9.0.54") || is_there("fd09::53"));
}

TEST_F(DnsListenersTest, AnAddressThatIsThereIsListenedOnAndStays) {
  ASSERT_TRUE(net_->run("ip addr add 10.9.0.53/32 dev lo"));
  follow({ip("10.9.0.53")});
  EXPECT_TRUE(answers("10.9.0.53"));
  listeners_.reset();
  EXPECT_TRUE(is_there("10.9.0.53"));
}

TEST_F(DnsListenersTest, Ipv6AddressesAreDeprecatedFromTheStart) {
  follow({ip("fd09::53")});
  EXPECT_TRUE(net_->run("ip -6 addr show dev lo deprecated | grep -q ' fd09::53/'"));
}

}  // namespace
}  // namespace vipgate::dns_listeners_test
