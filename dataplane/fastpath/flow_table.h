// The flow table of one worker: buckets of four entries, two candidate buckets for each key. It
// never allocates; the memory is given at start. Only the owning worker touches it.
//
// A key lies in its first bucket where that has room; the second is looked at only when the first
// bucket's overflow count says that one of its keys went there. Time is by deadline: an entry whose
// deadline has passed is a free slot for whoever comes next, and the sweep gives back what it held.
#pragma once

#include <immintrin.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/hash.h"
#include "common/prefetch.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/flow_clock.h"
#include "dataplane/fastpath/likely_choice.h"

namespace vipgate {

// What a flow is worth when room is needed: closing ones go before unanswered ones, these before
// answered ones.
constexpr uint32_t eviction_worth(FlowState state) {
  if (state >= FlowState::kReplied) return 3;
  return state >= FlowState::kEmbryonic ? 2 : 1;
}

template <class Key>
class FlowTable {
 public:
  static constexpr size_t kWays = 4;

  struct Entry {
    Key key;
    uint32_t value;  // a record's index, or a real's id: see names_real()
    Quarter deadline;
    FlowState state;  // kFree: the slot is empty
    // Bit 0: lies in its second bucket; bit 1: names a real; bit 2: is counted; bits 3-7, first
    // entry of a bucket only: overflow count.
    uint8_t meta;

    // Whether the entry is all there is of its flow, and `value` is the id of the flow's real.
    bool names_real() const { return (meta & kNamesReal) != 0; }
    // Whether its end is to be told to ConnectionCounts: of an entry that names a real.
    bool is_counted() const { return (meta & kCounted) != 0; }
    void set_counted() { meta |= kCounted; }
    // REQUIRES: names_real()
    RealId real() const { return RealId::from_value(value); }
  };

  struct alignas(64) Bucket {
    Entry entries[kWays];
  };

  // Buckets for `flows` flows at the load the table is sized for: a `nat` flow has two entries, and
  // at half the slots taken under one key in ten thousand finds no place.
  static size_t buckets_for(size_t flows) { return flows * 2 * 2 / kWays + 1; }

  // `memory` must be zeroed and outlive the table.
  FlowTable(std::span<Bucket> memory, const HashSecret& secret)
      : buckets_(memory.data()), count_(static_cast<uint32_t>(memory.size())), secret_(secret) {}

  uint64_t hash(const Key& key) const { return key.hash(secret_); }
  void prefetch(uint64_t hash) const { fetch(hash); }
  Bucket* bucket(uint64_t hash) const { return &first(hash); }
  // Where a key lies usually, on its way into the cache: for find_from().
  Bucket* fetch(uint64_t hash) const {
    Bucket& bucket = first(hash);
    prefetch_bucket(bucket);
    return &bucket;
  }

  [[gnu::always_inline]] Entry* find(const Key& key, uint64_t hash) const {
    return find_from(&first(hash), key, hash);
  }
  // The same for who knows the bucket. REQUIRES, as of what else asks for it: bucket(hash).
  [[gnu::always_inline]] Entry* find_from(Bucket* bucket, const Key& key, uint64_t hash) const {
    if (Entry* entry = find_in(*bucket, key)) return entry;
    if (overflow(*bucket) == 0) [[likely]] {
      return nullptr;
    }
    return find_in(second(hash), key);
  }
  // The same for who has fetched the bucket before: it is not reckoned again, and the hash only
  // where it is needed. REQUIRES: bucket == fetch(hash(key)).
  [[gnu::always_inline]] Entry* find_from(Bucket* bucket, const Key& key) const {
    if (Entry* entry = find_in(*bucket, key)) return entry;
    if (overflow(*bucket) == 0) [[likely]] {
      return nullptr;
    }
    return find_in(second(hash(key)), key);
  }

  // The slot where a new flow in `state` may be put: empty, or the least worthy one of its two
  // buckets: expired, then closing, then unanswered (embryonic, one-way), then the least recently
  // seen. Null when every slot holds a flow that is worth more: an unanswered flow never displaces
  // an answered one. `deadline_of(entry)` has the last word where an entry's deadline has passed.
  // Before a live flow goes, or the new one is refused, a flow that can lie elsewhere moves there,
  // unless the table is so full that the search would cost more than it finds.
  // The caller gives back what an occupied slot held (erase()) before it calls place().
  // `likely`: what likely_choice() has said of this hash and `now`, or null.
  template <class DeadlineOf>
  [[gnu::always_inline]] Entry* choose(Bucket* bucket, uint64_t hash, FlowState state, Quarter now,
                                       DeadlineOf&& deadline_of,
                                       const LikelyChoice* likely = nullptr) {
    const auto [best, rank] = is_still(likely, *bucket, hash)
                                  ? Ranked{static_cast<Entry*>(likely->entry), likely->rank}
                                  : least_worthy(*bucket, hash, now, deadline_of);
    if (rank <= kExpiredRank) return best;
    const bool is_refused = eviction_worth(best->state) > eviction_worth(state);
    if (is_refused || size_ <= size_t{count_} * kWays / 2) {
      if (Entry* freed = displace(hash)) return freed;
    }
    return is_refused ? nullptr : best;
  }

