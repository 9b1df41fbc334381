// Compile-time sizes of the fast path, in one place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vipgate {

// Packets taken from a queue at once. 64 hides memory latency better than 32 from a million flows
// on, and costs nothing below.
inline constexpr uint16_t kBurst = 64;
inline constexpr size_t kMaxPorts = 16;
inline constexpr size_t kMaxWorkers = 64;
static_assert(kBurst <= 64 && kMaxPorts <= 32 && kMaxWorkers <= 64, "sets of them are bit masks");

// What is read of so many reals stays in the cache by itself: fetching it ahead costs more.
inline constexpr size_t kFewReals = 256;
// And the table of so many slots for addresses, of a cache line each: see KnownReturns.
inline constexpr size_t kFewAddressSlots = 4096;
// SNAT ports tried for one new flow before it is refused.
inline constexpr uint32_t kSnatProbes = 64;
// The whole flow table is swept once in this time.
inline constexpr uint32_t kSweepSeconds = 30;
// Buckets swept at most in one loop, so that a sweep never delays a packet.
inline constexpr size_t kSweepBucketsPerLoop = 16;
// The same for who lists flows. A table of a million takes 32,768 loops.
inline constexpr size_t kWalkBucketsPerLoop = 32;

// Cache lines of a table that are counted at a time, four times a second, which takes some
// microseconds: those that lie in a row, and those that lie apart.
inline constexpr size_t kCensusLines = 512;
inline constexpr size_t kCensusFarLines = 256;

// Fragments that wait for their datagram's first one, per worker, and how long at most. What the
// network puts out of order comes within milliseconds.
inline constexpr size_t kHeldFragments = 256;
inline constexpr uint64_t kFragmentHoldNs = 1'000'000'000;
// How long a datagram is known by its first fragment. Receivers wait for 15 s and more (RFC
// 791 3.2), but at speed an IPv4 id is used again within seconds (RFC 4963).
inline constexpr uint64_t kFragmentFollowNs = 5'000'000'000;

// Answers of the gateway's own making, per worker and second.
inline constexpr uint32_t kEchoRepliesPerSecond = 10'000;
inline constexpr uint32_t kUnreachablesPerSecond = 1'000;
inline constexpr uint32_t kResetsPerSecond = 100'000;
inline constexpr uint32_t kTimeExceededPerSecond = 1'000;
inline constexpr uint32_t kTooBigPerSecond = 1'000;

}  // namespace vipgate
