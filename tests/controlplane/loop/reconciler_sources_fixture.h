// A reconciler with one service of its configuration, to which a test plays a cluster.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "controlplane/config/config_reader.h"
#include "controlplane/loop/reconciler.h"
#include "tests/controlplane/loop/fake_dataplane.h"
#include "tests/support/address_text.h"
#include "tests/support/snapshot_text.h"

namespace vipgate::reconciler_sources_test {

inline constexpr char kConfig[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { listen: [10.0.0.53], ttl_s: 5, zones: [{ name: z, services: true }, { name: mesos }] }
services:
  - { name: y, vip: 11.0.0.1, port: 80, protocol: tcp, reals: [{ address: 10.0.1.1, port: 80 }],
      timeouts: { drain_s: 100 } }
)";

inline constexpr SourceId kMesos{Origin::kMesos, 0};

using test::ip;

inline IpAddress numbered(uint32_t base, uint32_t i) { return Ipv4Address{Be32(base + i)}; }

inline ServiceKey key(uint32_t number) {
  return {numbered(0x0b010000, number), static_cast<uint16_t>(1000 + number % 7), Protocol::kTcp};
}

inline ServiceConfig service(uint32_t number, std::vector<RealConfig> reals) {
  ServiceConfig config;
  config.origin = Origin::kMesos;
  config.name = "m" + std::to_string(number);
  config.vip = key(number).vip;
  config.port = key(number).port;
  config.snat_pool = "default";
  config.timeouts.drain_s = 100;
  config.reals = std::move(reals);
  return config;
}

inline RealConfig real(uint32_t number, uint16_t weight = 1) {
  return {numbered(0x0a000100, number), 8080, weight, {}};
}

inline DnsRecord task_record(const std::string& name, uint32_t number) {
  return *dns_address_record(name + ".mesos", numbered(0x0a000100, number), 5);
}

struct ReconcilerSourcesTest : testing::Test {
  void SetUp() override {
    auto parsed = parse_config(kConfig, "test.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    config = *parsed;
    reconciler = make(dataplane);
  }
  std::unique_ptr<Reconciler> make(FakeDataplane& target) {
    auto made = std::make_unique<Reconciler>(
        config, target, [this](const NextHop& hop) { return neighbor(hop); }, DnsHashSecret{},
        RingRunner{});
    EXPECT_TRUE(made->apply(config, 0).ok());
    return made;
  }
  std::optional<MacAddress> neighbor(const NextHop& hop) const {
    const auto found = neighbors.find(hop.address);
    return found == neighbors.end() ? std::nullopt : std::optional(found->second);
  }
  void stage(uint32_t number, std::optional<ServiceConfig> wanted) {
    SourceChange change;
    change.services.emplace(key(number), std::move(wanted));
    reconciler->stage(kMesos, std::move(change));
  }
  void commit(int64_t now_s = 0) {
    const auto status = reconciler->commit(now_s, 0);
    EXPECT_TRUE(status.ok()) << status.error();
  }
  void settle(int64_t now_s = 0) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(reconciler->tick(now_s).ok());
    ASSERT_TRUE(reconciler->settled());
  }
  const Snapshot& last() const { return *dataplane.published.back(); }
  bool answers(const std::string& name) const {
    for (const std::string& line : record_lines(*last().dns)) {
      if (line.starts_with(name + " ")) return true;
    }
    return false;
  }

  Config config;
  std::map<IpAddress, MacAddress> neighbors;
  FakeDataplane dataplane;
  std::unique_ptr<Reconciler> reconciler;
};

}  // namespace vipgate::reconciler_sources_test