  // Ahead of choose(), for a key that find_from() has not found in `bucket`: a new flow may need
  // its second bucket, too.
  void prefetch_room(const Bucket* bucket, uint64_t hash) const {
    for (const Entry& entry : bucket->entries) {
      if (entry.state == FlowState::kFree) return;
    }
    prefetch_bucket(second(hash));
  }
  // What choose() would take if each flow's deadline were that of its entry, and no flow moved.
  // `likely`, which is blank, says the same where that is not free, nor any deadline past.
  [[gnu::always_inline]] const Entry& likely_choice(Bucket* bucket, uint64_t hash, Quarter now,
                                                    LikelyChoice& likely) const {
    const auto deadline_of = [](const Entry& entry) { return entry.deadline; };
    return *least_worthy(*bucket, hash, now, deadline_of, &likely).entry;
  }

  // REQUIRES: `entry` came from choose(bucket, hash) and its state is kFree.
  void place(Entry* entry, const Key& key, Bucket* bucket, uint32_t record, Quarter deadline,
             FlowState state) {
    fill(entry, key, *bucket, record, deadline, state, 0);
  }
  // The same for a flow that is no more than its real.
  void place(Entry* entry, const Key& key, Bucket* bucket, RealId real, Quarter deadline,
             FlowState state) {
    fill(entry, key, *bucket, real.value(), deadline, state, kNamesReal);
  }

  void erase(Entry* entry) {
    assert(entry->state != FlowState::kFree);
    if ((entry->meta & kDisplaced) != 0) add_overflow(first(hash(entry->key)), -1);
    entry->key = Key{};
    entry->state = FlowState::kFree;
    entry->meta = static_cast<uint8_t>(entry->meta & ~kOwnBits);
    --size_;
  }

  // Calls visit(entry) for each entry of the next `buckets` buckets in turn.
  template <class Visit>
  void sweep(size_t buckets, Visit&& visit) {
    for (size_t i = 0; i < buckets; ++i) {
      for (Entry& entry : buckets_[cursor_].entries) {
        if (entry.state != FlowState::kFree) visit(entry);
      }
      cursor_ = cursor_ + 1 == count_ ? 0 : cursor_ + 1;
    }
  }

  // Calls visit(entry) for each entry of `buckets` buckets from the one at `first` on. REQUIRES:
  // these exist.
  template <class Visit>
  void look(size_t first, size_t buckets, Visit&& visit) const {
    for (const Bucket& bucket : std::span<const Bucket>(buckets_ + first, buckets)) {
      for (const Entry& entry : bucket.entries) {
        if (entry.state != FlowState::kFree) visit(entry);
      }
    }
  }

  size_t size() const { return size_; }
  size_t bucket_count() const { return count_; }

 private:
  static constexpr uint8_t kDisplaced = 1;
  static constexpr uint8_t kNamesReal = 2;
  static constexpr uint8_t kCounted = 4;
  static constexpr uint8_t kKind = kNamesReal | kCounted;  // goes where the entry goes
  static constexpr uint8_t kOwnBits = kDisplaced | kKind;  // of an entry, not of its bucket
  static constexpr int kOverflowShift = 3;
  static constexpr uint8_t kOverflowMax = 31;  // a count that got here stays
  static constexpr uint32_t kExpiredRank = 1;

  static uint32_t overflow(const Bucket& bucket) {
    return bucket.entries[0].meta >> kOverflowShift;
  }
  static void add_overflow(Bucket& bucket, int change) {
    uint8_t& meta = bucket.entries[0].meta;
    const int count = meta >> kOverflowShift;
    if (count == kOverflowMax) return;
    meta = static_cast<uint8_t>((count + change) << kOverflowShift | (meta & kOwnBits));
  }

  void fill(Entry* entry, const Key& key, Bucket& bucket, uint32_t value, Quarter deadline,
            FlowState state, uint8_t kind) {
    assert(entry->state == FlowState::kFree);
    const bool displaced = entry < bucket.entries || entry >= bucket.entries + kWays;
    entry->key = key;
    entry->value = value;
    entry->deadline = deadline;
    entry->state = state;
    entry->meta =
        static_cast<uint8_t>((entry->meta & ~kOwnBits) | kind | (displaced ? kDisplaced : 0));
    if (displaced) add_overflow(bucket, 1);
    ++size_;
  }

