#include "controlplane/naming/vip_backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vipgate::vip_backends_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

MesosAgent agent() { return {"a-S1", "node1", "slave(1)@10.1.0.10:5051", "", ""}; }

MesosDiscoveryPort port(uint32_t number, const std::string& vip, const std::string& scope = "") {
  MesosDiscoveryPort result{number, "web", "tcp", {}};
  if (!scope.empty()) result.labels.push_back({"network-scope", scope});
  if (!vip.empty()) result.labels.push_back({"VIP_0", vip});
  return result;
}

MesosTask running(std::vector<std::string> addresses, std::vector<MesosDiscoveryPort> ports) {
  MesosTask task;
  task.id = "web.1";
  task.name = "web";
  task.state = MesosTaskState::kRunning;
  MesosTaskStatus status;
  status.state = MesosTaskState::kRunning;
  status.timestamp_s = 1;
  if (!addresses.empty()) status.networks.push_back({std::move(addresses), "", {}});
  task.statuses.push_back(status);
  task.discovery = MesosDiscovery{"", std::move(ports)};
  return task;
}

// "web:80/tcp 10.1.0.10:31000 w1"
std::vector<std::string> backends(const MesosTask& task, std::vector<BadItem>* bad_out = nullptr,
                                  const MesosAgent& on = agent(), const HostLookup& lookup = {}) {
  std::vector<BadItem> bad;
  std::vector<std::string> lines;
  for (const VipBackend& backend : vip_backends(task, agent_addresses(on, lookup), bad)) {
    const VipTarget& vip = backend.vip;
    lines.push_back((vip.name.empty() ? to_string(vip.address) : vip.name) + ":" +
                    std::to_string(vip.port) + "/" + std::string(to_string(backend.protocol)) +
                    " " + endpoint_to_string(backend.address, backend.port) + " w" +
                    std::to_string(backend.weight));
  }
  if (bad_out != nullptr) *bad_out = bad;
  return lines;
}

// "10.1.0.10:31000" of a task that has just been told of.
std::vector<std::string> coming(MesosTask task, MesosTaskState state) {
  task.state = state;
  task.statuses.clear();
  std::vector<std::string> lines;
  for (const VipBackend& backend : coming_vip_backends(task, agent_addresses(agent(), {}))) {
    EXPECT_EQ(backend.weight, 1);
    lines.push_back(endpoint_to_string(backend.address, backend.port));
  }
  return lines;
}

TEST(VipBackends, ATaskThatIsStartingIsKnownByThePortsOfItsAgent) {
  MesosTask mapped = running({"172.17.0.2"}, {port(31000, "/web:80", "host")});
  mapped.container = MesosContainerType::kDocker;
  mapped.docker_port_mappings = {{31000, 8080, "tcp"}};
  for (const auto state : {MesosTaskState::kStaging, MesosTaskState::kStarting}) {
    EXPECT_THAT(coming(mapped, state), ElementsAre("10.1.0.10:31000"));
  }
  MesosTask on_host = running({"10.1.0.10"}, {port(31005, "/web:80")});
  EXPECT_THAT(coming(on_host, MesosTaskState::kStaging), testing::IsEmpty())
      << "it may get an address of its own";
  on_host.resource_ports = {{31000, 31010}};
  EXPECT_THAT(coming(on_host, MesosTaskState::kStaging), ElementsAre("10.1.0.10:31005"));
  EXPECT_THAT(backends(on_host), ElementsAre("web:80/tcp 10.1.0.10:31005 w1"))
      << "where it is found when it runs";
  for (const auto state : {MesosTaskState::kRunning, MesosTaskState::kKilling,
                           MesosTaskState::kFailed, MesosTaskState::kUnreachable}) {
    EXPECT_THAT(coming(on_host, state), testing::IsEmpty());
  }
}

TEST(VipBackends, HostNetworkIsTheAgentAndTheHostPort) {
  EXPECT_THAT(backends(running({"10.1.0.10"}, {port(31000, "/web:80")})),
              ElementsAre("web:80/tcp 10.1.0.10:31000 w1"));
}

