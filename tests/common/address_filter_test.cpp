#include "common/address_filter.h"

#include <gtest/gtest.h>

#include "common/snapshot_builder.h"

namespace vipgate {
namespace address_filter_test {

Ipv4Address v4(uint32_t number) { return Ipv4Address{Be32(number)}; }

TEST(AddressFilter, ExcludesNoneThatWasAddedAndNearlyAllOthers) {
  AddressFilter<Ipv4Address> filter;
  for (uint32_t i = 0; i < 40; ++i) filter.add(v4(0x0a000001 + 256 * i));
  for (uint32_t i = 0; i < 40; ++i) EXPECT_FALSE(filter.excludes(v4(0x0a000001 + 256 * i)));
  int excluded = 0;
  for (uint32_t i = 0; i < 10'000; ++i) excluded += filter.excludes(v4(0x01000000 + 77 * i));
  EXPECT_GT(excluded, 9'700);
}

TEST(AddressFilter, ExcludesNoneOnceItIsFull) {
  AddressFilter<Ipv6Address> filter;
  EXPECT_TRUE(filter.excludes(Ipv6Address{{0x20, 0x01}}));
  filter.fill();
  EXPECT_FALSE(filter.excludes(Ipv6Address{{0x20, 0x01}}));
}

ServiceSpec service(uint32_t index) {
  ServiceSpec spec;
  spec.index = index;
  spec.flow_id = index + 1;
  spec.vip = v4(0x0b000001 + index);
  spec.port = 80;
  return spec;
}

TEST(AddressFilter, OfASnapshotKnowsEachVipThatIsThereOfFewAndOfMany) {
  for (const uint32_t services : {3u, 1'500u}) {
    SnapshotSpec spec;
    spec.ports.emplace_back();
    for (uint32_t i = 0; i < services; ++i) spec.services.push_back(service(i));
    spec.service_slots = services;
    const auto snapshot = SnapshotBuilder().build(spec);
    for (uint32_t i = 0; i < services; ++i) EXPECT_TRUE(snapshot->v4.has(v4(0x0b000001 + i)));
    EXPECT_FALSE(snapshot->v4.has(v4(0x01020304)));
  }
}

}  // namespace address_filter_test
}  // namespace vipgate
