// What the headers of tunnels say of their reals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <random>

#include "common/snapshot_builder.h"

namespace vipgate::snapshot_tunnels_test {
namespace {

constexpr uint32_t kServices = 200;
constexpr uint32_t kRealsPerService = 4;

SnapshotFrame frame_with_mtu(uint16_t mtu) {
  SnapshotFrame frame;
  frame.ports = {PortEntry{.mac = {{2, 0, 0, 0, 0, 1}}}, PortEntry{.mac = {{2, 0, 0, 0, 0, 2}}}};
  for (PortEntry& port : frame.ports) port.mtu = mtu;
  frame.snat_addresses = {{*parse_ip_address("10.0.9.1")}};
  return frame;
}

ServiceSpec random_service(uint32_t index, std::mt19937& random) {
  constexpr Mode kModes[] = {Mode::kFullnat, Mode::kL2dsr, Mode::kIpip, Mode::kGre, Mode::kGue};
  ServiceSpec service;
  service.index = index;
  service.flow_id = index + 1;
  service.vip = Ipv4Address{Be32(0x0b000000 + index)};
  service.port = 80;
  service.mode = kModes[random() % std::size(kModes)];
  for (uint32_t i = 0; i < kRealsPerService; ++i) {
    if (random() % 4 == 0) continue;
    RealSpec& real = service.reals.emplace_back();
    real.address = Ipv4Address{Be32(0x0a000000 + index * kRealsPerService + i)};
    real.state = static_cast<RealState>(random() % 3);
    real.id = RealId(index * kRealsPerService + i, static_cast<uint32_t>(random() % 3));
    real.resolved = random() % 4 != 0;
    real.out_port = static_cast<uint8_t>(random() % 2);
  }
  if (random() % 4 == 0) std::shuffle(service.reals.begin(), service.reals.end(), random);
  return service;
}

// What the header of each place ought to say: whose, if anybody's is up.
void expect_reals_that_are_up(const Snapshot& snapshot) {
  for (uint32_t index = 0; index < kServices * kRealsPerService; ++index) {
    const RealEntry& real = *snapshot.real_entry(RealId(index, 0));
    const TunnelHeader& tunnel = snapshot.tunnel(RealId(index, 0));
    const bool is_up = real.service != kNone && real.state == RealState::kUp &&
                       real.next_hop_resolved && is_tunnel(snapshot.service(real.service).mode);
    ASSERT_EQ(tunnel.up_generation, is_up ? real.generation : TunnelHeader::kNobody) << index;
    if (!is_up) continue;
    ASSERT_EQ(tunnel.out_port, real.out_port) << index;
  }
}

TEST(SnapshotTunnels, TheirHeadersNameTheRealsThatAreUpAndNoOthersAfterAnyUpdate) {
  std::mt19937 random(5);
  SnapshotBuilder builder;
  for (int round = 0; round < 100; ++round) {
    builder.set_frame(frame_with_mtu(static_cast<uint16_t>(1500 + round / 5)));
    SnapshotUpdate update;
    update.service_slots = kServices;
    update.real_slots = kServices * kRealsPerService;
    for (uint32_t index = 0; index < kServices; ++index) {
      if (random() % 8 != 0) continue;
      if (random() % 3 == 0) {
        update.removed.push_back(index);
      } else {
        update.changed.push_back(random_service(index, random));
      }
    }
    const auto snapshot = builder.update(std::move(update));
    ASSERT_NO_FATAL_FAILURE(expect_reals_that_are_up(*snapshot)) << "round " << round;
  }
}

TEST(SnapshotTunnels, HeadersOfUsualLengthLieInOneLine) {
  TunnelWay way, way6;
  way.real = Ipv4Address{Be32(0x0a000001)};
  way6.real = *parse_ip_address("fd00::1");
  for (const Mode mode : {Mode::kIpip, Mode::kGre, Mode::kGue}) {
    EXPECT_TRUE(make_tunnel_header(mode, 4, {}, way).is_short());
    EXPECT_FALSE(make_tunnel_header(mode, 4, {}, way6).is_short());
  }
  EXPECT_EQ(offsetof(TunnelHeader, bytes) + TunnelHeader::kMaxLength - TunnelHeader::kShortLength,
            64u);
}

}  // namespace
}  // namespace vipgate::snapshot_tunnels_test
