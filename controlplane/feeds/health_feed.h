// Has the reals checked that the reconciler forwards to, and tells it what the checks say; watches
// what the data plane sees of them, to have a real checked at once that stops answering.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/feeds/commit_pacer.h"
#include "controlplane/feeds/line_budget.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/health/health_checker.h"
#include "controlplane/health/passive_health.h"
#include "controlplane/loop/dataplane_control.h"
#include "controlplane/loop/reconciler.h"

namespace vipgate {

// Owned by the control loop, called by the control thread. The references outlive this.
class HealthFeed : public LoopClient {
 public:
  HealthFeed(std::unique_ptr<HealthChecker> checker, Reconciler& reconciler,
             const DataplaneControl& dataplane, CommitPacer& pacer);

  [[nodiscard]] int fd() const override { return checker_->fd(); }
  void process(int64_t now_ms) override;
  void act(int64_t now_ms) override;
  [[nodiscard]] int64_t next_deadline_ms() const override;
  [[nodiscard]] NamedCounters counters() const override;
  [[nodiscard]] CheckTimes check_times() const { return checker_->times(); }

 private:
  void follow_targets();
  void report_panic(int64_t now_ms);
  void sample_traffic(int64_t now_ms);

  const std::unique_ptr<HealthChecker> checker_;
  Reconciler& reconciler_;
  const DataplaneControl& dataplane_;
  CommitPacer& pacer_;
  LineBudget report_lines_;
  LineBudget panic_lines_;
  bool more_went_down_ = false;  // among those without a line of their own
  PassiveHealth passive_;
  int64_t next_sample_ms_ = 0;
  uint64_t went_up_ = 0, went_down_ = 0;
};

}  // namespace vipgate
