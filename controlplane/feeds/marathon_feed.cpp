#include "controlplane/feeds/marathon_feed.h"

#include <algorithm>
#include <limits>

#include "controlplane/event_log.h"
#include "controlplane/feeds/source_report.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {

Result<std::unique_ptr<MarathonFeed>> MarathonFeed::start(const Config& config, size_t position,
                                                          SchedulerHealth& health,
                                                          MesosFeed& mesos) {
  const MarathonConfig& own = config.marathon[position];
  auto source = MarathonSource::start(own, position);
  if (!source) return Error{source.error()};
  return std::unique_ptr<MarathonFeed>(
      new MarathonFeed(own, position, std::move(*source), health, mesos));
}

void MarathonFeed::process(int64_t now_ms) {
  MarathonUpdate update = source_->take();
  if (update.connected) {
    connected_ = *update.connected;
    detail_ = update.detail;
    log_event(connected_ ? spdlog::level::info : spdlog::level::warn,
              connected_ ? "connected" : "disconnected",
              {{"source", label_}, {"detail", update.detail}}, "{}: {}", label_, update.detail);
  }
  if (update.health || !update.changes.empty()) heard_ms_ = now_ms;
  if (update.health) {
    for (const std::string& task_id : health_.replace(framework_, *update.health)) {
      mesos_.touch(framework_, task_id);
    }
  }
  for (const MarathonChange& change : update.changes) {
    if (health_.set(framework_, change.task_id, change.healthy)) {
      mesos_.touch(framework_, change.task_id);
    }
  }
}

int64_t MarathonFeed::next_deadline_ms() const { return std::numeric_limits<int64_t>::max(); }

NamedCounters MarathonFeed::counters() const {
  return {{label_ + ".connected", connected_ ? 1 : 0},
          {label_ + ".verdicts", health_.size(framework_)}};
}

void MarathonFeed::add_sources(std::vector<SourceReport>& sources,
                               std::optional<size_t> /*ignored*/) const {
  SourceReport report{.id = label_, .kind = "marathon", .name = framework_};
  report.state = connected_ ? "connected" : "stale";
  report.detail = detail_;
  if (heard_ms_) report.age_ms = std::max<int64_t>(monotonic_ms() - *heard_ms_, 0);
  report.figures = {{"verdicts", health_.size(framework_)}};
  sources.push_back(std::move(report));
}

}  // namespace vipgate
