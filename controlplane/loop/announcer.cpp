#include "controlplane/loop/announcer.h"

#include <algorithm>
#include <iterator>

namespace vipgate {
namespace {

// At once, so that neither the control thread nor the way out is flooded by a large reload.
constexpr size_t kAtOnce = 64;

}  // namespace

void Announcer::set_serving(const IpAddress& address, bool is_served) {
  if (is_served) {
    if (serving_[address]++ == 0) began_.push_back(address);
    return;
  }
  const auto users = serving_.find(address);
  if (--users->second != 0) return;
  serving_.erase(users);
  due_.erase(address);
}

// What no snapshot has yet, or not all workers have taken, is still to come anyway.
void Announcer::repeat() {
  std::set<IpAddress> coming(began_.begin(), began_.end());
  for (const auto& [version, address] : waiting_) coming.insert(address);
  for (const auto& [address, users] : serving_) {
    if (!coming.contains(address)) due_.insert(address);
  }
}

void Announcer::published(uint64_t version) {
  for (const IpAddress& address : began_) waiting_.emplace_back(version, address);
  began_.clear();
}

void Announcer::advance(uint64_t passed) {
  while (!waiting_.empty() && waiting_.front().first <= passed) {
    const IpAddress address = waiting_.front().second;
    waiting_.pop_front();
    if (serving_.contains(address)) due_.insert(address);
  }
  if (due_.empty()) return;
  const size_t count = std::min(due_.size(), kAtOnce);
  const auto end = std::next(due_.begin(), static_cast<ptrdiff_t>(count));
  const std::vector<IpAddress> some(due_.begin(), end);
  const size_t taken = std::min(dataplane_.announce(some), count);
  due_.erase(due_.begin(), std::next(due_.begin(), static_cast<ptrdiff_t>(taken)));
}

}  // namespace vipgate
