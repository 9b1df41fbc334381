#include "dataplane/fastpath/dns_cache.h"

#include <algorithm>
#include <bit>

#include "common/checksum.h"

namespace vipgate {

size_t DnsCacheMemory::buckets_for(size_t answers) {
  constexpr size_t kWays = DnsCacheBucket::kWays;
  return std::bit_ceil(std::max<size_t>(1, (answers + kWays - 1) / kWays));
}

// The first use ends the probation. All places but one may be proven ones: of one too many, the one
// with the fewest uses is on probation again, and the others must be used again to stay ahead.
void DnsCache::end_probation(DnsCacheBucket& bucket, size_t way) {
  size_t proven = 0;
  size_t least = way;
  for (size_t i = 0; i < DnsCacheBucket::kWays; ++i) {
    if (bucket.tags[i] == 0 || bucket.uses[i] == 0) continue;
    ++proven;
    if (i == way) continue;
    const auto rank = [&](size_t at) { return std::pair(bucket.uses[at], bucket.order[at]); };
    if (least == way || rank(i) < rank(least)) least = i;
  }
  if (proven < DnsCacheBucket::kWays) return;
  for (size_t i = 0; i < DnsCacheBucket::kWays; ++i) {
    if (i != way && bucket.uses[i] > 1) --bucket.uses[i];
  }
  bucket.uses[least] = 0;
}

// A free place, or that of an answer whose time is over, or that of the oldest one on probation.
size_t DnsCache::place_for(const DnsQuestion& question, uint64_t now_ns) {
  DnsCacheBucket& in = bucket(question.hash);
  size_t oldest = DnsCacheBucket::kWays;
  for (size_t way = 0; way < DnsCacheBucket::kWays; ++way) {
    if (in.tags[way] == 0) return way;
    if (in.uses[way] != 0) continue;
    const auto age = [&](size_t at) { return in.clock - in.order[at]; };
    if (oldest == DnsCacheBucket::kWays || age(way) > age(oldest)) oldest = way;
  }
  for (size_t way = 0; way < DnsCacheBucket::kWays; ++way) {
    const DnsCacheSlot& known = slot(question.hash, way);
    if (known.ttl_s == 0 && !known.is_fresh(now_ns)) return way;
  }
  if (slot(question.hash, oldest).is_fresh(now_ns)) ++evictions_;
  return oldest;
}

DnsCacheSlot& DnsCache::begin(const DnsQuestion& question, uint64_t now_ns) {
  size_t way = way_of(question);
  DnsCacheBucket& in = bucket(question.hash);
  if (way == DnsCacheBucket::kWays) {
    way = place_for(question, now_ns);
    in.tags[way] = tag_of(question.hash);
    in.uses[way] = 0;
  }
  in.order[way] = ++in.clock;
  DnsCacheSlot& kept = slot(question.hash, way);
  kept.hash = question.hash;
  kept.shape = question.shape();
  kept.stored_ns = now_ns;
  kept.epoch = question.epoch;
  kept.recheck_ns = 0;
  kept.outside_in = DnsCacheSlot::kNoSnapshot;
  kept.outside_list = nullptr;
  kept.name_length = question.name_length;
  kept.body_length = kept.body_sum = kept.turn_length = 0;
  kept.ttl_count = 0;
  kept.answers = kept.authorities = kept.additionals = 0;
  kept.is_authentic = kept.is_truncated = kept.is_negative = kept.is_failure = false;
  std::memcpy(kept.octets.data(), question.name, question.name_length);
  return kept;
}

void DnsCache::store(const DnsQuestion& question, const uint8_t* message,
                     const DnsUpstreamAnswer& answer, uint64_t now_ns) {
  if (memory_.buckets.empty()) return;
  DnsCacheSlot& kept = begin(question, now_ns);
  kept.rcode = static_cast<uint8_t>(answer.rcode);
  kept.last(answer.ttl_s);
  kept.is_authentic = answer.is_authentic;
  kept.is_truncated = answer.is_truncated;
  kept.is_negative = answer.is_negative;
  if (answer.is_truncated) return;
  kept.answers = answer.answers;
  kept.authorities = answer.authorities;
  kept.additionals = answer.additionals;
  kept.body_length = answer.body_length;
  kept.turn_length = static_cast<uint8_t>(answer.turn_length > UINT8_MAX ? 0 : answer.turn_length);
  kept.ttl_count = answer.ttl_count;
  uint8_t* body = kept.octets.data() + kept.name_length;
  std::memcpy(body, message + answer.body_offset, answer.body_length);
  dns_fold_own_names(message, question.name_length, answer, body);
  for (size_t i = 0; i < answer.ttl_count; ++i) {
    const Be32 ttl(answer.ttls[i].seconds);
    std::memcpy(body + answer.ttls[i].offset, &ttl, sizeof ttl);
    std::memcpy(body + answer.body_length + 2 * i, &answer.ttls[i].offset, 2);
  }
  kept.body_sum = ones_fold(ones_sum(body, answer.body_length));
}

void DnsCache::store_failure(const DnsQuestion& question, uint32_t failure_s, uint32_t stale_s,
                             uint64_t now_ns) {
  if (memory_.buckets.empty()) return;
  const uint64_t recheck_ns = now_ns + uint64_t{failure_s} * 1'000'000'000;
  if (const size_t way = way_of(question); stale_s != 0 && way != DnsCacheBucket::kWays) {
    DnsCacheSlot& known = slot(question.hash, way);
    if (known.epoch == question.epoch && known.may_be_stale(now_ns, stale_s)) {
      known.recheck_ns = recheck_ns;
      return;
    }
  }
  DnsCacheSlot& kept = begin(question, now_ns);
  kept.rcode = static_cast<uint8_t>(DnsRcode::kServFail);
  kept.last(failure_s);
  kept.is_failure = true;
}

}  // namespace vipgate
