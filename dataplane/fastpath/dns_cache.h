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
  const uint8_t* name = nullptr;  // folded; 64 octets are readable, whatever its length
  uint16_t name_length = 0;
  uint16_t type = 0;
  uint8_t flags = 0;
  uint32_t epoch = 0;  // of who is asked (DnsForwarding); no part of hash and shape

  // `name_hash`: that of DnsTable.
  [[gnu::always_inline]] static DnsQuestion of(uint64_t name_hash, const DnsFoldedName& name,
                                               size_t name_length, DnsType type, uint8_t flags) {
    const auto number = static_cast<uint16_t>(type);
    // The name's hash is keyed: what is added to it cannot be chosen against it.
    const uint64_t rest = uint64_t{number} << 8 | flags;
    return {.hash = name_hash + rest * 0x9e3779b97f4a7c15,
            .name = name.octets.data(),
            .name_length = static_cast<uint16_t>(name_length),
            .type = number,
            .flags = flags};
  }

  // All but the name's octets, to be compared at once.
  uint64_t shape() const {
    return uint64_t{type} | uint64_t{name_length} << 16 | uint64_t{flags} << 32;
  }
};

// One answer: the message behind the question, without its OPT record.
struct alignas(64) DnsCacheSlot {
  static constexpr size_t kOctets = 1452;
  static constexpr uint64_t kNoSnapshot = UINT64_MAX;

  uint64_t hash;
  uint64_t shape;  // of DnsQuestion
  uint64_t fresh_until_ns;
  // The snapshot by which the question was last found to be one for others, or kNoSnapshot, and the
  // search list of that snapshot that was tried before; null: none.
  uint64_t outside_in;
  const void* outside_list;
  uint64_t stored_ns;
  uint64_t recheck_ns;  // nobody is asked again before: resolvers have just failed
  uint32_t ttl_s;
  uint32_t epoch;  // DnsQuestion's
  uint16_t name_length;
  uint16_t body_length;
  uint16_t ttl_count;  // records whose TTLs count down
  uint16_t answers, authorities, additionals;
  uint16_t body_sum;  // as a checksum adds it up, at an even offset
  uint8_t rcode;
  bool is_authentic;  // AD
  bool is_truncated;  // TC, and no body
  bool is_negative;
  bool is_failure;      // no resolver has answered: SERVFAIL
  uint8_t turn_length;  // of DnsAnswerFacts; 0 also where it is longer
  // The folded name, the body, then where in the body the TTLs are, in two octets each. A body may
  // be read in groups of 16 octets.
  std::array<uint8_t, kOctets> octets;

  const uint8_t* body() const { return octets.data() + name_length; }
  uint16_t ttl_offset(size_t index) const {
    return load<uint16_t>(body() + body_length + 2 * index);
  }
  // The name is said not to be there; where there is an alias, it is another name.
  bool is_denial() const {
    return rcode == static_cast<uint8_t>(DnsRcode::kNxDomain) && answers == 0;
  }
  bool is_whole() const { return !is_truncated && !is_failure; }
  uint32_t age_s(uint64_t now_ns) const {
    return static_cast<uint32_t>((now_ns - stored_ns) / 1'000'000'000);
  }
  bool is_fresh(uint64_t now_ns) const { return now_ns < fresh_until_ns; }
  // A TTL of 0 is for those who asked before it came: it lasts a second.
  void last(uint32_t seconds) {
    ttl_s = seconds;
    fresh_until_ns = stored_ns + (seconds == 0 ? 1 : uint64_t{seconds}) * 1'000'000'000;
  }
  // Past its time, but better than nothing (RFC 8767). Failures are no answers.
  bool may_be_stale(uint64_t now_ns, uint32_t stale_s) const {
    return is_whole() && ttl_s != 0 && age_s(now_ns) < uint64_t{ttl_s} + stale_s;
  }
};
static_assert(sizeof(DnsCacheSlot) == 1536);
static_assert(DnsCacheSlot::kOctets >=
                  kDnsUdpLimit - kDnsHeaderLength - 4 + 2 * DnsUpstreamAnswer::kMaxRecords + 16,
              "any answer that UDP brings has room, and 16 octets behind it");

// 64 octets: what a look-up sees first.
struct alignas(64) DnsCacheBucket {
  static constexpr size_t kWays = 8;
  alignas(16) std::array<uint16_t, kWays> tags;  // of the hash; 0: the place is free
  std::array<uint8_t, kWays> uses;               // since it came, up to 255; 0: on probation
  std::array<uint32_t, kWays> order;             // the higher, the later it came
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

  // Where an answer lies: the bucket's number times kWays, and the way.
  using Place = uint32_t;
  static constexpr Place kNoPlace = UINT32_MAX;
  // A question that is looked for, a stage after the other.
  struct Sought {
    uint64_t hash;
    uint64_t shape;
    Place place;  // kNoPlace: it is not looked for, or known nowhere
  };
  // Names that are compared at once.
  static constexpr size_t kShortName = 64;

