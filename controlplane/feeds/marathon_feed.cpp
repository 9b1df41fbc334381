#include "controlplane/feeds/marathon_feed.h"

#include <spdlog/spdlog.h>

#include <limits>

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

void MarathonFeed::process(int64_t /*now_ms*/) {
  MarathonUpdate update = source_->take();
  if (update.connected) {
    connected_ = *update.connected;
    spdlog::log(connected_ ? spdlog::level::info : spdlog::level::warn, "{}: {}", label_,
                update.detail);
  }
  if (update.health) {
    const MarathonHealth before = known_;
    for (const auto& [task_id, healthy] : before) {
      if (!update.health->contains(task_id)) set(task_id, std::nullopt);
    }
    for (const auto& [task_id, healthy] : *update.health) set(task_id, healthy);
  }
  for (const MarathonChange& change : update.changes) set(change.task_id, change.healthy);
  mesos_.stage_touched();
}

void MarathonFeed::set(const std::string& task_id, std::optional<bool> healthy) {
  if (healthy) {
    known_.insert_or_assign(task_id, *healthy);
  } else {
    known_.erase(task_id);
  }
  if (health_.set(framework_, task_id, healthy)) mesos_.touch(framework_, task_id);
}

int64_t MarathonFeed::next_deadline_ms() const { return std::numeric_limits<int64_t>::max(); }

std::vector<std::pair<std::string, uint64_t>> MarathonFeed::counters() const {
  return {{label_ + ".connected", connected_ ? 1 : 0}, {label_ + ".verdicts", known_.size()}};
}

}  // namespace vipgate
