#include "controlplane/neighbor_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace vipgate {
namespace {

constexpr int64_t kRetryMs = 1'000;
constexpr int64_t kRefreshMs = 15'000;
constexpr int64_t kRefreshJitterMs = 3'000;  // either way

}  // namespace

NeighborKeeper::NeighborKeeper(std::vector<std::string> interfaces)
    : interfaces_(std::move(interfaces)), jitter_(std::random_device{}()) {}

Result<std::unique_ptr<NeighborKeeper>> NeighborKeeper::create(
    std::vector<std::string> interfaces) {
  std::unique_ptr<NeighborKeeper> keeper(new NeighborKeeper(std::move(interfaces)));
  std::vector<std::string> named;
  for (const std::string& name : keeper->interfaces_) {
    if (!name.empty()) named.push_back(name);
  }
  if (named.empty()) return keeper;
  auto watcher = NeighborWatcher::create(named);
  if (!watcher) return Error{watcher.error()};
  keeper->watcher_ = std::move(*watcher);
  return keeper;
}

std::optional<NeighborKey> NeighborKeeper::key_of(const NextHop& next_hop) const {
  if (watcher_ == nullptr || next_hop.port >= interfaces_.size()) return std::nullopt;
  const std::string& interface = interfaces_[next_hop.port];
  if (interface.empty()) return std::nullopt;
  return NeighborKey{interface, next_hop.address};
}

std::optional<MacAddress> NeighborKeeper::find(const NextHop& next_hop) const {
  const auto key = key_of(next_hop);
  return key ? watcher_->find(*key) : std::nullopt;
}

bool NeighborKeeper::follow(const std::set<NextHop>& next_hops) {
  if (watcher_ == nullptr || next_hops == followed_) return false;
  std::set<NeighborKey> keys;
  for (const NextHop& next_hop : next_hops) {
    if (auto key = key_of(next_hop)) keys.insert(std::move(*key));
  }
  const std::set<NextHop> before = std::exchange(followed_, next_hops);
  const bool changed = watcher_->watch(std::move(keys));
  for (const NextHop& next_hop : followed_) {
    if (!before.contains(next_hop)) resolve(next_hop);
  }
  return changed;
}

void NeighborKeeper::resolve(const NextHop& next_hop) {
  const auto key = key_of(next_hop);
  if (!key) return;
  if (auto status = watcher_->resolve(*key); !status) spdlog::warn("{}", status.error());
}

int64_t NeighborKeeper::refresh(const std::set<NextHop>& unresolved, int64_t now_ms) {
  if (watcher_ == nullptr) return INT64_MAX;
  if (now_ms >= next_refresh_ms_) {
    for (const NextHop& next_hop : followed_) resolve(next_hop);
    std::uniform_int_distribution<int64_t> jitter(-kRefreshJitterMs, kRefreshJitterMs);
    next_refresh_ms_ = now_ms + kRefreshMs + jitter(jitter_);
  }
  if (unresolved.empty()) return next_refresh_ms_;
  if (now_ms >= next_retry_ms_) {
    for (const NextHop& next_hop : unresolved) resolve(next_hop);
    next_retry_ms_ = now_ms + kRetryMs;
  }
  return std::min(next_refresh_ms_, next_retry_ms_);
}

}  // namespace vipgate
