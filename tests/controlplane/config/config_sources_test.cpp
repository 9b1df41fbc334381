// What the reader makes of the sections about Mesos, Marathon, named VIPs, health and the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"
#include "tests/support/address_text.h"

namespace vipgate::config_sources_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Config good(std::string_view text, ConfigUse use = ConfigUse::kRun) {
  auto config = parse_config(text, "f", use);
  EXPECT_TRUE(config.ok()) << config.error() << "\n" << text;
  return config.ok() ? *config : Config{};
}

using test::ip;

TEST(ConfigSources, AnEmptyFileHasNoSourceAndTheRangesOfDcos) {
  const Config config = good("");
  EXPECT_TRUE(config.mesos.empty());
  EXPECT_TRUE(config.marathon.empty());
  EXPECT_TRUE(config.named_vips.enabled);
  EXPECT_EQ(config.named_vips.ipv4, (IpRange{ip("11.0.0.0"), ip("11.255.255.255")}));
  EXPECT_EQ(config.named_vips.ipv6, (IpRange{ip("fd01:c::"), ip("fd01:c::ffff:ffff:ffff:ffff")}));
  EXPECT_EQ(config.named_vips.zone, "l4lb.thisdcos.directory");
  EXPECT_EQ(config.store, "sqlite:/var/lib/vipgate/state.db");
  EXPECT_EQ(config.defaults.health, HealthConfig{});
  EXPECT_FALSE(config.dns.ptr);
}

TEST(ConfigSources, EveryKeyOfAClusterIsTaken) {
  const Config config = good(R"(
mesos:
  - masters: ["10.0.0.1:5050", "https://m2:5051", "http://[fd00::3]:5050"]
    domain: prod
    ip_sources: [host, docker]
    enforce_rfc952: true
    srv_weight: 7
    healthy_only: true
    ptr: true
    ttl_s: 0
    auth: {type: basic, principal: gw, secret_file: /etc/secret}
    tls: {ca_file: /etc/ca.pem, cert_file: /etc/cert.pem, key_file: /etc/key.pem}
    sweep_s: 60
    poll_s: 5
    recovery_s: 700
    max_record_mb: 16
    stale_limit_s: 3600
  - masters: ["zk://user:se:cr@t@h1:2181,h2:2181/a/mesos"]
    domain: test
    auth: {type: iam, config_file: /etc/iam.json}
marathon:
  - {urls: ["https://m:8443/service/marathon"], framework: user}
named_vips: {mode: nat}
)");
  ASSERT_EQ(config.mesos.size(), 2u);
  MesosConfig wanted;
  wanted.masters = {"10.0.0.1:5050", "https://m2:5051", "http://[fd00::3]:5050"};
  wanted.domain = "prod";
  wanted.ip_sources = {IpSource::kHost, IpSource::kDocker};
  wanted.enforce_rfc952 = wanted.healthy_only = wanted.ptr = true;
  wanted.srv_weight = 7;
  wanted.ttl_s = 0;
  wanted.auth = {MesosAuthType::kBasic, "gw", "/etc/secret", ""};
  wanted.tls = {"/etc/ca.pem", "/etc/cert.pem", "/etc/key.pem"};
  wanted.sweep_s = 60;
  wanted.poll_s = 5;
  wanted.recovery_s = 700;
  wanted.max_record_mb = 16;
  wanted.stale_limit_s = 3600;
  EXPECT_EQ(config.mesos[0], wanted);
  EXPECT_THAT(config.mesos[1].masters, ElementsAre("zk://user:se:cr@t@h1:2181,h2:2181/a/mesos"));
  EXPECT_EQ(config.mesos[1].ttl_s, -1);
  ASSERT_EQ(config.marathon.size(), 1u);
  EXPECT_EQ(config.marathon[0].framework, "user");
}

TEST(ConfigSources, RangesOfNamedVipsAreFirstToLastOrAPrefix) {
  const Config config = good(R"(
named_vips:
  ipv4: 10.77.0.0/16
  ipv6: "fd00::10-fd00::20"
  ip_vips: [10.20.0.0/16, "fd00:1::/32"]
  claims: [{framework: "*", names: ["team-*", "*"]}, {framework: dev, addresses: [10.20.1.0/24]}]
)");
  EXPECT_EQ(config.named_vips.ipv4, (IpRange{ip("10.77.0.0"), ip("10.77.255.255")}));
  EXPECT_EQ(config.named_vips.ipv6, (IpRange{ip("fd00::10"), ip("fd00::20")}));
  EXPECT_EQ(config.named_vips.ip_vips[0], (IpPrefix{ip("10.20.0.0"), 16}));
  ASSERT_EQ(config.named_vips.claims.size(), 2u);
  EXPECT_THAT(config.named_vips.claims[0].names, ElementsAre("team-*", "*"));
  EXPECT_EQ(config.named_vips.claims[1].framework, "dev");
}

