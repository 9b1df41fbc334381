#include "controlplane/rest/vip_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vipgate::vip_listing_test {
namespace {

using ::testing::HasSubstr;

IpAddress address_of(const std::string& text) { return parse_ip_address(text).value(); }

ServiceConfig vip_of(const std::string& name, const std::string& vip, uint16_t port,
                     const std::vector<std::string>& reals) {
  ServiceConfig service;
  service.name = name;
  service.vip = address_of(vip);
  service.port = port;
  for (const std::string& real : reals) service.reals.push_back({address_of(real), 8080, 1, {}});
  return service;
}

DnsOptions with_zone() {
  DnsOptions dns;
  DnsZoneOptions& zone = dns.zones.emplace_back();
  zone.name = "l4lb.test";
  zone.services = true;
  return dns;
}

// By as many parts as it takes.
std::string vips_text_of(const Model& model, size_t most) {
  VipListing listing;
  while (list_vips(model, listing, most)) {
  }
  return vips_text(listing, with_zone());
}

class VipListingTest : public ::testing::Test {
 protected:
  void update(std::vector<ServiceConfig> services) {
    Config config;
    config.services = std::move(services);
    const auto change = model_.update(config, 0);
    ASSERT_TRUE(change.ok()) << change.error();
  }
  Model model_;
};

TEST_F(VipListingTest, AVipIsToldByItsNameOrElseByItsAddress) {
  update({vip_of("redis.marathon", "11.0.0.1", 6379, {"10.0.0.1", "10.0.0.2"}),
          vip_of("", "fd01::1", 80, {})});
  EXPECT_EQ(vips_text_of(model_, SIZE_MAX), R"([
 {
  "vip": "fd01::1:80",
  "protocol": "tcp",
  "backend": []
 },
 {
  "vip": "redis.marathon.l4lb.test:6379",
  "protocol": "tcp",
  "backend": [
   {
    "ip": "10.0.0.1",
    "port": 8080
   },
   {
    "ip": "10.0.0.2",
    "port": 8080
   }
  ]
 }
]
)");
}

TEST_F(VipListingTest, BothFamiliesOfANameAreOneVip) {
  update({vip_of("a", "11.0.0.1", 80, {"10.0.0.1"}), vip_of("a", "fd01::1", 80, {"fd00::1"})});
  const std::string text = vips_text_of(model_, SIZE_MAX);
  EXPECT_EQ(text.find("a.l4lb.test:80"), text.rfind("a.l4lb.test:80"));
  EXPECT_THAT(text, HasSubstr("\"ip\": \"10.0.0.1\""));
  EXPECT_THAT(text, HasSubstr("\"ip\": \"fd00::1\""));
}

TEST_F(VipListingTest, OnlyBackendsThatTakeNewFlowsAreTold) {
  ServiceConfig service = vip_of("a", "11.0.0.1", 80, {"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  update({service});
  service.reals[1].weight = 0;
  service.reals.pop_back();  // it drains
  update({service});
  Model one;
  Config config;
  config.services = {vip_of("a", "11.0.0.1", 80, {"10.0.0.1"})};
  ASSERT_TRUE(one.update(config, 0).ok());
  EXPECT_EQ(vips_text_of(model_, SIZE_MAX), vips_text_of(one, SIZE_MAX));
}

TEST_F(VipListingTest, ServicesOfManyPortsOrAddressesAndThoseThatLeaveAreLeftOut) {
  ServiceConfig any_port = vip_of("any", "11.0.0.1", 0, {"10.0.0.1"});
  any_port.extent.port_last = kLastPort;
  ServiceConfig prefix = vip_of("", "11.1.0.0", 80, {"10.0.0.1"});
  prefix.extent.prefix_length = 16;
  update({any_port, prefix, vip_of("gone", "11.0.0.2", 80, {"10.0.0.1"})});
  update({any_port, prefix});
  EXPECT_EQ(model_.services().size(), 3u);
  EXPECT_EQ(vips_text_of(model_, SIZE_MAX), "[]\n");
}

TEST_F(VipListingTest, PartsOfAnySizeMakeTheWhole) {
  std::vector<ServiceConfig> services;
  for (int i = 1; i < 50; ++i) {
    std::vector<std::string> reals;
    for (int real = 0; real < i % 7; ++real) reals.push_back("10.0.0." + std::to_string(real + 1));
    services.push_back(vip_of("s" + std::to_string(i), "11.0.0." + std::to_string(i), 80, reals));
  }
  update(services);
  const std::string whole = vips_text_of(model_, SIZE_MAX);
  for (const size_t most : {1, 2, 3, 10, 100}) EXPECT_EQ(vips_text_of(model_, most), whole) << most;
}

}  // namespace
}  // namespace vipgate::vip_listing_test