TEST(VipBackends, BridgeWithScopeHostIsTheAgentAndTheHostPort) {
  MesosTask task = running({"172.17.0.2"}, {port(31000, "/web:80", "host")});
  task.container = MesosContainerType::kDocker;
  task.docker_port_mappings = {{31000, 8080, "tcp"}};
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 10.1.0.10:31000 w1"));
}

TEST(VipBackends, BridgeWithTheContainersPortIsFoundThroughTheMapping) {
  MesosTask task = running({"172.17.0.2"}, {port(8080, "/web:80")});
  task.container = MesosContainerType::kDocker;
  task.docker_port_mappings = {{31000, 8080, ""}};
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 10.1.0.10:31000 w1"));
}

TEST(VipBackends, OverlayWithoutMappingIsTheContainerAndItsPort) {
  MesosTask task = running({"9.0.2.3"}, {port(4044, "web:80", "container")});
  task.container = MesosContainerType::kMesos;
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 9.0.2.3:4044 w1"));
}

TEST(VipBackends, OverlayWithMappingIsTheAgent) {
  MesosTask task = running({"9.0.2.3"}, {port(4044, "web:80", "container")});
  task.container = MesosContainerType::kMesos;
  task.network_port_mappings = {{31044, 4044, "TCP"}};
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 10.1.0.10:31044 w1"));
  task.network_port_mappings.clear();
  task.statuses[0].networks[0].port_mappings = {{31045, 4044, "tcp"}};
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 10.1.0.10:31045 w1"))
      << "those of the status, when the container tells none";
}

TEST(VipBackends, ADualStackContainerIsOneBackendOfEachFamily) {
  EXPECT_THAT(backends(running({"9.0.2.3", "fd01:b::1"}, {port(80, "web:80")})),
              ElementsAre("web:80/tcp 9.0.2.3:80 w1", "web:80/tcp [fd01:b::1]:80 w1"));
}

TEST(VipBackends, AnAddressVipHasOnlyBackendsOfItsFamily) {
  EXPECT_THAT(backends(running({"9.0.2.3", "fd01:b::1"}, {port(80, "11.1.1.1:80")})),
              ElementsAre("11.1.1.1:80/tcp 9.0.2.3:80 w1"));
  std::vector<BadItem> bad;
  EXPECT_THAT(backends(running({}, {port(31000, "[fd01:c::3]:80", "host")}), &bad), IsEmpty());
  EXPECT_THAT(bad, ElementsAre(BadItem{"[fd01:c::3]:80",
                                       "the agent has no usable address of the VIP's family"}));
}

TEST(VipBackends, AContainerWithoutAddressButWithAHostPortIsReachedThroughTheAgent) {
  EXPECT_THAT(backends(running({}, {port(31000, "web:80", "host")})),
              ElementsAre("web:80/tcp 10.1.0.10:31000 w1"));
}

TEST(VipBackends, WithoutAddressAndHostPortThereIsNoneAndItIsSaid) {
  std::vector<BadItem> bad;
  EXPECT_THAT(backends(running({}, {port(8080, "web:80")}), &bad), IsEmpty());
  EXPECT_THAT(bad,
              ElementsAre(BadItem{"web:80", "the task has no usable address of the VIP's family"}));
}

TEST(VipBackends, ATaskLabelNamesAPortOfTheResourcesInTheirOrder) {
  MesosTask task = running({"10.1.0.10"}, {});
  task.resource_ports = {{31005, 31006}, {31000, 31000}};
  task.labels = {{"vip_port2", "tcp:///web:80"},
                 {"VIP_PORT0", "udp:///dns:53"},
                 {"vip_port3", "tcp:///lost:80"}};
  std::vector<BadItem> bad;
  EXPECT_THAT(backends(task, &bad),
              ElementsAre("web:80/tcp 10.1.0.10:31000 w1", "dns:53/udp 10.1.0.10:31005 w1"));
  EXPECT_THAT(bad, ElementsAre(BadItem{"vip_port3=tcp:///lost:80",
                                       "the task's resources have no port of that number"}));
}

