#include "controlplane/config/config_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>

#include "controlplane/model/fallbacks.h"
#include "tests/support/address_text.h"

namespace vipgate::config_reader_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Config good(std::string_view text) {
  auto config = parse_config(text, "f");
  EXPECT_TRUE(config.ok()) << config.error() << "\n" << text;
  return config.ok() ? *config : Config{};
}

std::string bad(std::string_view text) {
  const auto config = parse_config(text, "f");
  return config.ok() ? "taken for good" : config.error();
}

using test::ip;

TEST(ConfigReader, AnEmptyFileGivesTheDefaults) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "services:\ndns:\n", "{}"}) {
    const Config config = good(text);
    EXPECT_EQ(config.node.name, "vipgate");
    EXPECT_EQ(config.dpdk, DpdkConfig{});
    EXPECT_THAT(config.control.cpus, ElementsAre(0));
    EXPECT_THAT(config.workers.cpus, ElementsAre(1));
    EXPECT_TRUE(config.ports.empty());
    EXPECT_EQ(config.limits.flows_per_worker, 1048576u);
    EXPECT_EQ(config.timeouts.tcp_established_s, 3600);
    EXPECT_EQ(config.defaults.mode, Mode::kFullnat);
    EXPECT_EQ(config.dns.soa.mname, "ns1.mesos.");
    EXPECT_EQ(config.log.level, LogLevel::kInfo);
    EXPECT_EQ(config.file, "f");
  }
}

TEST(ConfigReader, TheDemoFileMeansWhatItSays) {
  const auto demo = read_config(VIPGATE_SOURCE_DIR "/config/demo.yaml");
  ASSERT_TRUE(demo.ok()) << demo.error();
  EXPECT_EQ(demo->dpdk.huge_pages, HugePages::kAuto);
  EXPECT_EQ(demo->dpdk.memory_mb, 256u);
  EXPECT_EQ(demo->limits.flows_per_worker, 65536u);
  ASSERT_EQ(demo->ports.size(), 2u);
  EXPECT_EQ(demo->ports[0].name, "edge");
  EXPECT_EQ(demo->ports[1].device, "net_tap1,iface=vg1");
  EXPECT_EQ(to_string(demo->ports[1].addresses[1]), "fd09:1::2/64");
  EXPECT_TRUE(demo->ports[0].kernel && demo->ports[1].kernel);
  ASSERT_EQ(demo->snat_pools.size(), 1u);
  EXPECT_THAT(demo->snat_pools[0].addresses, ElementsAre(ip("10.9.1.100"), ip("10.9.1.101")));
  EXPECT_EQ(demo->snat_pools[0].ports, (PortRange{1024, 65535}));
  ASSERT_EQ(demo->services.size(), 1u);
  const ServiceConfig& redis = demo->services[0];
  EXPECT_EQ(redis.name, "redis.marathon");
  EXPECT_EQ(redis.vip, ip("11.202.66.36"));
  EXPECT_EQ(redis.port, 6379);
  ASSERT_EQ(redis.reals.size(), 3u);
  EXPECT_EQ(redis.reals[2].address, ip("10.9.1.13"));
  EXPECT_EQ(redis.reals[2].port, 31777);
  EXPECT_THAT(demo->dns.listen, ElementsAre(ip("10.9.0.53"), ip("fd09::53")));
  ASSERT_NE(services_zone(*demo), nullptr);
  EXPECT_EQ(services_zone(*demo)->name, "l4lb.thisdcos.directory");
  EXPECT_THAT(services_zone(*demo)->aliases, ElementsAre("dclb.thisdcos.directory"));
}

TEST(ConfigReader, TheMinimalFileHasNoServiceAndBothZones) {
  const auto minimal = read_config(VIPGATE_SOURCE_DIR "/config/minimal.yaml");
  ASSERT_TRUE(minimal.ok()) << minimal.error();
  EXPECT_TRUE(minimal->services.empty());
  ASSERT_EQ(minimal->dns.zones.size(), 2u);
  EXPECT_EQ(minimal->dns.zones[0].name, "mesos");
  EXPECT_EQ(services_zone(*minimal), &minimal->dns.zones[1]);
  EXPECT_FALSE(minimal->dns.listen.empty());
}

