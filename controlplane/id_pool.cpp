#include "controlplane/id_pool.h"

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

void IdPool::give_back(Id id, int64_t now_s) {
  resting_.push_back({id, now_s + kQuarantineSeconds});
}

}  // namespace vipgate