TEST(VipBackends, BothFormsOfLabelsOnOnePortAreUnited) {
  MesosTask task = running({"10.1.0.10"}, {port(31000, "/web:80", "host")});
  task.resource_ports = {{31000, 31000}};
  task.labels = {{"vip_port0", "tcp:///web:80"}, {"vip_port0", "tcp:///api:80"}};
  EXPECT_THAT(backends(task),
              ElementsAre("web:80/tcp 10.1.0.10:31000 w1", "api:80/tcp 10.1.0.10:31000 w1"));
}

TEST(VipBackends, OneBadPortNeverCostsAnother) {
  MesosDiscoveryPort no_protocol = port(1, "/a:80");
  no_protocol.protocol.reset();
  MesosDiscoveryPort both = port(2, "/b:80");
  both.protocol = "udp,tcp";
  MesosDiscoveryPort two_scopes = port(3, "/c:80", "host");
  two_scopes.labels.push_back({"network-scope", "host"});
  const MesosDiscoveryPort odd_scope = port(4, "/d:80", "world");
  MesosDiscoveryPort no_number = port(0, "/e:80");
  const MesosDiscoveryPort too_large = port(70000, "/f:80");
  MesosDiscoveryPort bad_label = port(8080, "/g:99999");
  bad_label.labels.push_back({"VIP_1", "/good:80"});
  std::vector<BadItem> bad;
  EXPECT_THAT(backends(running({"9.0.0.1"}, {no_protocol, both, two_scopes, odd_scope, no_number,
                                             too_large, bad_label}),
                       &bad),
              ElementsAre("good:80/tcp 9.0.0.1:8080 w1"));
  EXPECT_THAT(
      bad,
      ElementsAre(
          BadItem{"port 'web' 1", "it has no protocol"},
          BadItem{"port 'web' 2", "its protocol 'udp,tcp' is neither tcp nor udp"},
          BadItem{"port 'web' 3", "it has several labels network-scope"},
          BadItem{"port 'web' 4", "its network-scope 'world' is neither host nor container"},
          BadItem{"port 'web' 0", "it has no number"},
          BadItem{"port 'web' 70000", "its number is above 65535"},
          BadItem{"VIP_0=/g:99999", "what follows the last colon is no port from 1 to 65535"}));
}

TEST(VipBackends, APortWithoutVipLabelsIsNobodysConcern) {
  MesosDiscoveryPort both = port(2, "");
  both.protocol = "udp,tcp";
  std::vector<BadItem> bad;
  EXPECT_THAT(backends(running({"9.0.0.1"}, {both}), &bad), IsEmpty());
  EXPECT_THAT(bad, IsEmpty());
}

TEST(VipBackends, AddressesOfManyMachinesOrNoneAreNoBackends) {
  EXPECT_THAT(backends(running({"0.0.0.0", "224.0.0.1", "::", "ff02::1", "nonsense", "9.0.0.1"},
                               {port(80, "web:80")})),
              ElementsAre("web:80/tcp 9.0.0.1:80 w1"));
}

TEST(VipBackends, ATaskCannotMakeMoreThanABoundedNumber) {
  std::vector<MesosDiscoveryPort> ports;
  for (uint32_t i = 1; i <= 300; ++i) ports.push_back(port(i, "web:80"));
  std::vector<std::string> addresses;
  for (int i = 1; i <= 200; ++i) addresses.push_back("9.0.0." + std::to_string(i));
  std::vector<BadItem> bad;
  EXPECT_EQ(backends(running(addresses, ports), &bad).size(), 4096u);
  EXPECT_EQ(bad.size(), 1u);
}

TEST(VipBackends, AnAgentsNameIsLookedUpOnlyWhenItIsNoAddress) {
  MesosAgent named{"S1", "node1", "", "", ""};
  const MesosTask task = running({}, {port(31000, "web:80", "host")});
  EXPECT_THAT(backends(task, nullptr, named), IsEmpty());
  const HostLookup lookup = [](const std::string& host) {
    EXPECT_EQ(host, "node1");
    return std::vector<IpAddress>{*parse_ip_address("10.1.0.11")};
  };
  EXPECT_THAT(backends(task, nullptr, named, lookup), ElementsAre("web:80/tcp 10.1.0.11:31000 w1"));
  named.hostname = "10.1.0.12";
  EXPECT_THAT(backends(task, nullptr, named), ElementsAre("web:80/tcp 10.1.0.12:31000 w1"));
}