TEST(ConfigReader, TheFileForDcosHasTheZonesAndNamesOfDcosDns) {
  const auto dcos = read_config(VIPGATE_SOURCE_DIR "/config/dcos.yaml");
  ASSERT_TRUE(dcos.ok()) << dcos.error();
  std::set<std::string> names;
  for (const ZoneConfig& zone : dcos->dns.zones) {
    names.insert(zone.name);
    names.insert(zone.aliases.begin(), zone.aliases.end());
    for (const DnsRecordConfig& record : zone.records) names.insert(record.name + "." + zone.name);
  }
  for (const char* name :
       {"mesos", "mesos.thisdcos.directory", "l4lb.thisdcos.directory", "dclb.thisdcos.directory",
        "dclb.thisdcos.global", "dcos.thisdcos.directory", "thisdcos.directory", "thisdcos.global",
        "thisnode.thisdcos.directory", "ready.spartan", "ns.spartan", "zk-1.zk"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_EQ(services_zone(*dcos)->name, "l4lb.thisdcos.directory");
  EXPECT_TRUE(dcos->dns.forward.is_on);
}

TEST(ConfigReader, AServiceTakesItsOwnValuesElseTheDefaultsWhereverTheyStandInTheFile) {
  const Config config = good(R"(
services:
  - {name: own, vip: 11.0.0.1, port: 53, protocol: udp, mode: fullnat, snat_pool: big,
     maglev_rows: 4093, no_real: reject, hash: five_tuple, deny_sources: [],
     allow_sources: [192.0.2.0/24, "2001:db8::/32"], affinity: none,
     tunnel_dscp: 0, timeouts: {udp_s: 5, affinity_s: 6}}
  - name: plain
    vip: 11.0.0.2
    port: 53
    reals: [{address: 10.0.0.1, port: 5353}]
defaults: {mode: nat, maglev_rows: 65537, no_real: drop, hash: source, affinity: source,
  tunnel_dscp: 46,
  deny_sources: [203.0.113.0/24], new_flows_per_s: 500, max_connections: 9}
timeouts: {udp_s: 90, drain_s: 7}
snat_pools: [{name: big, addresses: [10.0.0.9], ports: 5000-6000}]
)");
  ASSERT_EQ(config.services.size(), 2u);
  const ServiceConfig& own = config.services[0];
  EXPECT_EQ(own.mode, Mode::kFullnat);
  EXPECT_EQ(own.protocol, Protocol::kUdp);
  EXPECT_EQ(own.snat_pool, "big");
  EXPECT_EQ(own.maglev_rows, 4093u);
  EXPECT_EQ(own.no_real, NoReal::kReject);
  EXPECT_EQ(own.hash, HashFields::kFiveTuple);
  ASSERT_EQ(own.admission.allow_sources.size(), 2u);
  EXPECT_EQ(to_string(own.admission.allow_sources[1]), "2001:db8::/32");
  EXPECT_TRUE(own.admission.deny_sources.empty());
  EXPECT_EQ(own.admission.new_flows_per_s, 500u);
  EXPECT_EQ(own.admission.max_connections, 9u);
  EXPECT_EQ(own.affinity, Affinity::kNone);
  EXPECT_EQ(own.tunnel.dscp, 0);
  EXPECT_EQ(own.timeouts.affinity_s, 6);
  EXPECT_EQ(own.timeouts.udp_s, 5);
  EXPECT_EQ(own.timeouts.drain_s, 7);
  EXPECT_EQ(own.position.line, 3);
  EXPECT_EQ(own.position.column, 5);
  const ServiceConfig& plain = config.services[1];
  EXPECT_EQ(plain.mode, Mode::kNat);
  EXPECT_EQ(plain.maglev_rows, 65537u);
  EXPECT_EQ(plain.no_real, NoReal::kDrop);
  EXPECT_EQ(plain.hash, HashFields::kSource);
  EXPECT_EQ(plain.affinity, Affinity::kSource);
  EXPECT_EQ(plain.tunnel.dscp, 46);
  EXPECT_EQ(Defaults{}.tunnel.dscp, kCopyDscp);
  EXPECT_EQ(plain.timeouts.affinity_s, 300);
  ASSERT_EQ(plain.admission.deny_sources.size(), 1u);
  EXPECT_EQ(to_string(plain.admission.deny_sources[0]), "203.0.113.0/24");
  EXPECT_EQ(plain.timeouts.udp_s, 90);
  ASSERT_EQ(plain.reals.size(), 1u);
  EXPECT_EQ(plain.reals[0].weight, 1);
  EXPECT_EQ(plain.reals[0].position.line, 10);
  EXPECT_EQ(plain.reals[0].position.column, 13);
}

TEST(ConfigReader, AServiceMayHaveARangeOfPortsAllPortsOrAPrefix) {
  const Config config = good(R"(
defaults: {mode: nat}
services:
  - {name: a, vip: 11.0.0.1, port: 8000-8999, reals: [{address: 10.0.0.1}]}
  - {name: b, vip: 11.0.0.1, port: any, reals: [{address: 10.0.0.1, port: 80}]}
  - {name: c, vip: 11.7.0.0/24, port: 0}
  - {name: d, vip: "fd01:7::/64", port: 80, reals: [{address: "fd09::1", port: auto}]}
  - {name: e, vip: 11.0.0.2/32, port: 81, reals: [{address: 10.0.0.1}]}
)");
  const auto key = [&](size_t i) { return to_string(key_of(config.services[i])); };
  EXPECT_EQ(key(0), "11.0.0.1:8000-8999/tcp");
  EXPECT_EQ(key(1), "11.0.0.1:any/tcp");
  EXPECT_EQ(key(2), "11.7.0.0/24:any/tcp");
  EXPECT_EQ(key(3), "[fd01:7::/64]:80/tcp");
  EXPECT_EQ(key(4), "11.0.0.2:81/tcp");
  EXPECT_FALSE(config.services[4].extent.is_wide());
  EXPECT_EQ(config.services[0].reals[0].port, 0) << "the one that is asked for";
  EXPECT_EQ(config.services[1].reals[0].port, 80);
  EXPECT_EQ(config.services[3].reals[0].port, 0);
  EXPECT_EQ(config.services[4].reals[0].port, 81) << "the only one that can be asked for";
  const auto values = config_values(config);
  const auto value = [&](const std::string& path) {
    for (const auto& [at, text] : values) {
      if (at == path) return text;
    }
    return std::string("(absent)");
  };
  EXPECT_EQ(value("services.a.port"), "8000-8999");
  EXPECT_EQ(value("services.b.port"), "any");
  EXPECT_EQ(value("services.c.vip"), "11.7.0.0/24");
  EXPECT_EQ(value("services.e.vip"), "11.0.0.2");
}

TEST(ConfigReader, NoRealIsAWordOrTheNameOfAnotherService) {
  const Config config = good(R"(
defaults: {no_real: use_all, mode: nat}
services:
  - {name: a, vip: 11.0.0.1, port: 80, no_real: {fallback: b}}
  - {name: b, vip: 11.0.0.2, port: 81}
  - {name: b, vip: "fd01::2", port: 81, no_real: drop}
)");
  EXPECT_EQ(config.services[0].no_real, NoReal::kFallback);
  EXPECT_EQ(config.services[0].fallback, "b");
  EXPECT_EQ(config.services[1].no_real, NoReal::kUseAll);
  EXPECT_EQ(config.services[1].fallback, "");
  EXPECT_EQ(config.services[2].no_real, NoReal::kDrop);
  const auto fallbacks = fallbacks_of(config);
  ASSERT_EQ(fallbacks.size(), 1u);
  EXPECT_EQ(to_string(fallbacks.begin()->first), "11.0.0.1:80/tcp");
  EXPECT_EQ(to_string(fallbacks.begin()->second), "11.0.0.2:81/tcp") << "of the same family";
}

TEST(ConfigReader, OfSeveralPortsThatAFallbackHasItIsTheSameOne) {
  const Config config = good(R"(
defaults: {mode: nat}
services:
  - {name: a, vip: 11.0.0.1, port: 80, no_real: {fallback: b}}
  - {name: b, vip: 11.0.0.2, port: 443}
  - {name: b, vip: 11.0.0.2, port: 80}
)");
  EXPECT_EQ(to_string(fallbacks_of(config).begin()->second), "11.0.0.2:80/tcp");
}

TEST(ConfigReader, AnAnchorMayBeUsedAgain) {
  const Config config = good(R"(
services:
  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, reals: &r [{address: 10.0.0.1, port: 1}]}
  - {name: a, vip: 11.0.0.1, port: 81, mode: nat, reals: *r}
)");
  ASSERT_EQ(config.services.size(), 2u);
  EXPECT_EQ(config.services[0].reals, config.services[1].reals);
}

TEST(ConfigReader, AGatewayIsOneAddressOrOnePerFamilyAndMayBeLinkLocal) {
  const auto gateways = [](const std::string& value) {
    return good("ports: [{name: a, device: d, addresses: [10.9.0.2/24, 'fd09::2/64'], gateway: " +
                value + "}]")
        .ports[0]
        .gateways;
  };
  EXPECT_THAT(gateways("10.9.0.1"), ElementsAre(ip("10.9.0.1")));
  EXPECT_THAT(gateways("['fd09::1', 10.9.0.1]"), ElementsAre(ip("fd09::1"), ip("10.9.0.1")));
  EXPECT_THAT(gateways("'fe80::1'"), ElementsAre(ip("fe80::1")));
}

TEST(ConfigReader, ANameMayRepeatForAnotherPortFamilyOrProtocol) {
  const Config config = good(R"(
services:
  - {name: a, vip: 11.0.0.1, port: 80, mode: nat}
  - {name: a, vip: 11.0.0.1, port: 81, mode: nat}
  - {name: a, vip: 11.0.0.1, port: 80, protocol: udp, mode: nat}
  - {name: a, vip: "fd01:c::1", port: 80, mode: nat}
)");
  EXPECT_EQ(config.services.size(), 4u);
}

TEST(ConfigReader, AFileThatCannotBeReadIsNamedWithTheReason) {
  const auto missing = read_config("/nonexistent/vipgated.yaml");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error(), StartsWith("/nonexistent/vipgated.yaml: cannot be read: No such"));
  const auto folder = read_config(VIPGATE_SOURCE_DIR "/config");
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(folder.error(), HasSubstr("Is a directory"));
}