  // Where in its bucket a key lies is chance, so for keys of 8 bytes the four are compared at once
  // and no branch can be mispredicted.
  static Entry* find_in(Bucket& bucket, const Key& key) requires(sizeof(Key) == 8) {
    const auto* halves = reinterpret_cast<const __m256i*>(&bucket);
    // Keys of the entries 0, 2, 1, 3; then in their order.
    const __m256i mixed =
        _mm256_unpacklo_epi64(_mm256_load_si256(halves), _mm256_load_si256(halves + 1));
    const __m256i keys = _mm256_permute4x64_epi64(mixed, _MM_SHUFFLE(3, 1, 2, 0));
    int64_t wanted;
    std::memcpy(&wanted, &key, sizeof wanted);
    const __m256i equal = _mm256_cmpeq_epi64(keys, _mm256_set1_epi64x(wanted));
    // A bit for each byte of a key, so that the first one tells half of where the entry begins.
    const auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(equal));
    if (mask == 0) return nullptr;
    static_assert(sizeof(Entry) == 2 * sizeof(Key));
    return reinterpret_cast<Entry*>(reinterpret_cast<uint8_t*>(&bucket) +
                                    2 * size_t{static_cast<uint32_t>(__builtin_ctz(mask))});
  }

  static Entry* find_in(Bucket& bucket, const Key& key) requires(sizeof(Key) != 8) {
    for (Entry& entry : bucket.entries) {
      // An empty slot has the zero key, which no flow has: flow ids start at 1.
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }

  // Empties a slot of the two full buckets by moving its entry to the other bucket that it may lie
  // in. Null when none can move.
  [[gnu::noinline]] Entry* displace(uint64_t for_hash) {
    for (Bucket* bucket : {&first(for_hash), &second(for_hash)}) {
      for (Entry& entry : bucket->entries) {
        const uint64_t own = hash(entry.key);
        const bool to_second = bucket == &first(own);
        for (Entry& free : (to_second ? second(own) : first(own)).entries) {
          if (free.state == FlowState::kFree) return move(entry, free, first(own), to_second);
        }
      }
    }
    return nullptr;
  }

  static Entry* move(Entry& from, Entry& to, Bucket& first, bool to_second) {
    to.key = from.key;
    to.value = from.value;
    to.deadline = from.deadline;
    to.state = from.state;
    to.meta |= static_cast<uint8_t>((from.meta & kKind) | (to_second ? kDisplaced : 0));
    add_overflow(first, to_second ? 1 : -1);
    from.key = Key{};
    from.state = FlowState::kFree;
    from.meta = static_cast<uint8_t>(from.meta & ~kOwnBits);
    return &from;
  }

  // 0: empty; 1: expired; then by worth and, within one, by the time left.
  template <class DeadlineOf>
  static uint32_t eviction_rank(const Entry& entry, Quarter now, DeadlineOf&& deadline_of) {
    if (entry.state == FlowState::kFree) return 0;
    Quarter deadline = entry.deadline;
    if (has_passed(deadline, now)) {
      deadline = deadline_of(entry);
      if (has_passed(deadline, now)) return kExpiredRank;
    }
    return eviction_worth(entry.state) << 16 | static_cast<uint16_t>(deadline - now);
  }

  struct Ranked {
    Entry* entry;
    uint32_t rank;
  };
  // Of the hash's two buckets; of the first alone, if that has an entry that nobody misses.
  template <class DeadlineOf>
  [[gnu::always_inline]] Ranked least_worthy(Bucket& bucket, uint64_t hash, Quarter now,
                                             DeadlineOf&& deadline_of,
                                             LikelyChoice* noted = nullptr) const {
    if (Entry* free = find_in(bucket, Key{})) return {free, 0};
    if constexpr (sizeof(Key) == 8) {
      Bucket& other = second(hash);
      const __m256i words = last_words_of_both(bucket, other);
      const Ranked found = least_worthy_unless_passed(bucket, other, words, now);
      if (found.entry != nullptr) {
        if (noted != nullptr) *noted = {words, found.entry, found.rank};
        return found;
      }
    }
    return search(hash, now, deadline_of);
  }
  // One by one.
  template <class DeadlineOf>
  [[gnu::noinline]] Ranked search(uint64_t hash, Quarter now, DeadlineOf&& deadline_of) const {
    Ranked best{nullptr, UINT32_MAX};
    for (Bucket* bucket : {&first(hash), &second(hash)}) {
      for (Entry& entry : bucket->entries) {
        const uint32_t rank = eviction_rank(entry, now, deadline_of);
        if (rank < best.rank) best = {&entry, rank};
      }
      if (best.rank <= kExpiredRank) break;
    }
    return best;
  }

  // The same for entries whose deadlines lie ahead, as nearly all do where room is scarce: all
  // eight are ranked at once, which takes a fourth of the instructions. No entry: one has passed.
  [[gnu::always_inline]] static Ranked least_worthy_unless_passed(
      Bucket& first, Bucket& second, __m256i words, Quarter now) requires(sizeof(Key) == 8) {
    const __m256i places = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m256i left = _mm256_and_si256(_mm256_sub_epi16(words, _mm256_set1_epi32(now)),
                                          _mm256_set1_epi32(0xffff));
    const __m256i states = _mm256_and_si256(_mm256_srli_epi32(words, 16), _mm256_set1_epi32(0xff));
    // The other bytes of a word are zero, as is the worth of state 0.
    const __m256i worths = _mm256_shuffle_epi8(worth_by_state(), states);
    const __m256i is_taken = _mm256_cmpgt_epi32(worths, _mm256_setzero_si256());
    const __m256i passed = _mm256_cmpgt_epi32(left, _mm256_set1_epi32(kMaxTimeoutQuarters));
    if (_mm256_testz_si256(is_taken, passed) == 0) return {nullptr, 0};
    const __m256i ranks =
        _mm256_and_si256(_mm256_or_si256(_mm256_slli_epi32(worths, 16), left), is_taken);
    __m256i least = _mm256_or_si256(_mm256_slli_epi32(ranks, 3), places);
    least = _mm256_min_epu32(least, _mm256_permute4x64_epi64(least, _MM_SHUFFLE(1, 0, 3, 2)));
    least = _mm256_min_epu32(least, _mm256_shuffle_epi32(least, _MM_SHUFFLE(1, 0, 3, 2)));
    least = _mm256_min_epu32(least, _mm256_shuffle_epi32(least, _MM_SHUFFLE(2, 3, 0, 1)));
    const auto found = static_cast<uint32_t>(_mm256_cvtsi256_si32(least));
    Bucket& bucket = (found & kWays) == 0 ? first : second;
    return {&bucket.entries[found & (kWays - 1)], found >> 3};
  }
  // Of each entry the last word: deadline, state, meta. In the order that unpacking makes.
  static __m256i last_words_of_both(const Bucket& first, const Bucket& second) {
    return _mm256_unpackhi_epi64(last_words(first), last_words(second));
  }
  [[gnu::always_inline]] bool is_still(const LikelyChoice* likely, const Bucket& bucket,
                                       uint64_t hash) const {
    if constexpr (sizeof(Key) == 8) {
      if (likely == nullptr || likely->entry == nullptr) return false;
      const __m256i words = last_words_of_both(bucket, second(hash));
      const __m256i changed = _mm256_xor_si256(words, likely->words);
      return _mm256_testz_si256(changed, changed) != 0;
    }
    return false;
  }
  // Those of entries 0 and 2, 1 and 3, each in the upper half of 16 bytes.
  static __m256i last_words(const Bucket& bucket) {
    static_assert(kWays == 4 && offsetof(Entry, deadline) % 16 == 12);
    static_assert(offsetof(Entry, state) == offsetof(Entry, deadline) + 2);
    const auto* halves = reinterpret_cast<const __m256i*>(&bucket);
    return _mm256_unpackhi_epi32(_mm256_load_si256(halves), _mm256_load_si256(halves + 1));
  }
  static __m256i worth_by_state() {
    alignas(16) static constexpr auto kWorths = [] {
      std::array<uint8_t, 16> worths{};
      for (uint8_t state = 1; state < static_cast<uint8_t>(FlowState::kCount); ++state) {
        worths[state] = static_cast<uint8_t>(eviction_worth(static_cast<FlowState>(state)));
      }
      return worths;
    }();
    return _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(kWorths.data())));
  }

  static void prefetch_bucket(const Bucket& bucket) {
    // Of longer keys it is two lines.
    for (size_t at = 0; at < sizeof bucket; at += 64) {
      prefetch_line(reinterpret_cast<const uint8_t*>(&bucket) + at);
    }
  }

  Bucket& first(uint64_t hash) const {
    return buckets_[(static_cast<uint64_t>(static_cast<uint32_t>(hash)) * count_) >> 32];
  }
  Bucket& second(uint64_t hash) const { return buckets_[((hash >> 32) * count_) >> 32]; }

  Bucket* buckets_;
  uint32_t count_;
  uint32_t cursor_ = 0;
  size_t size_ = 0;
  PreparedSecret secret_;
};

}  // namespace vipgate
