#include "controlplane/offline/compile_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"

namespace vipgate::compile_command_test {
namespace {

std::string output(CompileOutput kind) {
  const auto config = read_config(VIPGATE_SOURCE_DIR "/config/demo.yaml");
  EXPECT_TRUE(config.ok());
  const auto text = compile_command(*config, kind);
  EXPECT_TRUE(text.ok());
  return *text;
}

TEST(CompileCommand, RecordsOfTheDemoAreThoseOfItsOneName) {
  EXPECT_EQ(output(CompileOutput::kRecords),
            "_redis._tcp.marathon.l4lb.thisdcos.directory.\tSRV\t"
            "redis.marathon.l4lb.thisdcos.directory.:6379\n"
            "redis.marathon.l4lb.thisdcos.directory.\tA\t11.202.66.36\n");
}

TEST(CompileCommand, ServicesOfTheDemoAreOneLineOfJson) {
  EXPECT_EQ(output(CompileOutput::kServices),
            R"({"name":"redis.marathon","fqdn":"redis.marathon.l4lb.thisdcos.directory",)"
            R"("vip":"11.202.66.36","port":6379,"protocol":"tcp","mode":"fullnat",)"
            R"("origin":"yaml","reals":[)"
            R"({"address":"10.9.1.11","port":30585,"weight":1,"state":"up"},)"
            R"({"address":"10.9.1.12","port":31002,"weight":1,"state":"up"},)"
            R"({"address":"10.9.1.13","port":31777,"weight":1,"state":"up"}]})"
            "\n");
}

Config wide_config() {
  const auto config = parse_config(R"(
dns: {listen: [10.9.0.53], zones: [{name: z, services: true}]}
defaults: {mode: nat}
services:
  - {name: a.b, vip: 11.0.0.1, port: 8000-8999, reals: [{address: 10.0.0.1}]}
  - {name: c.d, vip: 11.0.0.2, port: any}
  - {name: e.f, vip: 11.7.0.0/24, port: 80, protocol: udp}
)",
                                   "f");
  EXPECT_TRUE(config.ok()) << config.error();
  return *config;
}

TEST(CompileCommand, PortsAndPrefixesAreShownAsTheyAreWritten) {
  const auto text = compile_command(wide_config(), CompileOutput::kServices);
  ASSERT_TRUE(text.ok()) << text.error();
  EXPECT_THAT(*text, testing::HasSubstr(R"("vip":"11.0.0.1","port":"8000-8999","protocol":"tcp")"));
  EXPECT_THAT(*text, testing::HasSubstr(R"({"address":"10.0.0.1","port":0,)"));
  EXPECT_THAT(*text, testing::HasSubstr(R"("vip":"11.0.0.2","port":0,)"));
  EXPECT_THAT(*text, testing::HasSubstr(R"("vip":"11.7.0.0/24","port":80,"protocol":"udp")"));
  const auto stats = compile_command(wide_config(), CompileOutput::kSnapshotStats);
  ASSERT_TRUE(stats.ok());
  EXPECT_THAT(*stats, testing::HasSubstr(R"("11.0.0.1:8000-8999/tcp":)"));
}

TEST(CompileCommand, SeveralPortsHaveNoSrvRecordAndAPrefixHasNone) {
  const auto text = compile_command(wide_config(), CompileOutput::kRecords);
  ASSERT_TRUE(text.ok()) << text.error();
  EXPECT_EQ(*text, "a.b.z.\tA\t11.0.0.1\nc.d.z.\tA\t11.0.0.2\n");
}

TEST(CompileCommand, NothingIsSkipped) { EXPECT_EQ(output(CompileOutput::kSkipped), ""); }

TEST(CompileCommand, StatsCountAndGiveAChecksumPerService) {
  EXPECT_THAT(
      output(CompileOutput::kSnapshotStats),
      testing::MatchesRegex(R"(\{"services":1,"reals":3,.*"maglev_tables":1,"maglev_rows":4093,.*)"
                            R"("maglev_checksums":\{"11.202.66.36:6379/tcp":"[0-9a-f]+"\}\})"
                            "\n"));
}

TEST(CompileCommand, WithoutAServicesZoneAServiceHasNoFqdn) {
  Config config;
  config.services.resize(1);
  config.services[0].name = "a";
  config.services[0].vip = Ipv4Address{Be32(0x0b000001)};
  const auto text = compile_command(config, CompileOutput::kServices);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, testing::StartsWith(R"({"name":"a","fqdn":null,"vip":"11.0.0.1")"));
}

TEST(CompileOffline, EveryRealIsUpAndItsNextHopIsTheGivenOne) {
  const auto config = read_config(VIPGATE_SOURCE_DIR "/config/demo.yaml");
  const MacAddress mac{{2, 0, 0, 0, 0, 0xab}};
  const auto offline = compile_offline(*config, mac);
  ASSERT_TRUE(offline.ok());
  EXPECT_EQ(offline->service_slots, 1u);
  EXPECT_EQ(offline->real_slots, 3u);
  const Snapshot& snapshot = *offline->snapshot;
  for (uint32_t index = 0; index < offline->real_slots; ++index) {
    const RealEntry* real = snapshot.real(RealId(index, 0));
    ASSERT_NE(real, nullptr);
    EXPECT_EQ(real->state, RealState::kUp);
    EXPECT_TRUE(real->next_hop_resolved);
    EXPECT_EQ(real->next_hop_mac, mac);
    EXPECT_EQ(real->out_port, 1);
  }
  EXPECT_GT(snapshot.service(0).row_count, 0u);
  EXPECT_EQ(snapshot.service(0).snat_count, 2u);
}

TEST(CompileOffline, PortsHaveNumberedAddressesThatAreNotCompared) {
  const auto config = read_config(VIPGATE_SOURCE_DIR "/config/demo.yaml");
  const auto offline = compile_offline(*config, MacAddress{{2, 0, 0, 0, 0, 0xab}});
  ASSERT_TRUE(offline.ok());
  const auto& ports = offline->snapshot->ports;
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(to_string(ports[0].mac), "02:00:00:00:00:01");
  EXPECT_EQ(to_string(ports[1].mac), "02:00:00:00:00:02");
  for (const PortEntry& port : ports) EXPECT_FALSE(port.check_mac);
}

}  // namespace
}  // namespace vipgate::compile_command_test
