#include "common/ring_cache.h"

#include <algorithm>
#include <utility>

#include "common/maglev.h"

namespace vipgate {
namespace {

RingRows build_rows(const RingKey& key) {
  std::vector<MaglevReal> reals;
  reals.reserve(key.reals.size());
  for (const RingKey::Real& real : key.reals) {
    reals.push_back({maglev_id(real.address, real.port), real.weight});
  }
  return maglev_build(reals, key.rows);
}

// The key that the table is kept by. Of one real every row is position 0, whichever real it is.
RingKey shared_key(const RingKey& key) {
  return key.reals.size() == 1 ? RingKey{.rows = key.rows, .reals = {RingKey::Real{}}} : key;
}

}  // namespace

RingCache::RingCache(RingRunner runner) : runner_(std::move(runner)) {
  if (runner_) return;
  runner_ = [](size_t count, const std::function<void(size_t)>& job) {
    for (size_t i = 0; i < count; ++i) job(i);
  };
}

std::vector<std::shared_ptr<const RingRows>> RingCache::get(const std::vector<RingKey>& keys,
                                                            size_t& built) {
  struct Job {
    const RingKey* key;
    std::shared_ptr<RingRows> rows;
  };
  std::vector<std::shared_ptr<const RingRows>> result;
  std::vector<Job> jobs;
  result.reserve(keys.size());
  for (const RingKey& key : keys) {
    const auto entry = tables_.try_emplace(shared_key(key)).first;
    std::shared_ptr<const RingRows> rows = entry->second.lock();
    if (rows == nullptr) {
      // The job fills it in below; equal keys further on find it here.
      jobs.push_back({&entry->first, std::make_shared<RingRows>()});
      rows = jobs.back().rows;
      entry->second = rows;
    }
    result.push_back(std::move(rows));
  }
  runner_(jobs.size(), [&](size_t i) { *jobs[i].rows = build_rows(*jobs[i].key); });
  built = jobs.size();
  forget_unused();
  return result;
}

void RingCache::forget_unused() {
  if (tables_.size() < forget_at_) return;
  std::erase_if(tables_, [](const auto& entry) { return entry.second.expired(); });
  forget_at_ = std::max<size_t>(1024, tables_.size() * 2);
}

}  // namespace vipgate
