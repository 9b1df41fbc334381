#include "controlplane/naming/mesos_dns_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "common/dns_wire.h"

namespace vipgate::mesos_dns_records_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

// "redis.marathon.mesos. A 9.0.0.1", "_redis._tcp.marathon.mesos. SRV 0 1 31000 target."
std::string text_of(const DnsRecord& record) {
  const std::string owner = dns_name_to_text(record.owner) + " ";
  const auto octet = [&](size_t i) { return static_cast<uint8_t>(record.rdata[i]); };
  if (record.type == DnsType::kSrv) {
    const auto number = [&](size_t i) { return std::to_string(octet(i) << 8 | octet(i + 1)); };
    return owner + "SRV " + number(0) + " " + number(2) + " " + number(4) + " " +
           dns_name_to_text(record.rdata.substr(6));
  }
  if (record.rdata.size() == 4) {
    Ipv4Address v4;
    std::memcpy(&v4, record.rdata.data(), 4);
    return owner + "A " + to_string(IpAddress(v4));
  }
  Ipv6Address v6;
  std::memcpy(v6.bytes.data(), record.rdata.data(), 16);
  return owner + "AAAA " + to_string(IpAddress(v6));
}

class MesosDnsRecords : public testing::Test {
 protected:
  MesosDnsRecords() {
    task_.id = "redis.1";
    task_.name = "redis";
    task_.framework_id = "F";
    task_.agent_id = "a-S12";
    task_.state = MesosTaskState::kRunning;
    MesosTaskStatus status;
    status.state = MesosTaskState::kRunning;
    status.timestamp_s = 1;
    status.networks.push_back({{"9.0.0.1"}, "", {}});
    task_.statuses.push_back(status);
    framework_ = {"F", "marathon", "", "10.1.0.1"};
    agent_ = {"a-S12", "node", "slave(1)@10.1.0.10:5051", "", ""};
  }

  MesosDnsOptions options() const { return mesos_dns_options(config_, mesos_); }

  std::vector<std::string> records() {
    const MesosDnsOptions from = options();
    bad_.clear();
    RecordList list(from);
    const auto names = task_names(task_, agent_addresses(agent_, {}), framework_, from, bad_);
    if (names) add_task_records(*names, from, list);
    return lines(list);
  }

  template <class Add>
  std::vector<std::string> records_by(const Add& add) {
    const MesosDnsOptions from = options();
    bad_.clear();
    RecordList list(from);
    add(from, list);
    return lines(list);
  }

  std::vector<std::string> lines(RecordList& list) {
    std::vector<std::string> result;
    for (const DnsRecord& record : list.records()) result.push_back(text_of(record));
    for (BadItem& item : list.take_faults()) bad_.push_back(std::move(item));
    return result;
  }

  Config config_;
  MesosConfig mesos_;
  MesosTask task_;
  MesosFramework framework_;
  MesosAgent agent_;
  std::vector<BadItem> bad_;
};

TEST_F(MesosDnsRecords, ATaskHasItsNameItsOwnNameAndBothBelowSlave) {
  task_.id = "test";
  EXPECT_THAT(records(),
              testing::UnorderedElementsAre("redis.marathon.mesos. A 9.0.0.1",
                                            "redis-iffe9-s12.marathon.mesos. A 9.0.0.1",
                                            "redis.marathon.slave.mesos. A 10.1.0.10",
                                            "redis-iffe9-s12.marathon.slave.mesos. A 10.1.0.10"));
}

TEST_F(MesosDnsRecords, WithoutDiscoveryEachResourcePortHasFourServiceRecords) {
  task_.id = "test";
  task_.resource_ports = {{31000, 31001}};
  mesos_.srv_weight = 300;
  const auto all = records();
  EXPECT_EQ(all.size(), 4u + 8u);
  for (const char* owner :
       {"_redis._tcp.marathon.mesos.", "_redis._udp.marathon.mesos.",
        "_redis._tcp.marathon.slave.mesos.", "_redis._udp.marathon.slave.mesos."}) {
    EXPECT_THAT(all, Contains(std::string(owner) +
                              " SRV 0 300 31001 redis-iffe9-s12.marathon.slave.mesos."));
  }
}

