#include "controlplane/feeds/health_feed.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "controlplane/event_log.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

// A line each, up to so many a second; the rest as a number.
constexpr size_t kReported = 10;
constexpr int64_t kHealthReportMs = 1000;

// `known`: the service, or nullptr when it has gone meanwhile.
std::string name_of(const ServiceKey& key, const ModelService* known) {
  const bool has_name = known != nullptr && !known->config.name.empty();
  return has_name ? known->config.name + " (" + to_string(key) + ")" : to_string(key);
}

void report(const HealthResult& result, const ModelService* known) {
  const std::string real = endpoint_to_string(result.real.address, result.real.port);
  const std::string service = name_of(result.service, known);
  if (result.health == RealHealth::kDown) {
    log_event(spdlog::level::warn, "real_down",
              {{"service", service_id(result.service)}, {"real", real}, {"why", result.why}},
              "real {} of {} is down: {}", real, service, result.why);
  } else if (result.health == RealHealth::kUp) {
    log_event(spdlog::level::info, "real_up",
              {{"service", service_id(result.service)}, {"real", real}}, "real {} of {} is up",
              real, service);
  }
}

}  // namespace

HealthFeed::HealthFeed(std::unique_ptr<HealthChecker> checker, Reconciler& reconciler,
                       const DataplaneControl& dataplane, CommitPacer& pacer)
    : checker_(std::move(checker)),
      reconciler_(reconciler),
      dataplane_(dataplane),
      pacer_(pacer),
      report_lines_(kReported, kHealthReportMs),
      panic_lines_(kReported, kHealthReportMs) {}

void HealthFeed::process(int64_t now_ms) {
  const std::vector<HealthResult> results = checker_->take_results();
  if (results.empty()) return;
  for (const HealthResult& result : results) {
    reconciler_.stage_health(result.service, result.real, result.health);
    if (result.health == RealHealth::kUp) ++went_up_;
    if (result.health == RealHealth::kDown) ++went_down_;
    if (report_lines_.allows(now_ms)) {
      report(result, reconciler_.model().find(result.service));
    } else if (result.health == RealHealth::kDown) {
      more_went_down_ = true;
    }
  }
  pacer_.note(results.size(), monotonic_ns());
}

void HealthFeed::act(int64_t now_ms) {
  follow_targets();
  if (const size_t more = report_lines_.take_kept_back(now_ms); more != 0) {
    const bool is_bad = std::exchange(more_went_down_, false);
    log_event(is_bad ? spdlog::level::warn : spdlog::level::info, "more_reals", {{"count", more}},
              "{} more reals have changed their health", more);
  }
  report_panic(now_ms);
  if (now_ms < next_sample_ms_) return;
  next_sample_ms_ = now_ms + kPassiveSampleMs;
  sample_traffic(now_ms);
}

void HealthFeed::report_panic(int64_t now_ms) {
  for (const auto& [key, is_in_panic] : reconciler_.take_panic_changes()) {
    if (!panic_lines_.allows(now_ms)) continue;
    const std::string service = name_of(key, reconciler_.model().find(key));
    if (is_in_panic) {
      log_event(spdlog::level::warn, "panic", {{"service", service_id(key)}},
                "{} is in panic: fewer than panic_percent of its reals are up, so all get flows",
                service);
    } else {
      log_event(spdlog::level::info, "panic_over", {{"service", service_id(key)}},
                "{} is no longer in panic: reals that are down get no flows", service);
    }
  }
  if (const size_t more = panic_lines_.take_kept_back(now_ms); more != 0) {
    log_event(spdlog::level::warn, "more_panic", {{"count", more}},
              "{} more services have entered or left panic", more);
  }
}

void HealthFeed::follow_targets() {
  HealthChanges changes = reconciler_.take_health_changes();
  for (const auto& [service, real] : changes.remove) checker_->remove(service, real);
  if (!changes.add.empty()) checker_->add(std::move(changes.add));
}

void HealthFeed::sample_traffic(int64_t now_ms) {
  for (const auto& [key, checked] : reconciler_.health_targets().followed()) {
    const ModelService* service = reconciler_.model().find(key);
    if (service == nullptr || !has_connections(key.protocol)) continue;
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
  const int64_t sample_ms = is_idle ? std::numeric_limits<int64_t>::max() : next_sample_ms_;
  return std::min({sample_ms, report_lines_.due_ms(), panic_lines_.due_ms()});
}

NamedCounters HealthFeed::counters() const {
  auto counters = checker_->counters();
  counters.emplace_back("health.went_up", went_up_);
  counters.emplace_back("health.went_down", went_down_);
  counters.emplace_back("health.traffic_suspicions", passive_.suspicions());
  return counters;
}

}  // namespace vipgate
