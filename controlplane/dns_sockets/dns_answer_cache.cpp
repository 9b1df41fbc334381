#include "controlplane/dns_sockets/dns_answer_cache.h"

#include <utility>

#include "common/dns_upstream.h"

namespace vipgate {

void DnsAnswerCache::set_room(size_t octets, uint64_t now_ns) {
  room_ = octets;
  shrink_to(room_, now_ns);
}

DnsKnownAnswer* DnsAnswerCache::find(std::string_view question) {
  const auto found = index_.find(question);
  return found == index_.end() ? nullptr : &found->second->answer;
}

// One proven answer too many is on probation again, and must be used once more to stay.
void DnsAnswerCache::use(std::string_view question) {
  const Entries::iterator entry = index_.find(question)->second;
  proven_.splice(proven_.begin(), entry->is_proven ? proven_ : probation_, entry);
  if (entry->is_proven) return;
  entry->is_proven = true;
  proven_octets_ += entry->octets;
  while (proven_octets_ > room_ / 8 * 7) {
    const auto last = std::prev(proven_.end());
    last->is_proven = false;
    proven_octets_ -= last->octets;
    probation_.splice(probation_.begin(), proven_, last);
  }
}

void DnsAnswerCache::store(std::string_view question, DnsKnownAnswer answer, uint32_t stale_s,
                           uint64_t now_ns) {
  const auto known = index_.find(question);
  const bool was_proven = known != index_.end() && known->second->is_proven;
  if (known != index_.end()) erase(known->second);
  const size_t octets = kOverhead + question.size() + answer.records.size() +
                        answer.ttls.size() * sizeof answer.ttls[0];
  if (octets > room_ / 8) return;
  while (!ends_.empty() && ends_.begin()->first <= now_ns) erase(ends_.begin()->second);
  shrink_to(room_ - octets, now_ns);
  const uint64_t end_ns = answer.end_ns(stale_s);
  probation_.push_front({std::string(question), std::move(answer), octets, false, {}});
  const Entries::iterator entry = probation_.begin();
  entry->end = ends_.emplace(end_ns, entry);
  index_.emplace(entry->question, entry);
  octets_ += octets;
  if (was_proven) use(question);
}

void DnsAnswerCache::store_failure(std::string_view question, uint64_t now_ns) {
  DnsKnownAnswer failure;
  failure.rcode = DnsRcode::kServFail;
  failure.is_failure = true;
  failure.ttl_s = kDnsFailureSeconds;
  failure.stored_ns = now_ns;
  store(question, std::move(failure), 0, now_ns);
}

void DnsAnswerCache::clear() {
  while (!ends_.empty()) erase(ends_.begin()->second);
}

void DnsAnswerCache::erase(Entries::iterator entry) {
  octets_ -= entry->octets;
  if (entry->is_proven) proven_octets_ -= entry->octets;
  ends_.erase(entry->end);
  index_.erase(entry->question);
  (entry->is_proven ? proven_ : probation_).erase(entry);
}

void DnsAnswerCache::shrink_to(size_t octets, uint64_t now_ns) {
  while (octets_ > octets) {
    const auto last = std::prev(probation_.empty() ? proven_.end() : probation_.end());
    if (last->answer.is_fresh(now_ns)) ++evictions_;
    erase(last);
  }
}

}  // namespace vipgate
