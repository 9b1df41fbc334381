// A reconciler with one port, whose services a test writes as YAML, before a data plane that only
// notes what it is told.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "controlplane/config/config_reader.h"
#include "controlplane/loop/reconciler.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate {

inline constexpr char kHead[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { listen: [10.0.0.53], ttl_s: 5, zones: [{ name: z, services: true }] }
services:
)";

inline Config config_of(const std::string& services) {
  auto config = parse_config(kHead + services, "test.yaml");
  EXPECT_TRUE(config.ok()) << config.error();
  return *config;
}

// A service of that name with these reals.
inline std::string one(const std::string& name, const std::string& vip,
                       const std::string& reals = "") {
  return "  - { name: " + name + ", vip: " + vip + ", port: 80, protocol: tcp, reals: [" + reals +
         "], timeouts: { drain_s: 100 } }\n";
}
inline const std::string kReal = "{ address: 10.0.1.1, port: 80 }";

struct ReconcilerFixture : testing::Test {
  Reconciler& start(const Config& config) {
    reconciler = std::make_unique<Reconciler>(
        config, dataplane,
        [](const NextHop&) {
          return std::optional(MacAddress{{2, 0, 0, 0, 0, 9}});
        },
        DnsHashSecret{}, RingRunner{}, routes);
    EXPECT_TRUE(reconciler->apply(config, 0).ok());
    return *reconciler;
  }
  const Snapshot& last() const { return *dataplane.published.back(); }

  FakeDataplane dataplane;
  RouteLookup routes;  // the kernel's; before start()
  std::unique_ptr<Reconciler> reconciler;
};

}  // namespace vipgate
