#include "controlplane/feeds/health_feed.h"

#include <spdlog/spdlog.h>

#include <limits>

#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

// A line each, up to so many of one look; the rest as a number.
constexpr size_t kReportedAtOnce = 10;

void report(const HealthResult& result) {
  const std::string real = endpoint_to_string(result.real.address, result.real.port);
  const std::string service = to_string(result.service);
  if (result.health == RealHealth::kDown) {
    spdlog::warn("real {} of {} is down: {}", real, service, result.why);
  } else if (result.health == RealHealth::kUp) {
    spdlog::info("real {} of {} is up", real, service);
  }
}

}  // namespace

HealthFeed::HealthFeed(std::unique_ptr<HealthChecker> checker, Reconciler& reconciler,
                       const DataplaneControl& dataplane, CommitPacer& pacer)
    : checker_(std::move(checker)), reconciler_(reconciler), dataplane_(dataplane), pacer_(pacer) {}

void HealthFeed::process(int64_t /*now_ms*/) {
  const std::vector<HealthResult> results = checker_->take_results();
  if (results.empty()) return;
  for (size_t i = 0; i < results.size(); ++i) {
    const HealthResult& result = results[i];
    reconciler_.stage_health(result.service, result.real, result.health);
    if (result.health == RealHealth::kUp) ++went_up_;
    if (result.health == RealHealth::kDown) ++went_down_;
    if (i < kReportedAtOnce) report(result);
  }
  if (results.size() > kReportedAtOnce) {
    spdlog::warn("{} more reals changed their health at once", results.size() - kReportedAtOnce);
  }
  pacer_.note(results.size(), monotonic_ns());
}

void HealthFeed::act(int64_t now_ms) {
  follow_targets();
  if (now_ms < next_sample_ms_) return;
  next_sample_ms_ = now_ms + kPassiveSampleMs;
  sample_traffic(now_ms);
}

void HealthFeed::follow_targets() {
  HealthChanges changes = reconciler_.take_health_changes();
  for (const auto& [service, real] : changes.remove) checker_->remove(service, real);
  if (!changes.add.empty()) checker_->add(std::move(changes.add));
}

void HealthFeed::sample_traffic(int64_t now_ms) {
  for (const auto& [key, checked] : reconciler_.health_targets().followed()) {
    const ModelService* service = reconciler_.model().find(key);
    if (service == nullptr || key.protocol != Protocol::kTcp) continue;
    for (const RealKey& real_key : checked.reals) {
      const auto real = service->reals.find(real_key);
      if (real == service->reals.end()) continue;
      const RealId id(real->second.id.value, real->second.id.generation);
      const RealSignals signals = dataplane_.real_signals(id.index());
      if (passive_.observe(id, signals, now_ms)) checker_->suspect(key, real_key);
    }
  }
}

int64_t HealthFeed::next_deadline_ms() const {
  const bool is_idle = reconciler_.health_targets().followed().empty();
  return is_idle ? std::numeric_limits<int64_t>::max() : next_sample_ms_;
}

std::vector<std::pair<std::string, uint64_t>> HealthFeed::counters() const {
  auto counters = checker_->counters();
  counters.emplace_back("health.went_up", went_up_);
  counters.emplace_back("health.went_down", went_down_);
  counters.emplace_back("health.traffic_suspicions", passive_.suspicions());
  return counters;
}

}  // namespace vipgate
