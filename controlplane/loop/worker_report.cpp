#include "controlplane/loop/worker_report.h"

#include "common/json_text.h"

namespace vipgate {
namespace {

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string bursts_text(const LoopFigures& figures) {
  std::string text = "{";
  for (size_t i = 0; i < kBurstFills; ++i) {
    if (figures.bursts[i] == 0) continue;
    text += (text.size() > 1 ? ",\"" : "\"") + std::to_string(1u << i) +
            "\":" + std::to_string(figures.bursts[i]);
  }
  return text + "}";
}

}  // namespace

std::string loop_times_text(const LoopFigures::Loops& loops, double ns_per_tick) {
  std::string text = "{\"count\":" + std::to_string(loops.count());
  for (const int percent : {50, 99, 100}) {
    const auto ticks = static_cast<double>(loops.percentile(percent));
    text += ",\"p" + std::to_string(percent) + "\":" + json_number(ticks * ns_per_tick, 0);
  }
  return text + "}";
}

std::string WorkerReport::next(const WorkerFigures& figures) {
  last_.workers.resize(figures.workers.size());
  const double ns_per_tick = 1e9 * share(1, figures.ticks_per_second);
  std::string text = "[";
  for (size_t i = 0; i < figures.workers.size(); ++i) {
    const LoopFigures window = figures.workers[i].since(last_.workers[i]);
    const uint64_t all = window.all_ticks();
    text += (i == 0 ? "" : ",") + std::string("{\"worker\":") + std::to_string(i) +
            ",\"window_ms\":" + json_number(static_cast<double>(all) * ns_per_tick / 1e6, 0) +
            ",\"busy_percent\":" + json_number(100 * window.busy_ratio(), 2) +
            ",\"asleep_percent\":" + json_number(100 * share(window.asleep_ticks, all), 2) +
            ",\"packets\":" + std::to_string(window.packets) +
            ",\"cycles_per_packet\":" + json_number(window.ticks_per_packet(), 1) +
            ",\"bursts\":" + bursts_text(window) +
            ",\"busy_loop_ns\":" + loop_times_text(window.busy, ns_per_tick) +
            ",\"idle_loop_ns\":" + loop_times_text(window.idle, ns_per_tick) + "}";
  }
  last_ = figures;
  return text + "]";
}

}  // namespace vipgate