TEST(ConfigSources, HealthIsTakenFromTheServiceElseFromTheDefaults) {
  const Config config = good(R"(
defaults: {mode: nat, health: {type: http, interval_s: 7, path: /up, status: 204}}
services:
  - {name: own, vip: 11.0.0.1, port: 80, health: {type: dns, host: example.com., port: 53}}
  - {name: plain, vip: 11.0.0.2, port: 80}
named_vips: {health: {panic_percent: 30}}
)");
  EXPECT_EQ(config.services[0].health.type, HealthType::kDns);
  EXPECT_EQ(config.services[0].health.port, 53);
  EXPECT_EQ(config.services[0].health.interval_s, 7);
  EXPECT_EQ(config.services[1].health, config.defaults.health);
  EXPECT_EQ(config.services[1].health.status_min, 204);
  EXPECT_EQ(config.services[1].health.status_max, 204);
  EXPECT_EQ(config.named_vips.health.path, "/up");
  EXPECT_EQ(config.named_vips.health.panic_percent, 30);
  EXPECT_EQ(config.named_vips.mode, Mode::kNat);
}

TEST(ConfigSources, AnAutomaticVipHasTheFamilyOfItsReals) {
  const Config config = good(R"(
services:
  - {name: a, vip: auto, port: 80, mode: nat, reals: [{address: "fd00::1", port: 1}]}
  - {name: a, vip: auto, port: 80, mode: nat, reals: [{address: 10.0.0.1, port: 1}]}
  - {name: b, vip: auto, port: 80, mode: nat}
  - {name: c, vip: 11.0.0.9, port: 80, mode: nat}
)");
  EXPECT_TRUE(config.services[0].vip_auto);
  EXPECT_EQ(config.services[0].vip, IpAddress{});
  EXPECT_EQ(vip_family(config.services[0]), 6);
  EXPECT_EQ(vip_family(config.services[1]), 4);
  EXPECT_EQ(vip_family(config.services[2]), 4);
  EXPECT_FALSE(config.services[3].vip_auto);
}

TEST(ConfigSources, AddressesOfOnesOwnMayLieInTheRangesWhenNothingIsGivenOutOfThem) {
  const std::string port = "ports: [{name: p, device: d, addresses: [11.0.0.2/24]}]\n";
  good(port);
  good(port + "mesos: [{masters: ['m:5050']}]\nnamed_vips: {enabled: false}\n");
  const auto used =
      parse_config(port + "mesos: [{masters: ['m:5050']}]\nnamed_vips: {mode: nat}\n", "f");
  ASSERT_FALSE(used.ok());
  EXPECT_THAT(used.error(), HasSubstr("11.0.0.2 cannot be a port's address: it lies in the range"));
}

TEST(ConfigSources, AServiceMayHaveItsVipInTheRanges) {
  EXPECT_EQ(good("services: [{name: a, vip: 11.0.0.2, port: 80, mode: nat}]\n"
                 "mesos: [{masters: ['m:5050']}]\nnamed_vips: {mode: nat}\n")
                .services[0]
                .vip,
            ip("11.0.0.2"));
}

TEST(ConfigSources, CompilingNeedsNeitherTheZonesOfTheSourcesNorAPool) {
  constexpr std::string_view kText =
      "mesos: [{masters: ['m:5050'], domain: prod}]\n"
      "dns: {listen: [10.0.0.53], zones: [{name: other}]}\n";
  EXPECT_FALSE(parse_config(kText, "f").ok());
  EXPECT_EQ(good(kText, ConfigUse::kCompile).mesos[0].domain, "prod");
}

TEST(ConfigSources, RecordsOfAZoneAreTakenAsTheyAreWritten) {
  const Config config = good(R"(
dns:
  udp_size: 1400
  ttl_s: 60
  ttl: { soa: 300, ns: auto }
  zones:
    - name: z
      ttl_s: 9
      ttl: { a: 0 }
      records:
        - {name: "@", type: A, data: 10.0.0.1}
        - {name: "apps", type: CNAME, ttl_s: 0, data: www.z.}
        - {name: _sip._tcp, type: SRV, data: 0 5 5060 .}
)");
  const auto& records = config.dns.zones[0].records;
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].ttl_s, -1);
  EXPECT_EQ(records[0].position.line, 11);
  EXPECT_EQ(config.dns.udp_size, 1400);
  EXPECT_EQ(config.dns.ttl, (DnsTtls{{DnsType::kSoa, 300}}));
  EXPECT_EQ(config.dns.zones[0].ttl_s, 9);
  EXPECT_EQ(config.dns.zones[0].ttl, (DnsTtls{{DnsType::kA, 0}}));
  EXPECT_EQ(records[1].name, "apps");
  EXPECT_EQ(records[1].ttl_s, 0);
  EXPECT_EQ(records[2].data, "0 5 5060 .");
}

}  // namespace
}  // namespace vipgate::config_sources_test
