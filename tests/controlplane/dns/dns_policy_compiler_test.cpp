#include "controlplane/dns/dns_policy_compiler.h"

#include <gtest/gtest.h>

#include "common/dns_policy.h"
#include "controlplane/config/config_reader.h"

namespace vipgate::dns_policy_compiler_test {
namespace {

constexpr std::string_view kForwarding =
    "snat_pools:\n"
    "  - {name: other, addresses: [10.9.1.98]}\n"
    "  - {name: dns, addresses: [10.9.1.99, 'fd09:1::99', 10.9.1.97]}\n"
    "dns:\n"
    "  forward:\n"
    "    policy: forward\n"
    "    clients: [10.0.0.0/8]\n"
    "    resolvers: [10.9.1.53, '[fd09:1::53]:5353']\n"
    "    zones: [{name: example, resolvers: ['10.9.1.54:54']},\n"
    "            {name: corp.example, resolvers: [10.9.1.55]}]\n"
    "    snat_pool: dns\n"
    "    race_after_ms: 100\n"
    "    cache: {stale_s: 60}\n";

TEST(DnsPolicyCompiler, NothingIsForwardedUnlessItIsWanted) {
  EXPECT_EQ(dns_policy_of(Config{}).forwarding, DnsForwarding{});
  EXPECT_FALSE(DnsPolicy{}.forwarding.is_on);
}

TEST(DnsPolicyCompiler, ForwardingIsAsTheConfigurationSays) {
  const auto config = parse_config(kForwarding, "f");
  ASSERT_TRUE(config.ok()) << config.error();
  const DnsForwarding forwarding = dns_policy_of(*config).forwarding;
  EXPECT_TRUE(forwarding.is_on);
  EXPECT_EQ(forwarding.race_after_ns, 100'000'000u);
  EXPECT_EQ(forwarding.timeout_ns, 2'000'000'000u);
  EXPECT_EQ(forwarding.stale_s, 60u);
  EXPECT_EQ(forwarding.sources4, (DnsSources{1, 2}));
  EXPECT_EQ(forwarding.sources6, (DnsSources{3, 1}));
  EXPECT_FALSE(forwarding.is_source(0));
  EXPECT_TRUE(forwarding.is_source(2));
  EXPECT_TRUE(forwarding.is_source(3));
  const std::array<uint8_t, 4> inside{10, 1, 2, 3}, outside{11, 1, 2, 3};
  EXPECT_TRUE(forwarding.serves(inside.data(), 4));
  EXPECT_FALSE(forwarding.serves(outside.data(), 4));
  EXPECT_FALSE(forwarding.serves(nullptr, 0));
}

TEST(DnsPolicyCompiler, LongestNameSaysWhoIsAsked) {
  const auto config = parse_config(kForwarding, "f");
  ASSERT_TRUE(config.ok()) << config.error();
  const DnsForwarding forwarding = dns_policy_of(*config).forwarding;
  const auto first = [&](std::string_view name) {
    const DnsResolver& resolver = forwarding.resolvers(dns_name_from_text(name).value()).front();
    return endpoint_to_string(resolver.address, resolver.port);
  };
  EXPECT_EQ(first("a.corp.example"), "10.9.1.55:53");
  EXPECT_EQ(first("corp.example"), "10.9.1.55:53");
  EXPECT_EQ(first("b.example"), "10.9.1.54:54");
  EXPECT_EQ(first("xcorp.example"), "10.9.1.54:54");
  EXPECT_EQ(first("notexample"), "10.9.1.53:53");
  EXPECT_EQ(first("."), "10.9.1.53:53");
  const auto& all = forwarding.resolvers(std::string_view("\0", 1));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(endpoint_to_string(all[1].address, all[1].port), "[fd09:1::53]:5353");
}

TEST(DnsPolicyCompiler, ResolversThatAreDownAreLeftOutWhileAnotherOfTheirListIsNot) {
  const auto config = parse_config(kForwarding, "f");
  ASSERT_TRUE(config.ok()) << config.error();
  DnsForwarding forwarding = dns_policy_of(*config).forwarding;
  const DnsForwarding all = forwarding;
  // Whether each resolver is left out, list after list.
  const auto left_out = [&](const std::set<RealKey>& down) {
    leave_out(forwarding, down);
    std::string marks;
    for (const DnsForwardZone& zone : forwarding.zones) {
      for (const DnsResolver& resolver : zone.resolvers) marks += resolver.is_left_out ? 'x' : '.';
      marks += ' ';
    }
    return marks;
  };
  const RealKey first{*parse_ip_address("10.9.1.53"), 53};
  const RealKey second{*parse_ip_address("fd09:1::53"), 5353};
  const RealKey lone{*parse_ip_address("10.9.1.55"), 53};
  EXPECT_EQ(left_out({first}), ". . x. ");
  EXPECT_EQ(left_out({second, lone}), ". . .x ") << "a lone one is asked all the same";
  EXPECT_EQ(left_out({first, second}), ". . .. ") << "all are tried";
  EXPECT_EQ(left_out({{first.address, 54}}), ". . .. ") << "the port tells them apart";
  EXPECT_EQ(left_out({}), ". . .. ");
  EXPECT_EQ(forwarding, all);
}

TEST(DnsPolicyCompiler, LocalZonesAreThereUnlessTheyAreNotWanted) {
  for (const bool is_wanted : {true, false}) {
    const auto config =
        parse_config(std::string(kForwarding) + (is_wanted ? "" : "  local_zones: false\n"), "f");
    ASSERT_TRUE(config.ok()) << config.error();
    EXPECT_EQ(dns_policy_of(*config).forwarding.has_local_zones, is_wanted);
  }
}

TEST(DnsPolicyCompiler, SearchListsAreThoseOfTheLongestPrefix) {
  const auto config = parse_config(
      "dns:\n"
      "  search:\n"
      "    - {clients: [10.0.0.0/8, 'fd00::/8'], suffixes: [marathon.mesos, corp.example]}\n"
      "    - {clients: [10.1.0.0/16], suffixes: [mesos]}\n",
      "f");
  ASSERT_TRUE(config.ok()) << config.error();
  const DnsSearch search = dns_policy_of(*config).search;
  EXPECT_TRUE(search.is_on());
  const auto of = [&](std::string_view client) {
    const IpAddress address = *parse_ip_address(client);
    std::string all;
    for (const std::string& suffix :
         search.suffixes(address.bytes().data(), static_cast<size_t>(address.bits()) / 8)) {
      all += dns_name_to_text(suffix) + " ";
    }
    return all;
  };
  EXPECT_EQ(of("10.2.0.1"), "marathon.mesos. corp.example. ");
  EXPECT_EQ(of("fd00::1"), "marathon.mesos. corp.example. ");
  EXPECT_EQ(of("10.1.0.1"), "mesos. ");
  EXPECT_EQ(of("192.0.2.1"), "");
  EXPECT_TRUE(search.suffixes(nullptr, 0).empty());
  EXPECT_FALSE(dns_policy_of(Config{}).search.is_on());
}

}  // namespace
}  // namespace vipgate::dns_policy_compiler_test