struct WeightRow {
  MesosTaskState state;
  bool has_check;
  std::optional<bool> healthy;
  std::optional<uint16_t> weight;
};

TEST(TaskWeight, FollowsStateAndHealth) {
  using enum MesosTaskState;
  const WeightRow rows[] = {
      {kRunning, false, std::nullopt, 1}, {kRunning, false, true, 1},
      {kRunning, true, true, 1},          {kRunning, true, false, 0},
      {kRunning, false, false, 0},        {kRunning, true, std::nullopt, 0},
      {kKilling, false, true, 0},         {kKilling, true, std::nullopt, 0},
      {kStaging, false, true, {}},        {kStarting, false, std::nullopt, {}},
      {kUnreachable, false, true, {}},    {kFinished, false, true, {}},
      {kLost, false, true, {}},           {kUnknown, false, true, {}},
  };
  for (const WeightRow& row : rows) {
    MesosTask task = running({"9.0.0.1"}, {});
    task.state = row.state;
    task.has_health_check = row.has_check;
    task.statuses[0].healthy = row.healthy;
    EXPECT_EQ(task_weight(task), row.weight) << to_string(row.state);
  }
}

TEST(VipBackends, OnlyAStatusThatIsRunningTellsTheAddressOfATaskThatRuns) {
  MesosTask task = running({"10.1.0.10"}, {port(8080, "/web:80")});
  task.statuses[0].state = MesosTaskState::kStarting;  // Docker: the agent's address
  std::vector<BadItem> bad;
  EXPECT_THAT(backends(task, &bad), IsEmpty());
  EXPECT_EQ(bad.size(), 1u);
  task.statuses.push_back(running({"172.17.0.2"}, {}).statuses[0]);
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 172.17.0.2:8080 w1"));
  task.statuses[0].timestamp_s = 2;
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 172.17.0.2:8080 w1"));
}

TEST(VipBackends, ATaskThatIsBeingKilledKeepsTheAddressThatItRanAt) {
  MesosTask task = running({"9.0.0.1"}, {port(8080, "/web:80")});
  task.state = MesosTaskState::kKilling;
  MesosTaskStatus killing;
  killing.state = MesosTaskState::kKilling;
  killing.timestamp_s = 2;
  task.statuses.push_back(killing);
  EXPECT_THAT(backends(task), ElementsAre("web:80/tcp 9.0.0.1:8080 w0"));
}

TEST(TaskWeight, TheLatestStatusCounts) {
  MesosTask task = running({"9.0.0.1"}, {});
  task.has_health_check = true;
  task.statuses[0].healthy = true;
  task.statuses.push_back(task.statuses[0]);
  task.statuses[0].timestamp_s = 2;
  task.statuses[0].healthy = false;
  EXPECT_EQ(task_weight(task), 0);
}

TEST(MesosPid, HostMayBeAnAddressOfEitherFamilyOrAName) {
  EXPECT_EQ(parse_pid("slave(1)@10.0.0.1:5051")->host, "10.0.0.1");
  EXPECT_EQ(parse_pid("scheduler(1)@[2001:db8::1]:25501")->host, "2001:db8::1");
  EXPECT_EQ(parse_pid("scheduler(1)@[2001:db8::1]:25501")->port, 25501);
  EXPECT_EQ(parse_pid("x@host.example:1")->host, "host.example");
  for (const char* bad :
       {"", "slave(1)@", "slave(1)@10.0.0.1", "slave(1)@:5051", "a@b:x", "a@b:70000", "a@[]:5"}) {
    EXPECT_FALSE(parse_pid(bad)) << bad;
  }
}

TEST(TaskAddress, AnIpv4MappedOneIsIpv4) {
  EXPECT_EQ(to_string(*parse_task_address("::ffff:10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(to_string(*parse_task_address("fd01::1")), "fd01::1");
  EXPECT_FALSE(parse_task_address("10.0.0"));
}

}  // namespace
}  // namespace vipgate::vip_backends_test