  void prefetch(uint64_t hash) const { prefetch_line(&bucket(hash)); }
  // Where a question of that hash may be known. What lies there is fetched. Of two with the same
  // tag it is the first one: the other is found by find() alone. To be called when the bucket is in
  // the cache.
  [[gnu::always_inline]] Place prefetch_slot(uint64_t hash) const {
    const uint32_t hits = matches(bucket(hash), hash);
    if (hits == 0) return kNoPlace;
    const size_t place =
        index_of(hash) * DnsCacheBucket::kWays + static_cast<size_t>(__builtin_ctz(hits)) / 2;
    const auto* octets = reinterpret_cast<const uint8_t*>(&memory_.slots[place]);
    for (size_t at = 0; at < 256; at += 64) prefetch_line(octets + at);
    return static_cast<Place>(place);
  }

  // What is known, fresh or not; null: nothing. `is_use`: somebody new asks for it.
  DnsCacheSlot* find(const DnsQuestion& question, bool is_use) {
    if (memory_.buckets.empty()) return nullptr;
    const size_t way = way_of(question);
    if (way == DnsCacheBucket::kWays) return nullptr;
    if (is_use) use(bucket(question.hash), way);
    return &slot(question.hash, way);
  }
  // What lies at the place, if it is the question's and fresh, and the snapshot of that generation
  // is known to have the question for others; null: else. REQUIRES: prefetch_slot() gave the place;
  // kIsShort: the name has no more than kShortName octets.
  template <bool kIsShort>
  [[gnu::always_inline]] const DnsCacheSlot* find_fresh(const Sought& sought,
                                                        const DnsFoldedName& name,
                                                        uint64_t generation,
                                                        uint64_t now_ns) const {
    const DnsCacheSlot& known = memory_.slots[sought.place];
    if (known.hash != sought.hash || known.shape != sought.shape ||
        known.outside_in != generation || !known.is_fresh(now_ns)) {
      return nullptr;
    }
    const uint8_t* octets = known.octets.data();
    const bool is_same = kIsShort ? is_short_name(octets, name.octets.data(), known.name_length)
                                  : is_same_name(octets, name.octets.data(), known.name_length);
    return is_same ? &known : nullptr;
  }
  // Somebody new is told it.
  void use(Place place) { use(bucket_at(place), place % DnsCacheBucket::kWays); }
  // The same if it has been used before; false: it has not.
  [[gnu::always_inline]] bool use_again(Place place) {
    uint8_t& uses = bucket_at(place).uses[place % DnsCacheBucket::kWays];
    if (uses == 0) return false;
    uses = static_cast<uint8_t>(uses + (uses != UINT8_MAX ? 1 : 0));
    return true;
  }

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
  DnsCacheBucket& bucket_at(Place place) const {
    return memory_.buckets[place / DnsCacheBucket::kWays];
  }
  DnsCacheSlot& slot(uint64_t hash, size_t way) const {
    return memory_.slots[index_of(hash) * DnsCacheBucket::kWays + way];
  }
  // Two bits for each place with the hash's tag.
  static uint32_t matches(const DnsCacheBucket& bucket, uint64_t hash) {
    const auto* tags = reinterpret_cast<const __m128i*>(bucket.tags.data());
    const __m128i sought = _mm_set1_epi16(static_cast<int16_t>(tag_of(hash)));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi16(_mm_load_si128(tags), sought)));
  }
  static bool is_short_name(const uint8_t* a, const uint8_t* b, size_t length);
  static bool is_same_name(const uint8_t* a, const uint8_t* b, size_t length) {
    return length > kShortName ? std::memcmp(a, b, length) == 0 : is_short_name(a, b, length);
  }
  [[gnu::always_inline]] static bool is_of(const DnsCacheSlot& known, const DnsQuestion& question) {
    return known.hash == question.hash && known.shape == question.shape() &&
           is_same_name(known.octets.data(), question.name, question.name_length);
  }
  // kWays: it has no place.
  [[gnu::always_inline]] size_t way_of(const DnsQuestion& question) const {
    uint32_t hits = matches(bucket(question.hash), question.hash);
    for (; hits != 0; hits &= hits - 1, hits &= hits - 1) {
      const auto way = static_cast<size_t>(__builtin_ctz(hits)) / 2;
      if (is_of(slot(question.hash, way), question)) return way;
    }
    return DnsCacheBucket::kWays;
  }
  size_t place_for(const DnsQuestion& question, uint64_t now_ns);
  static void use(DnsCacheBucket& bucket, size_t way) {
    uint8_t& uses = bucket.uses[way];
    if (uses == UINT8_MAX) return;
    if (++uses == 1) [[unlikely]]
      end_probation(bucket, way);
  }
  static void end_probation(DnsCacheBucket& bucket, size_t way);
  DnsCacheSlot& begin(const DnsQuestion& question, uint64_t now_ns);

  DnsCacheMemory memory_;
  uint64_t evictions_ = 0;
  TableCensus census_;
};

[[gnu::always_inline]] inline bool DnsCache::is_short_name(const uint8_t* a, const uint8_t* b,
                                                           size_t length) {
  const auto equal = [&](size_t at) {
    const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + at));
    const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + at));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(left, right)));
  };
  const uint64_t same = equal(0) | uint64_t{equal(32)} << 32;
  return ~same << (64 - length) == 0;
}

}  // namespace vipgate