TEST_F(MesosDnsRecords, DiscoveryGivesItsPortsUnderTheRawAndTheCleanedName) {
  task_.id = "test";
  task_.resource_ports = {{31000, 31000}};
  task_.discovery = MesosDiscovery{
      "Web.Prod", {{80, "http", "tcp", {}}, {53, "", std::nullopt, {}}, {99, "x", "udp,tcp", {}}}};
  const auto all = records();
  EXPECT_THAT(all, Contains("web.prod.marathon.mesos. A 9.0.0.1"));
  EXPECT_THAT(all, Contains("web-prod-iffe9-s12.marathon.mesos. A 9.0.0.1"));
  EXPECT_THAT(all, Contains("_web-prod._tcp.marathon.mesos. SRV 0 1 80 "
                            "web-prod-iffe9-s12.marathon.mesos."));
  EXPECT_THAT(all, Contains("_http._web.prod._tcp.marathon.mesos. SRV 0 1 80 "
                            "web.prod-iffe9-s12.marathon.mesos."));
  EXPECT_THAT(all, Contains("_web-prod._udp.marathon.mesos. SRV 0 1 53 "
                            "web-prod-iffe9-s12.marathon.mesos."));
  EXPECT_THAT(all, Contains("_web-prod._udptcp.marathon.mesos. SRV 0 1 99 "
                            "web-prod-iffe9-s12.marathon.mesos."));
  EXPECT_THAT(all, Contains("_web-prod._tcp.marathon.slave.mesos. SRV 0 1 31000 "
                            "web-prod-iffe9-s12.marathon.slave.mesos."));
  EXPECT_THAT(all, Not(Contains(testing::HasSubstr("._tcp.marathon.mesos. SRV 0 1 31000"))));
  EXPECT_THAT(all, Not(Contains(testing::HasSubstr("redis"))));
}

TEST_F(MesosDnsRecords, AnEmptyDiscoveryNameIsNoDiscovery) {
  task_.resource_ports = {{31000, 31000}};
  task_.discovery = MesosDiscovery{"", {{80, "http", "tcp", {}}}};
  const auto all = records();
  EXPECT_EQ(all.size(), 4u + 4u);
  EXPECT_THAT(all, Contains("redis.marathon.mesos. A 9.0.0.1"));
}

TEST_F(MesosDnsRecords, TheFirstSourceWithAnAddressGivesAllItsAddresses) {
  MesosTaskStatus& status = task_.statuses[0];
  status.networks = {{{"9.0.0.1", "::ffff:9.0.0.2", "fd01::1", "nonsense"}, "9.9.9.9", {}},
                     {{}, "9.0.0.3", {}}};
  status.labels = {{"Docker.NetworkSettings.IPAddress", "172.17.0.2"},
                   {"MesosContainerizer.NetworkSettings.IPAddress", "192.168.0.2"}};
  const auto addresses = [&] {
    std::vector<std::string> values;
    for (const std::string& line : records()) {
      if (line.starts_with("redis.marathon.mesos.")) values.push_back(line.substr(22));
    }
    return values;
  };
  EXPECT_THAT(addresses(), ElementsAre("A 9.0.0.1", "A 9.0.0.2", "A 9.0.0.3", "AAAA fd01::1"));
  mesos_.ip_sources = {IpSource::kHost, IpSource::kNetinfo};
  EXPECT_THAT(addresses(), ElementsAre("A 10.1.0.10"));
  mesos_.ip_sources = {IpSource::kDocker, IpSource::kNetinfo};
  EXPECT_THAT(addresses(), ElementsAre("A 172.17.0.2"));
  mesos_.ip_sources = {IpSource::kMesos};
  EXPECT_THAT(addresses(), ElementsAre("A 192.168.0.2"));
  status.labels.clear();
  EXPECT_THAT(addresses(), IsEmpty()) << "the records below slave are made all the same";
  EXPECT_EQ(records().size(), 2u);
}

TEST_F(MesosDnsRecords, OnlyTheLatestRunningStatusIsAsked) {
  task_.statuses.push_back(task_.statuses[0]);
  task_.statuses[1].timestamp_s = 2;
  task_.statuses[1].networks.clear();
  task_.statuses.push_back(task_.statuses[0]);
  task_.statuses[2].timestamp_s = 3;
  task_.statuses[2].state = MesosTaskState::kStarting;
  EXPECT_THAT(records(), Contains("redis.marathon.mesos. A 10.1.0.10"))
      << "an older status does not count, nor one of another state: the host is next";
}

