#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"

namespace vipgate::config_reload_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Config annotated() {
  auto config = read_config(VIPGATE_SOURCE_DIR "/config/vipgated.yaml");
  EXPECT_TRUE(config.ok()) << config.error();
  return config.ok() ? *config : Config{};
}

TEST(RestartRequired, NothingIsNeededForTheSameFileLaidOutAnew) {
  EXPECT_THAT(restart_required(annotated(), annotated()), IsEmpty());
  const auto a = parse_config("ports: [{name: a, device: d}]\nlog: {level: warn}\n", "a");
  const auto b = parse_config("log:\n  level: warn\n\nports:\n- device: d\n  name: a\n", "b");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_THAT(restart_required(*a, *b), IsEmpty());
}

TEST(RestartRequired, ServicesDefaultsTimeoutsDnsAndTheLogLevelAreReloadable) {
  const Config running = annotated();
  Config next = running;
  next.services[0].reals[0].weight = 0;
  next.services[0].health.interval_s = 60;
  next.services.pop_back();
  next.defaults.mode = Mode::kNat;
  next.defaults.health.type = HealthType::kTcp;
  next.named_vips.mode = Mode::kNat;
  next.named_vips.snat_pool = "other";
  next.named_vips.health.fall = 9;
  next.timeouts.udp_s = 1;
  next.kernel_rates[0] = 1;
  next.transit = Transit::kDrop;
  next.dns.ttl_s = 60;
  next.dns.zones.pop_back();
  next.dns.zones[0].records.clear();
  next.dns.ptr = true;
  next.log.level = LogLevel::kDebug;
  next.watch.trace = "/t";
  EXPECT_THAT(restart_required(running, next), IsEmpty());
}

TEST(RestartRequired, EveryOtherKeyThatChangedIsNamed) {
  const Config running = annotated();
  Config next = running;
  next.node.name = "other";
  next.dpdk.memory_mb = 2048;
  next.control.cpus = {0, 2};
  next.workers.cpus = {1, 3};
  next.workers.idle = IdleMode::kPoll;
  next.ports[0].mtu = 9000;
  next.ports[0].neighbors[1].mac.bytes[5] = 9;
  next.limits.services = 5;
  next.snat_pools[0].ports.first = 2000;
  next.mesos[0].tls.ca_file = "/etc/ca.pem";
  next.marathon[0].framework = "marathon-user";
  next.named_vips.claims.clear();
  next.named_vips.ipv4.last = next.named_vips.ipv4.first;
  next.store = "none";
  next.log.format = LogFormat::kJson;
  EXPECT_THAT(restart_required(running, next),
              ElementsAre("control.cpus", "dpdk.memory_mb", "limits.services", "log.format",
                          "marathon.0.framework", "mesos.0.tls.ca_file", "named_vips.claims",
                          "named_vips.claims.0", "named_vips.ipv4", "node.name", "ports.edge.mtu",
                          "ports.edge.neighbors.1.mac", "snat_pools.default.ports", "store",
                          "workers.cpus", "workers.idle"));
}

TEST(RestartRequired, APortThatComesOrGoesIsNamedOnce) {
  const Config running = annotated();
  Config next = running;
  next.ports[1].name = "storage";
  EXPECT_THAT(restart_required(running, next),
              ElementsAre("ports", "ports.cluster", "ports.storage"));
  next.ports.pop_back();
  EXPECT_THAT(restart_required(running, next), ElementsAre("ports", "ports.cluster"));
  next = running;
  std::swap(next.ports[0], next.ports[1]);
  EXPECT_THAT(restart_required(running, next), ElementsAre("ports"));
}

TEST(RestartRequired, AClusterThatComesOrGoesIsNamedOnce) {
  const Config running = annotated();
  Config next = running;
  next.mesos.push_back(next.mesos[0]);
  next.marathon.clear();
  EXPECT_THAT(restart_required(running, next),
              ElementsAre("marathon", "marathon.0", "mesos", "mesos.1"));
}

}  // namespace
}  // namespace vipgate::config_reload_test
