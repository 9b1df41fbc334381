// The DNS table that is served, for a thread that must not ask the control thread each time.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "common/dns_table.h"

namespace vipgate {

// Shown by the control thread, looked at by any.
class ServedDns {
 public:
  void show(std::shared_ptr<const DnsTable> table) {
    const std::lock_guard lock(mutex_);
    std::swap(table_, table);  // the one before goes without the lock
  }
  // Null: there is none yet.
  [[nodiscard]] std::shared_ptr<const DnsTable> table() const {
    const std::lock_guard lock(mutex_);
    return table_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const DnsTable> table_;
};

}  // namespace vipgate
