#include "controlplane/network/route_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace vipgate {

void RouteSchedule::staged(bool has_removal, int64_t now_ms) {
  first_ms_ = std::min(first_ms_, now_ms);
  if (has_removal) removal_ms_ = now_ms;
}

bool RouteSchedule::is_due(bool misses_gateway, int64_t now_ms) const {
  if (first_ms_ == INT64_MAX || now_ms < not_before_ms_) return false;
  if (now_ms >= first_ms_ + kMaxWaitMs) return true;
  return !misses_gateway && (removal_ms_ == INT64_MIN || now_ms >= removal_ms_ + kRemovalMs);
}

void RouteSchedule::committed(bool is_ok, int64_t now_ms) {
  removal_ms_ = INT64_MIN;
  first_ms_ = is_ok ? INT64_MAX : now_ms;
  if (!is_ok) rest_until(now_ms + kRetryMs);
}

int64_t RouteSchedule::next_ms(int64_t now_ms) const {
  if (first_ms_ == INT64_MAX) return INT64_MAX;
  if (now_ms < not_before_ms_) return not_before_ms_;
  const int64_t limit_ms = first_ms_ + kMaxWaitMs;
  if (removal_ms_ == INT64_MIN || now_ms >= removal_ms_ + kRemovalMs) return limit_ms;
  return std::min(limit_ms, removal_ms_ + kRemovalMs);
}

Result<std::unique_ptr<RouteKeeper>> RouteKeeper::create(
    const std::vector<std::string>& interfaces) {
  auto keeper = std::make_unique<RouteKeeper>();
  const bool has_any = std::any_of(interfaces.begin(), interfaces.end(),
                                   [](const std::string& name) { return !name.empty(); });
  if (!has_any) return keeper;
  auto watcher = RouteWatcher::create(interfaces);
  if (!watcher) return Error{watcher.error()};
  keeper->watcher_ = std::move(*watcher);
  return keeper;
}

void RouteKeeper::process(int64_t now_ms) {
  if (watcher_ == nullptr) return;
  watcher_->receive();
  if (!watcher_->has_staged()) return;
  awaited_ = watcher_->staged_gateways();
  schedule_.staged(watcher_->has_staged_removal(), now_ms);
}

std::optional<ChangedPrefixes> RouteKeeper::advance(const NeighborLookup& neighbors,
                                                    int64_t now_ms) {
  if (watcher_ == nullptr || !watcher_->has_staged()) return std::nullopt;
  const bool misses_gateway =
      !watcher_->is_urgent() &&
      std::any_of(awaited_.begin(), awaited_.end(),
                  [&](const NextHop& gateway) { return !neighbors(gateway); });
  if (!schedule_.is_due(misses_gateway, now_ms)) return std::nullopt;
  ChangedPrefixes changed;
  const Status status = watcher_->commit(changed);
  if (!status) spdlog::error("{}; the routes in force stay", status.error());
  awaited_.clear();
  schedule_.committed(status.ok(), now_ms);
  if (changed.empty()) return std::nullopt;
  ++changes_;
  return changed;
}

std::optional<RouteMatch> RouteKeeper::find(const IpAddress& destination, int above) const {
  return watcher_ == nullptr ? std::nullopt : watcher_->table().find(destination, above);
}

NamedCounters RouteKeeper::counters() const {
  if (watcher_ == nullptr) return {};
  return {{"routes.prefixes", watcher_->table().size()}, {"routes.changes", changes_}};
}

}  // namespace vipgate
