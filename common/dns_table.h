// The names that the DNS responder answers for, with their answers as wire octets.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns_name_hash.h"
#include "common/dns_wire.h"
#include "common/page_pool.h"
#include "common/prefetch.h"

namespace vipgate {

// Every record that a table copies is followed by this many readable octets, so that a reader may
// copy in whole groups of 16.
inline constexpr size_t kDnsReadSlack = 16;

// Part of an answer, ready to be copied behind the question. The question always starts at offset
// 12 and its length is fixed for a name: all compression pointers are constants.
struct DnsBody {
  const uint8_t* octets;
  uint16_t length;
  uint16_t count;          // records
  uint16_t record_length;  // of each; 0: they differ or are odd
  uint16_t sum;            // dns_octet_sum() of it, whatever the rotation
};

// A zone and its SOA record: as the answer at the apex, and for the authority section of negative
// answers, whose TTL is the lesser of TTL and minimum (RFC 2308 3) and whose owner pointer, its
// first two octets, is zero and must be written per question.
struct DnsZone {
  std::string name;                   // folded wire name
  const DnsZone* alias_of = nullptr;  // see DnsZoneSpec; null: it has names of its own
  bool is_incomplete = false;
  bool has_wildcards = false;  // names whose first label is `*` (RFC 4592)
  std::string soa_answer_octets;
  std::string soa_negative_octets;
  DnsBody soa_answer{};
  DnsBody soa_negative{};
};

// Whether a wire name equals `zone` or lies below it: a suffix that starts where a label does. Both
// are folded.
bool dns_is_within(std::string_view name, std::string_view zone);

// One name: this header, the folded wire name, the array of RRset headers, and their bodies in the
// same order. A name without RRsets is an empty non-terminal (RFC 4592 2.2.2) or an apex, which has
// the zone's SOA.
struct DnsEntry {
  static constexpr size_t kUnit = 32;

  struct Rrset {
    DnsType type;
    uint16_t count;
    uint16_t record_length;
    uint16_t body_length;
    uint16_t sum;
  };

  uint32_t units;  // size of the whole, in kUnit
  uint8_t name_length;
  uint8_t rrset_count;
  uint8_t zone;  // index in the table's zones
  uint8_t is_apex;

  // An apex has the SOA at least.
  bool has_records() const { return rrset_count != 0 || is_apex != 0; }
  const uint8_t* name() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  const Rrset* rrsets() const {
    return reinterpret_cast<const Rrset*>(name() + name_length + (name_length & 1));
  }
  // Fills `body` with the RRset of that type. False: the name has none.
  bool find(DnsType type, DnsBody& body) const {
    const Rrset* rrset = rrsets();
    const uint8_t* octets = reinterpret_cast<const uint8_t*>(rrset + rrset_count);
    for (const Rrset* end = rrset + rrset_count; rrset != end; ++rrset) {
      if (rrset->type == type) {
        body = {octets, rrset->body_length, rrset->count, rrset->record_length, rrset->sum};
        return true;
      }
      octets += rrset->body_length;
    }
    return false;
  }
};
static_assert(sizeof(DnsEntry) == 8 && sizeof(DnsEntry::Rrset) == 10);

// Ten names by 16 bits of their hash; one cache line. A name that finds its bucket full lies in the
// next one that has room.
struct alignas(64) DnsBucket {
  static constexpr size_t kSlots = 10;

  uint16_t tags[kSlots];     // 0: free; slots fill from the first on
  uint32_t entries[kSlots];  // in units of DnsEntry::kUnit

  bool is_full() const { return tags[kSlots - 1] != 0; }
};
static_assert(sizeof(DnsBucket) == 64);

// The names whose hash starts with the same bits. Immutable once built, and shared by the
// successive tables in which none of its names changed.
struct DnsShard {
  struct alignas(DnsEntry::kUnit) Unit {
    uint8_t octets[DnsEntry::kUnit];
  };

