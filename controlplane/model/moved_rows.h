// Until when the rows that services had before their last change count.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "controlplane/model/model.h"

namespace vipgate {

// A value, of the control thread. Times are monotonic seconds.
class MovedRows {
 public:
  // Rows of the service have changed: those before count until then, and those before these, too.
  void keep(const ServiceKey& key, int64_t until_s);
  [[nodiscard]] bool counts(const ServiceKey& key) const { return until_s_.contains(key); }
  // The services whose time is up, which are forgotten.
  std::set<ServiceKey> expire(int64_t now_s);
  void forget(const ServiceKey& key);
  // When expire() will next have something to tell; kNever.
  [[nodiscard]] int64_t next_deadline_s() const {
    return due_.empty() ? kNever : due_.begin()->first;
  }

 private:
  std::map<ServiceKey, int64_t> until_s_;
  std::set<std::pair<int64_t, ServiceKey>> due_;
};

}  // namespace vipgate
