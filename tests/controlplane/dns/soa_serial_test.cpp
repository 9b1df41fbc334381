#include "controlplane/dns/soa_serial.h"

#include <gtest/gtest.h>

namespace vipgate::soa_serial_test {
namespace {

using Time = std::chrono::system_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 1982 3.2.
bool is_greater(uint32_t a, uint32_t b) {
  return a != b && static_cast<uint32_t>(a - b) < 1u << 31;
}

TEST(SoaSerial, EachIsGreaterThanTheLastHoweverFastTheyCome) {
  SoaSerial serial;
  const Time start{seconds(1'800'000'000)};
  uint32_t last = serial.next(start);
  for (int i = 0; i < 10'000; ++i) {
    const uint32_t next = serial.next(start + milliseconds(i / 3));
    ASSERT_TRUE(is_greater(next, last)) << i;
    last = next;
  }
}

TEST(SoaSerial, AfterARestartItGoesOnAboveWhatWasThereBefore) {
  Time now{seconds(1'800'000'000)};
  uint32_t last = 0;
  for (int run = 0; run < 5; ++run) {
    SoaSerial serial;
    for (int i = 0; i < 1000; ++i) {
      const uint32_t next = serial.next(now += milliseconds(i % 2 == 0 ? 2 : 20));
      if (run + i > 0) {
        ASSERT_TRUE(is_greater(next, last)) << run << " " << i;
      }
      last = next;
    }
    now += milliseconds(500);
  }
}

TEST(SoaSerial, AClockThatIsSetBackDoesNotTakeItBack) {
  SoaSerial serial;
  const Time start{seconds(1'800'000'000)};
  const uint32_t before = serial.next(start);
  EXPECT_EQ(serial.next(start - seconds(3600)), before + 1);
}

TEST(SoaSerial, ItGoesOnBeyondTheGreatestNumber) {
  SoaSerial serial;
  const auto wraps = Time{std::chrono::duration_cast<Time::duration>(
      std::chrono::duration<int64_t, std::centi>(int64_t{43} << 32))};
  const uint32_t last = serial.next(wraps - milliseconds(10));
  EXPECT_EQ(last, 0xffffffffu);
  EXPECT_EQ(serial.next(wraps - milliseconds(10)), 0u);
  EXPECT_TRUE(is_greater(serial.next(wraps + seconds(1)), last));
}

}  // namespace
}  // namespace vipgate::soa_serial_test
