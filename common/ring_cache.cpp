#include "common/ring_cache.h"

#include <algorithm>
#include <utility>

#include "common/maglev.h"

namespace vipgate {
namespace {

// Fills `rows`; returns their checksum.
uint64_t build_rows(const RingKey& key, MaglevRows& rows) {
  std::vector<MaglevReal> reals;
  reals.reserve(key.reals.size());
  for (const RingKey::Real& real : key.reals) {
    reals.push_back({maglev_id(real.address, real.port), real.weight});
  }
  rows = maglev_build(reals, key.rows);
  return maglev_checksum(rows, reals);
}

// The key that the table is kept by. Of one real every row is position 0, whichever real it is.
RingKey shared_key(const RingKey& key) {
  return key.reals.size() == 1 ? RingKey{.rows = key.rows, .reals = {RingKey::Real{}}} : key;
}

}  // namespace

std::vector<RingTable> RingCache::get(const std::vector<RingKey>& keys, size_t& built) {
  struct Job {
    const RingKey* key;
    std::shared_ptr<MaglevRows> rows;
    Entry* entry;
  };
  std::vector<RingTable> result;
  std::vector<const Entry*> entries;  // as `result`
  std::vector<Job> jobs;
  result.reserve(keys.size());
  entries.reserve(keys.size());
  for (const RingKey& key : keys) {
    const auto at = tables_.try_emplace(shared_key(key)).first;
    std::shared_ptr<const MaglevRows> rows = at->second.rows.lock();
    if (rows == nullptr) {
      // The job fills it in below; equal keys further on find it here.
      jobs.push_back({&at->first, std::make_shared<MaglevRows>(), &at->second});
      rows = jobs.back().rows;
      at->second.rows = rows;
    }
    result.push_back({std::move(rows)});
    entries.push_back(&at->second);
  }
  runner_(jobs.size(),
          [&](size_t i) { jobs[i].entry->checksum = build_rows(*jobs[i].key, *jobs[i].rows); });
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto& reals = keys[i].reals;
    result[i].checksum =
        reals.size() == 1
            ? maglev_checksum_of_one(maglev_id(reals[0].address, reals[0].port), keys[i].rows)
            : entries[i]->checksum;
  }
  built = jobs.size();
  forget_unused();
  return result;
}

void RingCache::forget_unused() {
  if (tables_.size() < forget_at_) return;
  std::erase_if(tables_, [](const auto& entry) { return entry.second.rows.expired(); });
  forget_at_ = std::max<size_t>(1024, tables_.size() * 2);
}

}  // namespace vipgate
