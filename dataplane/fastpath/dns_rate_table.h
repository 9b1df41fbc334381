// Counts replies by who gets them and what they are about: see DnsRateLimit for the limits. It is
// one worker's own, has a fixed size, and looks at one cache line for each reply.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "common/dns_rate_limit.h"
#include "common/hash.h"
#include "common/prefetch.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/table_census.h"

namespace vipgate {

// What replies are counted by, besides the client's network.
enum class DnsRateKind : uint64_t {
  kName = 1,   // about a name of the table, for each name
  kKnownName,  // about a name of others that was asked for before, for each name
  kOtherName,  // about a name that is answered and is neither, all together
  kNoName,     // NXDOMAIN, all together
  kError,      // what has no records at all: REFUSED, FORMERR, …
};

enum class DnsRateVerdict : uint8_t { kPass, kTruncate, kDrop };

// A slot holds the time up to which the replies that were given are paid for, at the rate that the
// limit allows (GCRA: ITU-T I.371, the virtual scheduling algorithm). Once that time has passed,
// the slot is as good as empty, so nothing has to be swept and nothing is lost by taking it. When
// all slots of a line are in use, a new key takes the place of the one that owes least: who is near
// the limit keeps his slot, whatever number of others ask now and then.
class DnsRateTable {
 public:
  static constexpr size_t kWays = 8;
  struct alignas(64) Line {
    // From the top: 16 bits of the key's hash, 4 that count refused replies up to `slip`, and 44
    // of time, which go round every 78 hours.
    uint64_t slots[kWays];
  };
  static size_t lines_for(size_t keys) { return std::max<size_t>(1, (keys + kWays - 1) / kWays); }

  // `lines`: zeroed memory, at least one line. The secret keeps others from choosing keys that meet
  // in a line.
  DnsRateTable(std::span<Line> lines, const HashSecret& secret) : lines_(lines), secret_(secret) {}

  // `network`: DnsRateLimit::network(). `name`: the hash of a name, 0 for kinds without. Keys of
  // IPv4 and IPv6 differ by the family.
  uint64_t key(uint64_t network, uint64_t family, DnsRateKind kind, uint64_t name) const {
    const uint64_t words[2] = {network, name ^ (static_cast<uint64_t>(kind) << 8 | family)};
    return keyed_hash(words, sizeof words, secret_);
  }
  void prefetch(uint64_t key) const { prefetch_line(&line(key)); }

  // One more reply at `now_ns`. `interval`: between two replies, `window`: what may come at once,
  // both in kDnsRateUnitNs.
  DnsRateVerdict count(uint64_t key, uint64_t now_ns, uint64_t interval, uint64_t window,
                       uint32_t slip) {
    const uint64_t now = now_ns / kDnsRateUnitNs & kTimeMask;
    Line& line = this->line(key);
    const uint64_t tag = key << kTagShift;
    uint64_t& slot = line.slots[find(line, tag, now)];
    // A slot of another key is taken over: what is owed there is not this one's.
    const bool is_mine = (slot ^ tag) >> kTagShift == 0;
    const uint64_t owed = is_mine ? owes(slot, now) : 0;
    uint64_t refused = is_mine ? slot >> kTimeBits & kRefusedMask : 0;
    const auto set = [&](uint64_t owed_now) {
      slot = tag | refused << kTimeBits | ((now + owed_now) & kTimeMask);
    };
    if (owed + interval <= std::max(window, interval)) [[likely]] {
      set(owed + interval);
      return DnsRateVerdict::kPass;
    }
    if (slip == 0) return DnsRateVerdict::kDrop;
    const bool is_due = ++refused >= slip;
    if (is_due) refused = 0;
    set(owed);
    return is_due ? DnsRateVerdict::kTruncate : DnsRateVerdict::kDrop;
  }

  // Keys that owe something, as of late.
  uint64_t keys() const { return census_.entries(); }
  // Goes on counting them.
  void count_keys(uint64_t now_ns) {
    const uint64_t now = now_ns / kDnsRateUnitNs & kTimeMask;
    census_.advance(lines_.size(), kCensusLines, [&](size_t place) {
      const Line& line = lines_[place];
      return std::count_if(std::begin(line.slots), std::end(line.slots),
                           [&](uint64_t slot) { return owes(slot, now) != 0; });
    });
  }

 private:
  static constexpr int kTimeBits = 44;
  static constexpr int kTagShift = 48;
  static constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;
  static constexpr uint64_t kRefusedMask = (uint64_t{1} << (kTagShift - kTimeBits)) - 1;
  // A time further ahead lies in the past. Of the longest window, or of one reply a second shared
  // by all workers, which is 64 s.
  static constexpr uint64_t kMostOwed = uint64_t{128'000'000'000} / kDnsRateUnitNs;
  static_assert(kMaxDnsSlip <= kRefusedMask);

  static uint64_t owes(uint64_t slot, uint64_t now) {
    const uint64_t ahead = (slot - now) & kTimeMask;
    return ahead > kMostOwed ? 0 : ahead;
  }
  // The slot with that tag, else one that owes nothing, else the one that owes least.
  static size_t find(const Line& line, uint64_t tag, uint64_t now) {
    const auto* words = reinterpret_cast<const __m256i*>(line.slots);
    const __m256i low = _mm256_load_si256(words), high = _mm256_load_si256(words + 1);
    const auto all = [](uint64_t word) { return _mm256_set1_epi64x(static_cast<int64_t>(word)); };
    const auto bits = [](__m256i a, __m256i b) {
      return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(a))) |
             static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(b))) << 4;
    };
    const __m256i sought = all(tag >> kTagShift);
    const auto is_sought = [&](__m256i slots) {
      return _mm256_cmpeq_epi64(_mm256_srli_epi64(slots, kTagShift), sought);
    };
    const uint32_t found = bits(is_sought(low), is_sought(high));
    if (found != 0) [[likely]]
      return static_cast<size_t>(__builtin_ctz(found));
    const auto owes_nothing = [&](__m256i slots) {
      const __m256i ahead = _mm256_and_si256(_mm256_sub_epi64(slots, all(now)), all(kTimeMask));
      return _mm256_cmpgt_epi64(ahead, all(kMostOwed));
    };
    const uint32_t unused = bits(owes_nothing(low), owes_nothing(high));
    if (unused != 0) return static_cast<size_t>(__builtin_ctz(unused));
    size_t least = 0;
    for (size_t i = 1; i < kWays; ++i) {
      if (owes(line.slots[i], now) < owes(line.slots[least], now)) least = i;
    }
    return least;
  }
  // By the upper bits: the lower ones are the tag.
  Line& line(uint64_t key) const { return lines_[(key >> 32) * lines_.size() >> 32]; }

  std::span<Line> lines_;
  PreparedSecret secret_;
  TableCensus census_;
};

}  // namespace vipgate