  size_t names = 0;
  std::span<const DnsBucket> buckets;
  std::span<const Unit> units;  // entries back to back, then at least 64 octets of zeros
  PoolBlock memory;             // of both, buckets first
};

// Where the answer about a name comes from that has no entry of its own.
struct DnsFinding {
  const DnsEntry* entry = nullptr;  // null: the name does not exist
  // In which the name lies, behind all aliases, and whose SOA denies it; null: in none.
  const DnsZone* zone = nullptr;
  uint32_t apex_length = 0;    // of what stands for the zone's name at the end of the name asked
  bool is_incomplete = false;  // it may exist all the same
};

// Immutable: made by DnsTableBuilder, owned by the snapshot, read by any number of threads.
// Look-ups are staged so that a burst hides the memory latency of each step: hash(), then
// prefetch(), then candidate() and its prefetch, then find().
class DnsTable {
 public:
  uint64_t hash(const DnsFoldedName& name, size_t length) const { return hash_(name, length); }
  // DnsNameHash::fold().
  uint64_t fold(const uint8_t* wire, size_t length, DnsFoldedName& folded, uint64_t& sum) const {
    return hash_.fold(wire, length, folded, sum);
  }

  void prefetch(uint64_t hash) const { prefetch_line(&home(hash)); }

  // The entry to prefetch for that hash: probably the one sought. Null: the first bucket has none.
  const DnsEntry* candidate(uint64_t hash) const {
    const View& shard = view(hash);
    const DnsBucket& bucket = shard.buckets[index(shard, hash)];
    const uint32_t hits = matches(bucket, hash);
    return hits == 0 ? nullptr : entry(shard, bucket, hits);
  }

  // Whether a name for which candidate() is null may be there all the same.
  bool may_overflow(uint64_t hash) const { return home(hash).is_full(); }

  // An entry by its place in its shard, in units. REQUIRES: `hash` is its name's.
  const DnsEntry& entry_at(uint64_t hash, uint32_t place) const {
    return *reinterpret_cast<const DnsEntry*>(view(hash).units + place);
  }

  // Null: there is no such name.
  const DnsEntry* find(uint64_t hash, const DnsFoldedName& name, size_t length) const {
    const View& shard = view(hash);
    for (uint32_t at = index(shard, hash);; at = at + 1 == shard.bucket_count ? 0 : at + 1) {
      const DnsBucket& bucket = shard.buckets[at];
      for (uint32_t hits = matches(bucket, hash); hits != 0; hits &= hits - 1, hits &= hits - 1) {
        const DnsEntry* found = entry(shard, bucket, hits);
        if (is_name(*found, name, length)) return found;
      }
      if (!bucket.is_full()) return nullptr;
    }
  }

  static bool is_name(const DnsEntry& entry, const DnsFoldedName& name, size_t length) {
    if (entry.name_length != length) return false;
    const auto* octets = reinterpret_cast<const __m256i*>(name.octets.data());
    const uint64_t same =
        same_octets(entry, _mm256_load_si256(octets), _mm256_load_si256(octets + 1));
    if (length < 64) return (~same & ((uint64_t{1} << length) - 1)) == 0;
    return same == ~uint64_t{0} &&
           std::memcmp(name.octets.data() + 64, entry.name() + 64, length - 64) == 0;
  }
  // The same of a name in any case. REQUIRES: length < 64; 64 octets are readable at `wire`.
  static bool is_name(const DnsEntry& entry, const uint8_t* wire, size_t length) {
    if (entry.name_length != length) return false;
    const auto* octets = reinterpret_cast<const __m256i*>(wire);
    const uint64_t same = same_octets(entry, dns_internal::fold32(_mm256_loadu_si256(octets)),
                                      dns_internal::fold32(_mm256_loadu_si256(octets + 1)));
    return (~same & ((uint64_t{1} << length) - 1)) == 0;
  }

  // For a name that find() does not find: the same name of the zone that its zone is an alias of,
  // or the wildcard that covers it (RFC 4592 3.3.1). Only zones that have either look anything up,
  // at most once for each label, and for each label in `view`, too: what names that has, of the
  // same zones, no wildcard here covers. Null: there is none.
  DnsFinding resolve(const DnsFoldedName& name, size_t length,
                     const DnsTable* view = nullptr) const;

  // What find() finds, else resolve().
  const DnsEntry* find_any_way(uint64_t hash, const DnsFoldedName& name, size_t length,
                               const DnsTable* view = nullptr) const {
    const DnsEntry* entry = find(hash, name, length);
    return entry != nullptr ? entry : resolve(name, length, view).entry;
  }

