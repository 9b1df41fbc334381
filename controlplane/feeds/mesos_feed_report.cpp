// What the feed tells of the clusters: in the log, as counters, and to the API.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "controlplane/event_log.h"
#include "controlplane/feeds/mesos_feed_cluster.h"
#include "controlplane/feeds/source_report.h"

namespace vipgate {
namespace {

// Between two lists of what is left out, and how much of it they show.
constexpr int64_t kReportMs = 10'000;
constexpr size_t kReportedItems = 3;

// "label VIP_0=/redis:0 of task 'redis.1' of 'marathon': why"
std::string line_of(const Skipped& item) {
  std::string line = item.kind + " " + item.item;
  if (!item.task.empty()) line += " of task '" + item.task + "'";
  if (!item.framework.empty() && item.framework != item.item)
    line += " of '" + item.framework + "'";
  return line + ": " + item.why;
}

}  // namespace

// The list of what is left out is made anew.
void MesosFeed::add_ignored(const Cluster& cluster, size_t most, SourceReport& report) {
  std::vector<Skipped> skipped = cluster.view->skipped();
  for (const MesosSkipped& item : cluster.cluster.skipped()) {
    skipped.push_back({"unread", "", "", item.where, item.why});
  }
  report.ignored = skipped.size();
  skipped.resize(std::min(skipped.size(), most));
  report.ignored_items = std::move(skipped);
}

// What is left out, and who lost a claim to whom. Not at once for each change: the list is made
// anew.
void MesosFeed::report_skipped(Cluster& cluster, int64_t now_ms) {
  if (!cluster.may_skip_more || now_ms < cluster.next_report_ms) return;
  cluster.may_skip_more = false;
  cluster.next_report_ms = now_ms + kReportMs;
  const std::vector<Skipped> skipped = cluster.view->skipped();
  const auto& unread = cluster.cluster.skipped();
  const size_t count = skipped.size() + unread.size();
  if (count > cluster.reported_skipped) {
    log_event(spdlog::level::warn, "items_ignored", {{"source", cluster.id()}, {"count", count}},
              "{}: {} items cannot be used and are left out, among them:", cluster.label, count);
    for (size_t i = 0; i < std::min(skipped.size(), kReportedItems); ++i) {
      spdlog::warn("  {}", line_of(skipped[i]));
    }
    for (size_t i = 0; i < std::min(unread.size(), kReportedItems); ++i) {
      spdlog::warn("  {}: {}", unread[i].where, unread[i].why);
    }
  }
  cluster.reported_skipped = count;
}

NamedCounters MesosFeed::counters() const {
  NamedCounters counters;
  for (const auto& cluster : clusters_) {
    const std::string prefix = "mesos." + std::to_string(cluster->index) + ".";
    counters.emplace_back(prefix + "tasks", cluster->cluster.tasks().size());
    counters.emplace_back(prefix + "tasks_waiting", cluster->cluster.waiting_tasks());
    counters.emplace_back(prefix + "agents", cluster->cluster.agents().size());
    counters.emplace_back(prefix + "agents_recovered", cluster->cluster.recovered_agents());
    counters.emplace_back(prefix + "events", cluster->events);
    counters.emplace_back(prefix + "whole_states", cluster->whole_states);
    counters.emplace_back(prefix + "skipped", cluster->reported_skipped);
    counters.emplace_back(prefix + "connected", cluster->connected ? 1 : 0);
    counters.emplace_back(prefix + "stale", cluster->connected ? 0 : 1);
    counters.emplace_back(prefix + "age_ms", static_cast<uint64_t>(cluster->age_ms()));
    if (cluster->source == nullptr) continue;
    const MesosSourceCounters source = cluster->source->counters();
    counters.emplace_back(prefix + "connects", source.connects);
    counters.emplace_back(prefix + "drops", source.drops);
    counters.emplace_back(prefix + "records", source.records);
    counters.emplace_back(prefix + "bytes", source.bytes);
    counters.emplace_back(prefix + "garbage", source.garbage);
    counters.emplace_back(prefix + "oversize", source.oversize);
    counters.emplace_back(prefix + "sweeps", source.sweeps);
    counters.emplace_back(prefix + "failed_sweeps", source.failed_sweeps);
  }
  return counters;
}

void MesosFeed::add_sources(std::vector<SourceReport>& sources,
                            std::optional<size_t> ignored) const {
  for (const auto& each : clusters_) {
    const Cluster& cluster = *each;
    SourceReport report{.id = "mesos." + std::to_string(cluster.index), .kind = "mesos"};
    report.name = config_.mesos[cluster.index].domain;
    report.state = cluster.connected ? "connected" : cluster.expired ? "withdrawn" : "stale";
    report.detail = cluster.link_detail;
    report.age_ms = cluster.age_ms();
    report.figures = {{"tasks", cluster.cluster.tasks().size()},
                      {"tasks_waiting", cluster.cluster.waiting_tasks()},
                      {"agents", cluster.cluster.agents().size()},
                      {"agents_recovered", cluster.cluster.recovered_agents()},
                      {"frameworks", cluster.cluster.frameworks().size()}};
    if (ignored) add_ignored(cluster, *ignored, report);
    sources.push_back(std::move(report));
  }
}

}  // namespace vipgate
