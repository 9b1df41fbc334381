// A small world for replay: two ports, services of each kind, a DNS zone; captures in a directory
// of their own.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/snapshot_builder.h"
#include "dataplane/pcap_file.h"
#include "dataplane/replay.h"
#include "tests/support/address_text.h"
#include "tests/support/dns_fixture.h"
#include "tests/support/packet_builder.h"

namespace vipgate::test {

inline constexpr uint8_t kEdge = 0;
inline constexpr uint8_t kCluster = 1;
inline constexpr MacAddress kNextHop{{2, 0, 0, 0, 0, 0xfe}};
inline constexpr MacAddress kEdgeMac{{2, 0, 0, 0, 0, 1}};
inline constexpr MacAddress kClusterMac{{2, 0, 0, 0, 0, 2}};
inline constexpr uint64_t kMillisecond = 1'000'000;
inline constexpr uint64_t kSecond = 1'000'000'000;

// redis 11.202.66.36:6379 TCP with three reals, "web \"6\"" [fd01:c::1]:80 TCP, echo 11.0.0.2:7
// UDP, empty 11.0.0.3:80 TCP without reals, leaning 11.0.0.4:80 TCP, which falls back on redis,
// tenants 11.20.0.0/24 UDP, all ports.
inline SnapshotSpec replay_spec() {
  SnapshotSpec spec;
  spec.ports = {PortEntry{.mac = kEdgeMac, .kernel = true, .check_mac = false},
                PortEntry{.mac = kClusterMac, .check_mac = false}};
  spec.own = {{ip("10.9.0.2"), true}, {ip("10.9.1.2"), false}};
  spec.dns_listen = {ip("10.9.0.53"), ip("fd09::53")};
  spec.snat_addresses = {{ip("10.9.1.100")}, {ip("fd09:1::100")}};
  spec.dns = test::make_test_table();
  uint32_t real_index = 0;
  const auto add = [&](const char* name, const char* vip, uint16_t port, Protocol protocol,
                       std::vector<std::pair<const char*, uint16_t>> reals) {
    ServiceSpec service;
    service.index = static_cast<uint32_t>(spec.services.size());
    service.flow_id = service.index + 1;
    service.name = name;
    service.vip = ip(vip);
    service.port = port;
    service.protocol = protocol;
    service.snat_first = service.vip.is_v4() ? 0 : 1;
    service.snat_count = 1;
    for (const auto& [address, real_port] : reals) {
      RealSpec real;
      real.address = ip(address);
      real.port = real_port;
      real.id = RealId(real_index++, 0);
      real.resolved = true;
      real.next_hop = kNextHop;
      real.out_port = kCluster;
      service.reals.push_back(real);
    }
    spec.services.push_back(service);
  };
  add("redis.marathon", "11.202.66.36", 6379, Protocol::kTcp,
      {{"10.9.1.11", 30585}, {"10.9.1.12", 31002}, {"10.9.1.13", 31777}});
  add("web \"6\"", "fd01:c::1", 80, Protocol::kTcp, {{"fd09:1::11", 8080}});
  add("echo", "11.0.0.2", 7, Protocol::kUdp, {{"10.9.1.14", 7007}});
  add("empty", "11.0.0.3", 80, Protocol::kTcp, {});
  add("leaning", "11.0.0.4", 80, Protocol::kTcp, {});
  spec.services.back().no_real = NoReal::kFallback;
  spec.services.back().fallback = 0;
  add("tenants", "11.20.0.0", 0, Protocol::kUdp, {{"10.9.1.15", 0}});
  spec.services.back().extent = {kLastPort, 24};
  spec.services.back().flow_id = kWideFlowId;
  spec.service_slots = static_cast<uint32_t>(spec.services.size());
  spec.real_slots = real_index;
  return spec;
}
inline std::shared_ptr<const Snapshot> replay_world() {
  return SnapshotBuilder().build(replay_spec());
}

struct Frame {
  uint64_t time_ns;
  Bytes bytes;
};

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    std::string pattern = ::testing::TempDir() + "replay_test.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    options_.snapshot = replay_world();
    options_.port_names = {"edge", "cluster"};
    options_.out_path = path("out.pcap");
    options_.verdicts_path = path("verdicts.jsonl");
    options_.sizes.flows = 4096;
    options_.sizes.services = 4;
    options_.sizes.reals = 5;
  }
  ~ReplayTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  void add_capture(uint8_t port, const std::vector<Frame>& frames,
                   PcapResolution resolution = PcapResolution::kNanoseconds) {
    const std::string name = path("in" + std::to_string(options_.inputs.size()) + ".pcap");
    auto writer = PcapWriter::create(name, resolution);
    ASSERT_TRUE(writer) << writer.error();
    for (const Frame& frame : frames) ASSERT_TRUE(writer->write(frame.time_ns, frame.bytes));
    ASSERT_TRUE(writer->close());
    options_.inputs.push_back({port, name});
  }
  // One capture on the edge port, its frames a millisecond apart.
  void add_capture(const std::vector<Bytes>& packets) {
    std::vector<Frame> frames;
    for (const Bytes& packet : packets) {
      frames.push_back({kSecond + frames.size() * kMillisecond, packet});
    }
    add_capture(kEdge, frames);
  }

  void run() {
    const Status status = replay(options_);
    ASSERT_TRUE(status) << status.error();
  }

  std::vector<Frame> sent() const {
    std::vector<Frame> frames;
    auto reader = PcapReader::open(options_.out_path);
    EXPECT_TRUE(reader);
    for (PcapPacket packet; *reader->next(packet);)
      frames.push_back({packet.time_ns, packet.bytes});
    return frames;
  }

  static std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::vector<std::string> verdicts() const {
    std::vector<std::string> lines;
    std::ifstream file(options_.verdicts_path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  ReplayOptions options_;

 private:
  std::string directory_;
};

// From a client to the redis service.
inline Bytes to_redis(uint16_t port, std::string_view flags = "S",
                      std::string_view client = "198.51.100.7") {
  return PacketBuilder().ipv4(client, "11.202.66.36").tcp(port, 6379).flags(flags).build();
}

// The real's answer to a frame that replay sent it, over IPv4 and TCP without options.
inline Bytes answer_to(const Bytes& frame, std::string_view flags) {
  const auto address = [&](size_t at) {
    Ipv4Address value;
    std::memcpy(&value, frame.data() + at, sizeof value);
    return value;
  };
  const auto port = [&](size_t at) {
    return static_cast<uint16_t>(frame.at(at) << 8 | frame.at(at + 1));
  };
  return PacketBuilder()
      .ipv4(address(30), address(26))
      .tcp(port(36), port(34))
      .flags(flags)
      .build();
}

}  // namespace vipgate::test