TEST(ConfigReader, AtMostTwentyMistakesAreShownAndTheRestIsCounted) {
  std::string text = "dpdk:\n";
  for (int i = 0; i < 25; ++i) text += "  wrong_key_" + std::to_string(i) + ": 1\n";
  const std::string errors = bad(text);
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 20);
  EXPECT_THAT(errors, HasSubstr("f:21:3: unknown key 'wrong_key_19'"));
  EXPECT_THAT(errors, HasSubstr("\nf: and 5 further errors"));
}

TEST(ConfigReader, MoreRealsThanMaglevRowsAreRefused) {
  std::string text =
      "services:\n  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, maglev_rows: 4093, "
      "reals: [";
  for (int i = 1; i <= 4094; ++i) text += "{address: 10.0.0.1, port: " + std::to_string(i) + "}, ";
  EXPECT_THAT(bad(text + "]}\n"), HasSubstr("4094 reals; with these maglev_rows a service has"));
}

TEST(ConfigReader, AliasesThatMultiplyAreRefusedBeforeTheyFillTheMemory) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? ", " : "") + before;
    text += "]\n";
  }
  EXPECT_THAT(bad(text), HasSubstr("aliases repeat more than 1000000 nodes"));
}

TEST(ConfigReader, DeeplyNestedInputIsRefusedBeforeItFillsTheStack) {
  for (const char* opener : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += opener;
    EXPECT_THAT(bad(text), StartsWith("f:1:")) << opener;
  }
}

TEST(ConfigReader, AWorkerThatPollsMayNotShareAControlCpuAndOneThatSleepsMay) {
  EXPECT_EQ(bad("control: {cpus: [0, 3]}\nworkers: {cpus: [2, 3], idle: poll}\n"),
            "f:2:21: CPU 3 is in control.cpus; a worker that polls needs a CPU of its own: choose "
            "another, or idle: adaptive");
  good("control: {cpus: [0, 3]}\nworkers: {cpus: [2, 3], idle: adaptive}\n");
}

TEST(CheckCpus, OnlyCpusThatTheProcessMayUseAreTaken) {
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
  Config config = good("");
  config.control.cpus.clear();
  config.workers.cpus.clear();
  for (uint16_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) config.workers.cpus.push_back(cpu);
  }
  EXPECT_TRUE(check_cpus(config).ok());
  const auto missing = static_cast<uint16_t>(config.workers.cpus.back() + 1);
  config.control.cpus = {missing};
  const Status status = check_cpus(config);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error(), StartsWith("f: this process may not use CPU " +
                                         std::to_string(missing) + " of control.cpus; it has"));
}

}  // namespace
}  // namespace vipgate::config_reader_test
