// What resolvers said, for as long as they allow: the forwarder's cache of answers (RFC 1035 7.4,
// RFC 2308 5, RFC 8767, RFC 9520).
//
// One per worker, in zeroed memory that it is given and that never grows: buckets of eight places,
// one cache line each, and a slot of fixed size for each place, which holds the largest answer that
// UDP brings. A look-up costs the bucket's line and the first ones of a slot, both of which can be
// fetched ahead.
//
// A bucket is a segmented LRU: an answer is on probation until it is used once more, and only those
// on probation give way, while there are any; at least one place of a bucket is always theirs. So
// names that nobody asks for twice, however many, push out each other and nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/dns_name_hash.h"
#include "common/dns_upstream.h"
#include "common/dns_wire.h"
#include "common/prefetch.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/table_census.h"

namespace vipgate {

// A question, as far as its answer depends on it. Plain memory, made for a look-up.
struct DnsQuestion {
  static constexpr uint8_t kDnssecOk = 1, kCheckingDisabled = 2;

  uint64_t hash = 0;              // of all that follows, keyed
  const uint8_t* name = nullptr;  // folded
  uint16_t name_length = 0;
  uint16_t type = 0;
  uint8_t flags = 0;

  // `name_hash`: that of DnsTable.
  static DnsQuestion of(uint64_t name_hash, const DnsFoldedName& name, size_t name_length,
                        DnsType type, uint8_t flags);
};

// One answer: the message behind the question, without its OPT record.
struct alignas(64) DnsCacheSlot {
  static constexpr size_t kOctets = 1472;

  uint64_t hash;
  uint64_t stored_ns;
  uint64_t recheck_ns;  // nobody is asked again before: resolvers have just failed
  uint32_t ttl_s;
  uint16_t type;
  uint16_t name_length;
  uint16_t body_length;
  uint16_t ttl_count;  // records whose TTLs count down
  uint16_t answers, authorities, additionals;
  uint8_t question_flags;
  uint8_t rcode;
  bool is_authentic;  // AD
  bool is_truncated;  // TC, and no body
  bool is_negative;
  bool is_failure;  // no resolver has answered: SERVFAIL
  // The folded name, the body, then where in the body the TTLs are, in two octets each.
  std::array<uint8_t, kOctets> octets;

  const uint8_t* body() const { return octets.data() + name_length; }
  uint16_t ttl_offset(size_t index) const {
    return load<uint16_t>(body() + body_length + 2 * index);
  }
  uint32_t age_s(uint64_t now_ns) const {
    return static_cast<uint32_t>((now_ns - stored_ns) / 1'000'000'000);
  }
  // A TTL of 0 is for those who asked before it came: it lasts a second.
  bool is_fresh(uint64_t now_ns) const { return age_s(now_ns) < (ttl_s == 0 ? 1 : ttl_s); }
  // Past its time, but better than nothing (RFC 8767). Failures are no answers.
  bool may_be_stale(uint64_t now_ns, uint32_t stale_s) const {
    return !is_failure && !is_truncated && ttl_s != 0 && age_s(now_ns) < uint64_t{ttl_s} + stale_s;
  }
};
static_assert(sizeof(DnsCacheSlot) == 1536);
static_assert(DnsCacheSlot::kOctets >=
                  kDnsUdpLimit - kDnsHeaderLength - 4 + 2 * DnsUpstreamAnswer::kMaxRecords,
              "any answer that UDP brings has room");

// 64 octets: what a look-up sees first.
struct alignas(64) DnsCacheBucket {
  static constexpr size_t kWays = 8;
  std::array<uint16_t, kWays> tags;   // of the hash; 0: the place is free
  std::array<uint8_t, kWays> uses;    // since it came, up to 255; 0: on probation
  std::array<uint32_t, kWays> order;  // the higher, the later it came
  uint32_t clock;
};
static_assert(sizeof(DnsCacheBucket) == 64);

struct DnsCacheMemory {
  std::span<DnsCacheBucket> buckets;  // a power of two of them
  std::span<DnsCacheSlot> slots;      // kWays for each bucket

  // Buckets for so many answers: the power of two that has room for them, at least one.
  static size_t buckets_for(size_t answers);
};

class DnsCache {
 public:
  DnsCache() = default;
  explicit DnsCache(const DnsCacheMemory& memory) : memory_(memory) {}

  void prefetch(const DnsQuestion& question) const { prefetch_line(&bucket(question.hash)); }
  // To be called when the bucket is in the cache.
  void prefetch_slot(const DnsQuestion& question) const;

  // What is known, fresh or not; null: nothing. `is_use`: somebody new asks for it.
  DnsCacheSlot* find(const DnsQuestion& question, bool is_use);

  // Keeps the answer, which lies behind the question of `message`, in the place of an earlier one
  // or of another question's. REQUIRES: answer.is_usable().
  void store(const DnsQuestion& question, const uint8_t* message, const DnsUpstreamAnswer& answer,
             uint64_t now_ns);
  // Notes that no resolver answers: for `failure_s`, what is known counts, if it may be stale, or
  // else that they fail.
  void store_failure(const DnsQuestion& question, uint32_t failure_s, uint32_t stale_s,
                     uint64_t now_ns);

  // Answers that gave way to others before their time.
  uint64_t evictions() const { return evictions_; }
  // Those whose time is not over, as of late.
  uint64_t answers() const { return census_.entries(); }
  // Goes on counting them. A place that was never used is not looked at.
  void count_answers(uint64_t now_ns) {
    constexpr size_t kStep = kCensusFarLines / DnsCacheBucket::kWays;
    census_.advance(memory_.buckets.size(), kStep, [&](size_t place) {
      size_t fresh = 0;
      for (size_t way = 0; way < DnsCacheBucket::kWays; ++way) {
        if (memory_.buckets[place].tags[way] == 0) continue;
        if (memory_.slots[place * DnsCacheBucket::kWays + way].is_fresh(now_ns)) ++fresh;
      }
      return fresh;
    });
  }

 private:
  static uint16_t tag_of(uint64_t hash) {
    const auto tag = static_cast<uint16_t>(hash >> 48);
    return tag == 0 ? 1 : tag;
  }
  size_t index_of(uint64_t hash) const { return hash & (memory_.buckets.size() - 1); }
  DnsCacheBucket& bucket(uint64_t hash) const { return memory_.buckets[index_of(hash)]; }
  DnsCacheSlot& slot(uint64_t hash, size_t way) const {
    return memory_.slots[index_of(hash) * DnsCacheBucket::kWays + way];
  }
  // kWays: it has no place.
  size_t way_of(const DnsQuestion& question) const;
  size_t place_for(const DnsQuestion& question, uint64_t now_ns);
  static void use(DnsCacheBucket& bucket, size_t way);
  DnsCacheSlot& begin(const DnsQuestion& question, uint64_t now_ns);

  DnsCacheMemory memory_;
  uint64_t evictions_ = 0;
  TableCensus census_;
};

}  // namespace vipgate
