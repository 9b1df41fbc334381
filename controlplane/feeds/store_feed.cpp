#include "controlplane/feeds/store_feed.h"

#include <limits>

#include "controlplane/event_log.h"
#include "controlplane/feeds/vip_store.h"

namespace vipgate {
namespace {

constexpr int64_t kLookMs = 1000;

}  // namespace

// The views of the clusters find in this round, in MesosFeed::act(), that an address has moved.
void StoreFeed::process(int64_t /*now_ms*/) {
  for (const StoreWrite& change : store_.take_remote_changes()) adopt_vip(change, allocator_);
}

void StoreFeed::act(int64_t now_ms) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookMs;
  const StoreHealth health = store_.health();
  const std::string problem = health.ok ? "" : health.problem;
  if (problem == reported_) return;
  reported_ = problem;
  if (problem.empty()) {
    log_event(spdlog::level::info, "store_works", {}, "store: it works again");
  } else {
    log_event(spdlog::level::err, "store_fails", {{"waiting", health.waiting}, {"why", problem}},
              "store: {} changes are not stored yet and are tried again: {}", health.waiting,
              problem);
  }
}

// While something waits to be stored, or could not be.
int64_t StoreFeed::next_deadline_ms() const {
  const bool is_busy = !reported_.empty() || store_.health().waiting > 0;
  return is_busy ? next_look_ms_ : std::numeric_limits<int64_t>::max();
}

NamedCounters StoreFeed::counters() const {
  const StoreHealth health = store_.health();
  return {{"store.failures", health.failures}, {"store.waiting", health.waiting}};
}

}  // namespace vipgate
