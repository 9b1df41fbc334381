// Brings Marathon's own health results to the views of the clusters: a task that fails Marathon's
// checks gets no new flows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/config/config.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/feeds/mesos_feed.h"
#include "controlplane/marathon/marathon_source.h"
#include "controlplane/naming/scheduler_health.h"

namespace vipgate {

// Of one Marathon. Owned by the control loop's feeds, called by the control thread. The references
// outlive this.
class MarathonFeed : public LoopClient {
 public:
  // `position` in config.marathon. An error: a URL or a file of the configuration cannot be used.
  static Result<std::unique_ptr<MarathonFeed>> start(const Config& config, size_t position,
                                                     SchedulerHealth& health, MesosFeed& mesos);

  [[nodiscard]] int fd() const override { return source_->fd(); }
  void process(int64_t now_ms) override;
  void act(int64_t /*now_ms*/) override {}
  [[nodiscard]] int64_t next_deadline_ms() const override;
  [[nodiscard]] NamedCounters counters() const override;
  void add_sources(std::vector<SourceReport>& sources,
                   std::optional<size_t> ignored) const override;

 private:
  MarathonFeed(const MarathonConfig& config, size_t position,
               std::unique_ptr<MarathonSource> source, SchedulerHealth& health, MesosFeed& mesos)
      : framework_(config.framework),
        label_("marathon[" + std::to_string(position) + "]"),
        source_(std::move(source)),
        health_(health),
        mesos_(mesos) {}

  const std::string framework_;
  const std::string label_;
  const std::unique_ptr<MarathonSource> source_;
  SchedulerHealth& health_;
  MesosFeed& mesos_;
  bool connected_ = false;
  std::string detail_;  // of the connection
  std::optional<int64_t> heard_ms_;
};

}  // namespace vipgate