TEST_F(MesosDnsRecords, OnlyRunningTasksHaveRecordsAndUnhealthyOnesUnlessToldOtherwise) {
  task_.statuses[0].healthy = false;
  EXPECT_EQ(records().size(), 4u);
  mesos_.healthy_only = true;
  EXPECT_THAT(records(), IsEmpty());
  EXPECT_EQ(bad_.size(), 1u);
  task_.statuses[0].healthy = true;
  EXPECT_EQ(records().size(), 4u);
  task_.state = MesosTaskState::kKilling;
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(MesosDnsRecords, Rfc952LimitsNames) {
  task_.id = "test";
  mesos_.enforce_rfc952 = true;
  task_.name = "1-fd%gsf---gs7-f$gs--d7fddg-123";
  framework_.name = "chronos with a space AND MIXED CASE-2.0.1";
  EXPECT_THAT(records(),
              Contains("fdgsf---gs7-fgs--d7fddg1.chronoswithaspaceandmixe.mesos. A 9.0.0.1"));
}

// Where Mesos-DNS publishes what cannot be asked for: each name is left out and told.
TEST_F(MesosDnsRecords, NamesThatFitNoMessageAreLeftOutAndListed) {
  task_.resource_ports = {{31000, 31001}};
  task_.name = "/";
  EXPECT_THAT(records(), Not(Contains(testing::StartsWith("."))));
  EXPECT_THAT(bad_, Contains(BadItem{".marathon.mesos.", "a label of it is empty"}));

  task_.name = std::string(63, 'a');
  const auto all = records();
  EXPECT_THAT(all, Contains(task_.name + ".marathon.mesos. A 9.0.0.1"));
  EXPECT_THAT(all, Not(Contains(testing::HasSubstr("SRV"))))
      << "neither the owner, _ and 63 octets, nor the target fits";
  EXPECT_THAT(bad_, Contains(BadItem{"_" + task_.name + "._tcp.marathon.mesos.",
                                     "a label of it is longer than 63 octets"}));

  task_.name = std::string(60, 'a');
  EXPECT_THAT(records(), Not(Contains(testing::HasSubstr("SRV"))));
  EXPECT_THAT(bad_, Contains(BadItem{"_" + task_.name + "._tcp.marathon.mesos.",
                                     "its target cannot be named"}));

  task_.name = "redis";
  framework_.name = "///";
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(MesosDnsRecords, BadPortsCostThemselvesOnly) {
  task_.resource_ports = {{31000, 30999}, {70000, 70001}, {31005, 31005}};
  EXPECT_EQ(records().size(), 4u + 4u);
  EXPECT_EQ(bad_.size(), 2u);
  task_.resource_ports = {{1, 65535}, {1, 65535}};
  EXPECT_EQ(records().size(), 4u + 4u * 16'384u);
}

TEST_F(MesosDnsRecords, AnAgentHasTheSharedNameAndItsPort) {
  const auto add = [&](const MesosDnsOptions& from, RecordList& list) {
    add_agent_records(agent_, agent_addresses(agent_, {}), from, list);
  };
  EXPECT_THAT(records_by(add),
              testing::UnorderedElementsAre("_slave._tcp.mesos. SRV 0 1 5051 slave.mesos.",
                                            "slave.mesos. A 10.1.0.10"));
  agent_.pid = "slave(1)@nowhere:5051";
  agent_.hostname = "node";
  EXPECT_THAT(records_by(add), ElementsAre("_slave._tcp.mesos. SRV 0 1 5051 slave.mesos."));
  EXPECT_EQ(bad_.size(), 1u);
}

TEST_F(MesosDnsRecords, AFrameworkHasItsPidsAddressOrElseItsHosts) {
  HostLookup lookup = [](const std::string& host) {
    return host == "localhost" ? std::vector<IpAddress>{*parse_ip_address("127.0.0.1")}
                               : std::vector<IpAddress>();
  };
  const auto add = [&](const MesosDnsOptions& from, RecordList& list) {
    add_framework_records(framework_, from, lookup, list);
  };
  framework_.pid = "scheduler(1)@[2001:db8::1]:25501";
  EXPECT_THAT(records_by(add), ElementsAre("marathon.mesos. AAAA 2001:db8::1",
                                           "_framework._tcp.marathon.mesos. SRV 0 1 25501 "
                                           "marathon.mesos."));
  framework_.pid.clear();
  framework_.hostname = "localhost";
  EXPECT_THAT(records_by(add), ElementsAre("marathon.mesos. A 127.0.0.1"));
  framework_.hostname = "elsewhere";
  EXPECT_THAT(records_by(add), IsEmpty());
  EXPECT_EQ(bad_.size(), 1u);
  framework_.hostname.clear();
  EXPECT_THAT(records_by(add), IsEmpty());
  EXPECT_EQ(bad_.back().why, "it tells neither a pid nor a host name");
}

TEST_F(MesosDnsRecords, MastersAreNumberedInTheirOrderAndTheLeaderIsAMasterToo) {
  const MesosMasters masters{MesosMaster{"10.0.0.3", 5050},
                             {{"10.0.0.1", 5050}, {"10.0.0.2", 5050}, {"10.0.0.1", 5051}}};
  const auto all = records_by([&](const MesosDnsOptions& from, RecordList& list) {
    add_master_records(masters, from, {}, list);
  });
  EXPECT_THAT(
      all, testing::UnorderedElementsAre(
               "leader.mesos. A 10.0.0.3", "master.mesos. A 10.0.0.1", "master.mesos. A 10.0.0.2",
               "master.mesos. A 10.0.0.3", "master0.mesos. A 10.0.0.1", "master1.mesos. A 10.0.0.2",
               "master2.mesos. A 10.0.0.3", "_leader._tcp.mesos. SRV 0 1 5050 leader.mesos.",
               "_leader._udp.mesos. SRV 0 1 5050 leader.mesos."));
}

TEST_F(MesosDnsRecords, TheZoneOfDcosHasTheThreeKindsOfAddresses) {
  config_.dns.zones.resize(1);
  config_.dns.zones[0].name = "dcos.thisdcos.directory";
  task_.discovery = MesosDiscovery{"web.prod", {}};
  framework_.name = "dev/group.x";
  const auto all = records();
  const std::string zone = "web-prod.devgroup-x.";
  EXPECT_THAT(all, Contains(zone + "agentip.dcos.thisdcos.directory. A 10.1.0.10"));
  EXPECT_THAT(all, Contains(zone + "containerip.dcos.thisdcos.directory. A 9.0.0.1"));
  EXPECT_THAT(all, Contains(zone + "autoip.dcos.thisdcos.directory. A 9.0.0.1"));
  task_.container = MesosContainerType::kDocker;
  task_.docker_port_mappings = {{31000, 80, "tcp"}};
  EXPECT_THAT(records(), Contains(zone + "autoip.dcos.thisdcos.directory. A 10.1.0.10"));
}

TEST_F(MesosDnsRecords, TheTimeToLiveIsTheOptionsOrElseThatOfDns) {
  config_.dns.ttl_s = 7;
  EXPECT_EQ(options().ttl.a, 7u);
  config_.dns.ttl = {{DnsType::kAaaa, 9}, {DnsType::kSrv, 20}, {DnsType::kPtr, 30}};
  config_.dns.zones.resize(2);
  config_.dns.zones[0].name = "mesos";
  config_.dns.zones[0].ttl = {{DnsType::kSrv, 21}};
  config_.dns.zones[1].name = "dcos.thisdcos.directory";
  config_.dns.zones[1].ttl_s = 11;
  EXPECT_EQ(options().ttl.a, 7u);
  EXPECT_EQ(options().ttl.aaaa, 9u);
  EXPECT_EQ(options().ttl.srv, 21u);
  EXPECT_EQ(options().dcos_ttl.a, 11u);
  EXPECT_EQ(options().dcos_ttl.aaaa, 11u);
  EXPECT_EQ(options().ptr_ttl_s, 30u);
  const MesosDnsOptions with_dcos = options();
  RecordList list(with_dcos);
  list.add_addresses({"a.mesos"}, {*parse_ip_address("10.0.0.1")});
  list.add_addresses({"a.dcos.thisdcos.directory"}, {*parse_ip_address("10.0.0.1")});
  std::map<uint32_t, int> seen;
  for (const DnsRecord& record : list.records()) ++seen[record.ttl_s];
  EXPECT_EQ(seen, (std::map<uint32_t, int>{{7, 1}, {11, 1}}));
  mesos_.ttl_s = 0;
  EXPECT_EQ(options().ttl.a, 0u);
  EXPECT_EQ(options().dcos_ttl.srv, 0u);
  EXPECT_EQ(options().ptr_ttl_s, 0u);
}

}  // namespace
}  // namespace vipgate::mesos_dns_records_test