  // The zone of the longest name that is a suffix, on a label boundary, of the folded `name`; null
  // outside all zones.
  const DnsZone* zone_of(const DnsFoldedName& name, size_t length) const;

  // Longest name first.
  const std::vector<DnsZone>& zones() const { return *zones_; }
  const DnsHashSecret& secret() const { return hash_.secret(); }
  // Names, empty non-terminals included.
  size_t size() const { return names_; }
  size_t memory_bytes() const;
  // For tests and statistics: how many shards there are, and how many `other` shares.
  size_t shard_count() const { return shards_.size(); }
  size_t shared_shards(const DnsTable& other) const;

  struct Record {
    const DnsZone& zone;
    std::string_view name;  // folded wire name
    DnsType type;
    uint32_t ttl_s;
    std::string_view rdata;
  };
  // Every record but the SOAs, in no useful order. REQUIRES: that bodies hold plain records with a
  // two-octet owner, as DnsShardBuilder writes them.
  void for_each_record(const std::function<void(const Record&)>& visit) const;

 private:
  friend class DnsTableBuilder;
  friend class DnsShardBuilder;

  // What a look-up needs of a shard, side by side so that it stays in the cache.
  struct View {
    const DnsBucket* buckets;
    const DnsShard::Unit* units;
    uint64_t bucket_count;
  };

  explicit DnsTable(const DnsHashSecret& secret) : hash_(secret) {}

  // A bit for each of the first 64 octets of the entry's name that is as in these.
  static uint64_t same_octets(const DnsEntry& entry, __m256i first, __m256i second) {
    const auto* name = reinterpret_cast<const __m256i*>(entry.name());
    const auto equal = [&](__m256i octets, int i) {
      return static_cast<uint32_t>(
          _mm256_movemask_epi8(_mm256_cmpeq_epi8(octets, _mm256_loadu_si256(name + i))));
    };
    return equal(first, 0) | static_cast<uint64_t>(equal(second, 1)) << 32;
  }

  const DnsEntry* find_wildcard(const DnsZone& zone, std::string_view name,
                                const DnsTable* view) const;
  const DnsEntry* find_joined(std::string_view start, std::string_view rest) const;

  const View& view(uint64_t hash) const {
    // Two shifts, because one of 64 is undefined.
    return views_[hash >> 1 >> (63 - shard_bits_)];
  }
  // From the middle of the hash: the top chooses the shard, the low 16 bits are the tag.
  static uint32_t index(const View& shard, uint64_t hash) {
    return static_cast<uint32_t>(bucket_of(hash, shard.bucket_count));
  }
  static uint64_t bucket_of(uint64_t hash, uint64_t bucket_count) {
    return (hash >> 16 & 0xffffffff) * bucket_count >> 32;
  }
  const DnsBucket& home(uint64_t hash) const {
    const View& shard = view(hash);
    return shard.buckets[index(shard, hash)];
  }
  static uint16_t tag(uint64_t hash) {
    const auto low = static_cast<uint16_t>(hash);
    return low == 0 ? uint16_t{1} : low;
  }
  // Two bits for each slot with the tag.
  static uint32_t matches(const DnsBucket& bucket, uint64_t hash) {
    constexpr uint32_t kOfSlots = (1 << 2 * DnsBucket::kSlots) - 1;
    const __m256i tags = _mm256_load_si256(reinterpret_cast<const __m256i*>(&bucket));
    const __m256i sought = _mm256_set1_epi16(static_cast<int16_t>(tag(hash)));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi16(tags, sought))) & kOfSlots;
  }
  static const DnsEntry* entry(const View& shard, const DnsBucket& bucket, uint32_t hits) {
    const uint32_t slot = static_cast<uint32_t>(__builtin_ctz(hits)) / 2;
    return reinterpret_cast<const DnsEntry*>(shard.units + bucket.entries[slot]);
  }

  DnsNameHash hash_;
  int shard_bits_ = 0;
  size_t names_ = 0;
  std::vector<View> views_;
  std::vector<std::shared_ptr<const DnsShard>> shards_;
  std::shared_ptr<const std::vector<DnsZone>> zones_;
};

}  // namespace vipgate
