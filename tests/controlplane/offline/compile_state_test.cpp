// `compile` of a cluster's state, against what the real Mesos-DNS served for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "controlplane/config/config_reader.h"
#include "controlplane/offline/compile_command.h"

namespace vipgate::compile_state_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  std::istringstream stream(text);
  Lines lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string read(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<IpAddress> lookup(const std::string& host) {
  if (host != "localhost") return {};
  return {*parse_ip_address("127.0.0.1")};
}

std::string compiled(const Config& config, const std::string& state, CompileOutput output) {
  auto cluster = read_mesos_state(state, config);
  EXPECT_TRUE(cluster.ok()) << (cluster.ok() ? "" : cluster.error());
  if (!cluster) return "";
  const auto text = compile_command(config, output, cluster->get(), lookup);
  EXPECT_TRUE(text.ok()) << (text.ok() ? "" : text.error());
  return text ? *text : "";
}

// Written for this test alone, and gone with it.
class StateFile {
 public:
  explicit StateFile(const std::string& text) {
    std::string name = testing::TempDir() + "vipgate-state-XXXXXX";
    const int fd = mkstemp(name.data());
    EXPECT_GE(fd, 0);
    close(fd);
    name_ = name;
    std::ofstream(name_) << text;
  }
  ~StateFile() { std::remove(name_.c_str()); }
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

constexpr char kFake[] = VIPGATE_SOURCE_DIR "/tests/data/mesos-dns-fake.json";
constexpr char kFakeRecords[] = VIPGATE_SOURCE_DIR "/tests/data/mesos-dns-fake.records.tsv";

TEST(CompileState, TheRecordsOfMesosDnsAreOursButForItsOwnAddresses) {
  Config config;
  config.dns.listen = {*parse_ip_address("127.0.0.1")};  // as its `listener` was
  const Lines ours = lines_of(compiled(config, kFake, CompileOutput::kRecords));
  const Lines theirs = lines_of(read(kFakeRecords));
  ASSERT_EQ(theirs.size(), 146u);
  Lines missing;
  Lines added;
  std::set_difference(theirs.begin(), theirs.end(), ours.begin(), ours.end(),
                      std::back_inserter(missing));
  std::set_difference(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                      std::back_inserter(added));
  // Mesos-DNS was served the document by a stand-in for the master on 127.0.0.1:15050, and takes
  // the leader to be where it found it; the document itself names 1.2.3.4:5050. Five records.
  EXPECT_THAT(missing, ElementsAre("_leader._tcp.mesos.\tSRV\tleader.mesos.:15050",
                                   "_leader._udp.mesos.\tSRV\tleader.mesos.:15050",
                                   "leader.mesos.\tA\t127.0.0.1", "master.mesos.\tA\t127.0.0.1",
                                   "master0.mesos.\tA\t127.0.0.1"));
  EXPECT_THAT(added, ElementsAre("_leader._tcp.mesos.\tSRV\tleader.mesos.:5050",
                                 "_leader._udp.mesos.\tSRV\tleader.mesos.:5050",
                                 "leader.mesos.\tA\t1.2.3.4", "master.mesos.\tA\t1.2.3.4",
                                 "master0.mesos.\tA\t1.2.3.4"));
}

TEST(CompileState, NothingOfThatStateIsLeftOut) {
  EXPECT_EQ(compiled(Config{}, kFake, CompileOutput::kSkipped), "");
}

constexpr char kEvents[] =
    R"({"type":"AGENT_ADDED","agent_added":{"agent":{"agent_info":{"id":{"value":"a-S1"},"hostname":"10.1.0.10","port":5051},"pid":"slave(1)@10.1.0.10:5051","active":true}}})"
    "\n"
    R"({"type":"FRAMEWORK_ADDED","framework_added":{"framework":{"framework_info":{"id":{"value":"F"},"name":"marathon","user":"root"},"active":true}}})"
    "\n\nnonsense\n"
    R"({"type":"TASK_ADDED","task_added":{"task":{"name":"redis","task_id":{"value":"redis.1"},"framework_id":{"value":"F"},"agent_id":{"value":"a-S1"},"state":"TASK_RUNNING","statuses":[{"task_id":{"value":"redis.1"},"state":"TASK_RUNNING","timestamp":1.0,"container_status":{"network_infos":[{"ip_addresses":[{"ip_address":"9.0.0.1"}]}]}}],"discovery":{"visibility":"CLUSTER","ports":{"ports":[{"number":6379,"protocol":"tcp","labels":{"labels":[{"key":"VIP_0","value":"/redis:6379"},{"key":"VIP_1","value":"/redis:99999"},{"key":"VIP_2","value":"11.1.1.1:80"}]}}]}}}}})"
    "\n";

TEST(CompileState, EventsOnePerLineBecomeServicesWithNamesAndAddressesOfMesosWithNone) {
  const StateFile file(kEvents);
  const Lines services = lines_of(compiled(Config{}, file.name(), CompileOutput::kServices));
  EXPECT_THAT(
      services,
      ElementsAre(R"({"name":null,"fqdn":null,"vip":"11.1.1.1","port":80,"protocol":"tcp",)"
                  R"("mode":"fullnat","origin":"mesos","reals":[)"
                  R"({"address":"9.0.0.1","port":6379,"weight":1,"state":"up"}]})",
                  R"({"name":"redis.marathon","fqdn":"redis.marathon.l4lb.thisdcos.directory",)"
                  R"("vip":"11.202.66.36","port":6379,"protocol":"tcp",)"
                  R"("mode":"fullnat","origin":"mesos","reals":[)"
                  R"({"address":"9.0.0.1","port":6379,"weight":1,"state":"up"}]})"));
}

TEST(CompileState, VipNamesHaveAddressAndServiceRecordsBesideThoseOfTasks) {
  const StateFile file(kEvents);
  const Lines records = lines_of(compiled(Config{}, file.name(), CompileOutput::kRecords));
  for (const char* line : {"redis.marathon.l4lb.thisdcos.directory.\tA\t11.202.66.36",
                           "_redis._tcp.marathon.l4lb.thisdcos.directory.\tSRV\t"
                           "redis.marathon.l4lb.thisdcos.directory.:6379",
                           "redis.marathon.mesos.\tA\t9.0.0.1"}) {
    EXPECT_THAT(records, testing::Contains(line));
  }
}

TEST(CompileState, WhatIsLeftOutIsOneLineOfJsonEach) {
  const StateFile file(kEvents);
  const Lines skipped = lines_of(compiled(Config{}, file.name(), CompileOutput::kSkipped));
  ASSERT_EQ(skipped.size(), 3u);
  EXPECT_THAT(
      skipped[0],
      testing::StartsWith(R"({"kind":"event","framework":"","task":"","item":"line 4","why":)"));
  EXPECT_THAT(skipped[1], HasSubstr(R"("kind":"framework","framework":"marathon")"));
  EXPECT_THAT(skipped[2],
              testing::StartsWith(R"({"kind":"label","framework":"marathon","task":"redis.1",)"
                                  R"("item":"VIP_1=/redis:99999","why":)"));
}

TEST(CompileState, TasksOfUnknownAgentsAndFrameworksAreListedAsLeftOut) {
  const StateFile file(
      R"({"leader":"master@10.0.0.1:5050","slaves":[{"id":"S1","pid":"slave(1)@10.0.0.5:5051"}],)"
      R"("frameworks":[{"id":"F","name":"marathon","hostname":"10.0.0.6","tasks":[)"
      R"({"id":"a.1","name":"a","slave_id":"S9","state":"TASK_RUNNING"},)"
      R"({"id":"b.1","name":"b","slave_id":"S1","state":"TASK_RUNNING"}]}]})");
  EXPECT_EQ(compiled(Config{}, file.name(), CompileOutput::kSkipped),
            R"({"kind":"task","framework":"marathon","task":"a.1","item":"a",)"
            R"("why":"its agent 'S9' is not known"})"
            "\n");
  const StateFile event(
      R"({"type":"TASK_ADDED","task_added":{"task":{"name":"c","task_id":{"value":"c.1"},)"
      R"("framework_id":{"value":"F"},"agent_id":{"value":"S1"},"state":"TASK_RUNNING"}}})");
  EXPECT_EQ(compiled(Config{}, event.name(), CompileOutput::kSkipped),
            R"({"kind":"task","framework":"","task":"c.1","item":"c",)"
            R"("why":"its framework 'F' is not known"})"
            "\n");
}

TEST(CompileState, ServicesOfTheFileAndOfMesosAreUnitedAndTheFileDecides) {
  const StateFile file(kEvents);
  Config config;
  ServiceConfig service;
  service.name = "redis.marathon";
  service.vip_auto = true;
  service.port = 6379;
  service.snat_pool = "default";
  service.mode = Mode::kNat;
  service.reals.push_back({*parse_ip_address("10.9.1.11"), 7000, 1, {}});
  config.services.push_back(service);
  const std::string text = compiled(config, file.name(), CompileOutput::kServices);
  EXPECT_THAT(text, HasSubstr(R"("name":"redis.marathon","fqdn":"redis.marathon.l4lb.)"
                              R"(thisdcos.directory","vip":"11.202.66.36","port":6379,)"
                              R"("protocol":"tcp","mode":"nat","origin":"yaml","reals":[)"
                              R"({"address":"9.0.0.1","port":6379,"weight":1,"state":"up"},)"
                              R"({"address":"10.9.1.11","port":7000,"weight":1,"state":"up"}]})"));
}

TEST(CompileState, PointersAreInTheReverseZones) {
  const StateFile file(kEvents);
  Config config;
  config.mesos.resize(1);
  config.mesos[0].ptr = true;
  EXPECT_THAT(lines_of(compiled(config, file.name(), CompileOutput::kRecords)),
              testing::Contains("1.0.0.9.in-addr.arpa.\tPTR\tredis.marathon.mesos."));
}

TEST(CompileState, AFileThatIsNoStateIsAnErrorThatNamesIt) {
  for (const char* text : {"nonsense\n", R"({"type":"GET_STATE"})"}) {
    const StateFile file(text);
    const auto state = read_mesos_state(file.name(), Config{});
    ASSERT_FALSE(state.ok()) << text;
    EXPECT_THAT(state.error(), testing::StartsWith(file.name()));
  }
  EXPECT_THAT(read_mesos_state("/nowhere/state.json", Config{}).error(),
              testing::StartsWith("/nowhere/state.json: cannot be read: No such file"));
}

}  // namespace
}  // namespace vipgate::compile_state_test
