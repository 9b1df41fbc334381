#include "controlplane/network/neighbor_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace vipgate {
namespace {

constexpr int64_t kFirstRetryMs = 1'000;
constexpr int64_t kLastRetryMs = 30'000;
constexpr int64_t kWarningMs = 60'000;
constexpr int64_t kRefreshMs = 15'000;
constexpr int64_t kRefreshJitterMs = 3'000;  // either way

}  // namespace

void ResolveSchedule::follow(const std::set<NextHop>& next_hops) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (next_hops.contains(at->first)) {
      ++at;
      continue;
    }
    due_.erase({at->second.due_ms, at->first});
    at = entries_.erase(at);
  }
  for (const NextHop& next_hop : next_hops) {
    const auto [at, is_new] = entries_.try_emplace(next_hop, Entry{0, kFirstRetryMs, false});
    if (is_new) due_.insert({at->second.due_ms, next_hop});
  }
  warned_.clear();
}

void ResolveSchedule::update(const std::set<NextHop>& unresolved, int64_t now_ms) {
  unresolved_count_ = 0;
  auto at = unresolved.begin();
  for (auto& [next_hop, entry] : entries_) {
    while (at != unresolved.end() && *at < next_hop) ++at;
    const bool is_unresolved = at != unresolved.end() && *at == next_hop;
    if (is_unresolved) ++unresolved_count_;
    if (is_unresolved == entry.unresolved) continue;
    entry.unresolved = is_unresolved;
    entry.retry_ms = kFirstRetryMs;
    set_due(next_hop, entry,
            is_unresolved ? std::min(entry.due_ms, now_ms) : now_ms + refresh_delay_ms());
  }
}

std::optional<std::string> ResolveSchedule::run(int64_t now_ms, const Resolve& resolve) {
  if (now_ms < next_ms()) return std::nullopt;
  Round round;
  for (size_t i = 0; i < kMaxPerRound && !due_.empty() && due_.begin()->first <= now_ms; ++i) {
    const NextHop next_hop = due_.begin()->second;
    Entry& entry = entries_.at(next_hop);
    ask(next_hop, entry, resolve, round);
    if (entry.unresolved) {
      set_due(next_hop, entry, now_ms + entry.retry_ms);
      entry.retry_ms = std::min(2 * entry.retry_ms, kLastRetryMs);
    } else {
      set_due(next_hop, entry, now_ms + refresh_delay_ms());
    }
  }
  next_round_ms_ = now_ms + kRoundMs;
  return warning(round, now_ms);
}

void ResolveSchedule::ask(const NextHop& next_hop, const Entry& entry, const Resolve& resolve,
                          Round& round) {
  const Kind kind(next_hop.port, next_hop.address.family());
  const auto refusals = round.refusals.find(kind);
  // What is resolved is in the table and needs no room there.
  if (entry.unresolved && refusals != round.refusals.end() && refusals->second >= kMaxRefusals) {
    return;
  }
  ++round.asked;
  const Status status = resolve(next_hop);
  if (status) return;
  if (round.refused++ == 0) round.example = status.error();
  ++round.refusals[kind];
}

std::optional<std::string> ResolveSchedule::warning(const Round& round, int64_t now_ms) {
  if (round.refused == 0) return std::nullopt;
  if (now_ms >= next_warning_ms_) warned_.clear();
  bool is_new = false;
  for (const auto& [kind, count] : round.refusals) is_new |= warned_.insert(kind).second;
  if (!is_new) return std::nullopt;
  next_warning_ms_ = now_ms + kWarningMs;
  return "neighbours: the kernel refused " + std::to_string(round.refused) + " of " +
         std::to_string(round.asked) + " requests, and " + std::to_string(unresolved_count_) +
         " next hops have no link-layer address; for example " + round.example;
}

int64_t ResolveSchedule::next_ms() const {
  return due_.empty() ? INT64_MAX : std::max(due_.begin()->first, next_round_ms_);
}

void ResolveSchedule::set_due(const NextHop& next_hop, Entry& entry, int64_t due_ms) {
  due_.erase({entry.due_ms, next_hop});
  entry.due_ms = due_ms;
  due_.insert({due_ms, next_hop});
}

int64_t ResolveSchedule::refresh_delay_ms() {
  return kRefreshMs +
         std::uniform_int_distribution<int64_t>(-kRefreshJitterMs, kRefreshJitterMs)(jitter_);
}

NeighborKeeper::NeighborKeeper(std::vector<std::string> interfaces)
    : interfaces_(std::move(interfaces)) {}

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

bool NeighborKeeper::process() {
  if (watcher_ == nullptr || !watcher_->process()) return false;
  has_changed_ = true;
  return true;
}

bool NeighborKeeper::follow(const std::set<NextHop>& next_hops) {
  if (watcher_ == nullptr || next_hops == followed_) return false;
  std::set<NeighborKey> keys;
  std::set<NextHop> resolvable;
  for (const NextHop& next_hop : next_hops) {
    if (auto key = key_of(next_hop)) {
      keys.insert(std::move(*key));
      resolvable.insert(next_hop);
    }
  }
  followed_ = next_hops;
  schedule_.follow(resolvable);
  has_changed_ = true;
  return watcher_->watch(std::move(keys));
}

Status NeighborKeeper::resolve(const NextHop& next_hop) {
  const auto key = key_of(next_hop);
  if (!key) return Done{};
  return watcher_->resolve(*key);
}

int64_t NeighborKeeper::refresh(const std::set<NextHop>& unresolved, int64_t now_ms) {
  if (watcher_ == nullptr) return INT64_MAX;
  if (std::exchange(has_changed_, false)) schedule_.update(unresolved, now_ms);
  const auto warning =
      schedule_.run(now_ms, [this](const NextHop& next_hop) { return resolve(next_hop); });
  if (warning) spdlog::warn("{}", *warning);
  return schedule_.next_ms();
}

}  // namespace vipgate
