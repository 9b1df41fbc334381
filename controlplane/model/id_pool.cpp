#include "controlplane/model/id_pool.h"

#include <algorithm>

namespace vipgate {

std::optional<IdPool::Id> IdPool::take(int64_t now_s) {
  if (!resting_.empty() && resting_.front().until_s <= now_s) {
    const Id old = resting_.front().id;
    resting_.pop_front();
    return Id{old.value, (old.generation + 1) % generations_};
  }
  if (next_ > last_) return std::nullopt;
  return Id{next_++, 0};
}

uint64_t IdPool::available(int64_t now_s) const {
  const auto rested = std::partition_point(
      resting_.begin(), resting_.end(), [&](const Resting& old) { return old.until_s <= now_s; });
  return static_cast<uint64_t>(rested - resting_.begin()) + (uint64_t{last_} + 1 - next_);
}

void IdPool::give_back(Id id, int64_t now_s) {
  resting_.push_back({id, now_s + kQuarantineSeconds});
}

}  // namespace vipgate
