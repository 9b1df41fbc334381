// What the control loop tells its listeners of its own accord: what it sees change.
#include "controlplane/event_log.h"
#include "controlplane/loop/control_loop.h"

namespace vipgate {
namespace {

// Snapshots may follow each other every other millisecond.
constexpr int64_t kSnapshotEventMs = 100;
constexpr int64_t kLevelsMs = 1'000;
// From which part of a table on it is nearly full, and below which no longer, in percent.
constexpr uint64_t kNearlyFull = 90;
constexpr uint64_t kFullNoLonger = 85;

}  // namespace

void ControlLoop::tell_events(int64_t now) {
  tell_real_changes();
  if (reconciler_.version() != told_version_ && now >= next_snapshot_event_ms_) {
    told_version_ = reconciler_.version();
    next_snapshot_event_ms_ = now + kSnapshotEventMs;
    const Model& model = reconciler_.model();
    log_event(spdlog::level::debug, "snapshot",
              {{"version", told_version_},
               {"services", model.configured_services()},
               {"reals", model.configured_reals()}},
              "snapshot {} is published", told_version_);
    events_->publish("snapshot", {{"version", told_version_},
                                  {"services", model.configured_services()},
                                  {"reals", model.configured_reals()}});
  }
  if (now < next_levels_ms_) return;
  next_levels_ms_ = now + kLevelsMs;
  tell_levels();
}

void ControlLoop::tell_real_changes() {
  const RealChanges changes = reconciler_.take_real_changes();
  for (const RealChange& change : changes.first) {
    events_->publish(
        "real", {{"service", service_id(change.service)},
                 {"real", endpoint_to_string(change.real.address, change.real.port)},
                 {"state", change.state ? to_string(*change.state) : std::string_view("gone")}});
  }
  if (changes.more != 0) events_->publish("more_reals", {{"count", changes.more}});
}

// Of what is either well or not: when it becomes the other.
void ControlLoop::tell_levels() {
  for (const SourceReport& source : feeds_->sources(std::nullopt)) {
    const bool is_away =
        source.state == "stale" || source.state == "withdrawn" || source.state == "down";
    if (std::exchange(told_bad_[source.id], is_away) == is_away) continue;
    events_->publish("source",
                     {{"source", source.id}, {"state", is_away ? source.state : "followed"}});
  }
  for (const TableUse& use : table_uses()) {
    tell_limit(std::string(use.table), use.entries, use.capacity, std::string(use.setting));
  }
  for (const SnatPoolUse& pool : dataplane_.snat_pools()) {
    tell_limit("snat_pool " + pool.pool, pool.busiest_real, pool.ports, "snat_pools");
  }
}

void ControlLoop::tell_limit(const std::string& name, uint64_t entries, uint64_t most,
                             const std::string& setting) {
  bool& was_near = told_bad_[name];
  const bool is_near = entries * 100 >= most * (was_near ? kFullNoLonger : kNearlyFull);
  if (std::exchange(was_near, is_near) == is_near) return;
  const std::string mend = is_near && !setting.empty() ? "; raise " + setting : "";
  log_event(is_near ? spdlog::level::warn : spdlog::level::info,
            is_near ? "limit_near" : "limit_far",
            {{"what", name}, {"entries", entries}, {"most", most}}, "{} {} full: {} of {}{}", name,
            is_near ? "is nearly" : "is no longer nearly", entries, most, mend);
  events_->publish("limit", {{"what", name},
                             {"entries", entries},
                             {"most", most},
                             {"state", is_near ? "near" : "far"},
                             {"setting", setting}});
}

}  // namespace vipgate
