#include "controlplane/model/moved_rows.h"

namespace vipgate {

void MovedRows::keep(const ServiceKey& key, int64_t until_s) {
  forget(key);
  until_s_.emplace(key, until_s);
  due_.emplace(until_s, key);
}

std::set<ServiceKey> MovedRows::expire(int64_t now_s) {
  std::set<ServiceKey> over;
  while (next_deadline_s() <= now_s) {
    const ServiceKey key = due_.begin()->second;
    forget(key);
    over.insert(key);
  }
  return over;
}

void MovedRows::forget(const ServiceKey& key) {
  const auto known = until_s_.find(key);
  if (known == until_s_.end()) return;
  due_.erase({known->second, key});
  until_s_.erase(known);
}

}  // namespace vipgate
