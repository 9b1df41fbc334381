#include "controlplane/rest/drain_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "common/json_text.h"
#include "common/unix_clock.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

// All services are looked through for it.
constexpr int64_t kLookS = 10;
// How long a real may be nobody's before it is forgotten: its source may be about to say so again;
// after a start, which may be before the cluster can be reached, much longer.
constexpr int64_t kAwaitedS = 20;
constexpr int64_t kAwaitedAtStartS = 3600;

StoreWrite drain_row(const DrainTarget& target, const Drain& drain) {
  return {std::string(DrainDesk::kSpace), to_string(target),
          std::to_string(drain.since_s) + " " + std::to_string(drain.ends_s)};
}

bool has_target(const ModelService& service, const DrainTarget& target) {
  return std::any_of(service.reals.begin(), service.reals.end(),
                     [&](const auto& real) { return target.covers(real.first); });
}

bool wants_target(const ModelService& service, const DrainTarget& target) {
  return service.is_configured() &&
         std::any_of(service.reals.begin(), service.reals.end(), [&](const auto& real) {
           return target.covers(real.first) && real.second.gone_at_s == kNever;
         });
}

}  // namespace

DrainClock drain_clock() { return {unix_ms() / 1000, monotonic_ms() / 1000}; }

Drain DrainDesk::planned(const DrainTarget& target, int64_t seconds, const DrainClock& now) const {
  const auto known = drains_.find(target);
  Drain drain;
  drain.since_s = known == drains_.end() ? now.unix_s : known->second.since_s;
  drain.awaited_until_s = now.monotonic_s + kAwaitedS;
  if (seconds == 0) return drain;
  drain.ends_s = now.unix_s + seconds;
  drain.over_at_s = now.monotonic_s + seconds;
  return drain;
}

StoreWrite DrainDesk::take_out(const DrainTarget& target, const Drain& drain) {
  drains_.insert_or_assign(target, drain);
  reconciler_.stage_drain(target, DrainStage::kDraining);
  return drain_row(target, drain);
}

StoreWrite DrainDesk::give_back(const DrainTarget& target) {
  drains_.erase(target);
  reconciler_.stage_drain(target, DrainStage::kNone);
  return {std::string(kSpace), to_string(target), std::nullopt};
}

std::vector<std::string> DrainDesk::restore(const std::map<std::string, std::string>& rows,
                                            const DrainClock& now) {
  std::vector<std::string> problems;
  for (const auto& [key, value] : rows) {
    const auto target = parse_drain_target(key);
    Drain drain;
    std::istringstream numbers(value);
    if (!target || !(numbers >> drain.since_s >> drain.ends_s)) {
      std::string problem = "'" + key + "' = '";
      problem.append(value).append("' is no drained real; it is left out");
      problems.push_back(std::move(problem));
      continue;
    }
    if (drain.ends_s != 0) drain.over_at_s = now.monotonic_s + drain.ends_s - now.unix_s;
    drain.awaited_until_s = now.monotonic_s + kAwaitedAtStartS;
    drains_.insert_or_assign(*target, drain);
    reconciler_.stage_drain(*target, DrainStage::kDraining);
  }
  return problems;
}

std::vector<StoreWrite> DrainDesk::advance(int64_t monotonic_s) {
  for (auto& [target, drain] : drains_) {
    if (drain.is_over || monotonic_s < drain.over_at_s) continue;
    drain.is_over = true;
    reconciler_.stage_drain(target, DrainStage::kOver);
    spdlog::info("drain: the time of {} is over: it gets nothing any longer", to_string(target));
  }
  std::vector<StoreWrite> writes;
  if (drains_.empty() || monotonic_s < next_look_s_) return writes;
  next_look_s_ = monotonic_s + kLookS;
  std::vector<DrainTarget> gone;
  for (auto& [target, drain] : drains_) {
    if (is_wanted(target)) {
      drain.awaited_until_s = monotonic_s + kAwaitedS;
    } else if (target.port != 0 && monotonic_s >= drain.awaited_until_s) {
      gone.push_back(target);
    }
  }
  for (const DrainTarget& target : gone) {
    spdlog::info("drain: {} is gone, and forgotten", to_string(target));
    writes.push_back(give_back(target));
  }
  return writes;
}

std::vector<ServiceKey> DrainDesk::services_of(const DrainTarget& target) const {
  std::vector<ServiceKey> keys;
  for (const auto& [key, service] : reconciler_.model().services()) {
    if (has_target(service, target)) keys.push_back(key);
  }
  return keys;
}

bool DrainDesk::is_wanted(const DrainTarget& target) const {
  const auto& services = reconciler_.model().services();
  return std::any_of(services.begin(), services.end(),
                     [&](const auto& service) { return wants_target(service.second, target); });
}

std::string DrainDesk::text(const DrainTarget& target, const Drain& drain,
                            const TrafficFigures& traffic) const {
  uint64_t flows = 0;
  for (const RealFigures& real : traffic.reals) {
    if (target.covers({real.address, real.port})) flows += real.flows;
  }
  const char* state = drain.is_over                         ? "over"
                      : flows == 0 && reconciler_.settled() ? "drained"
                                                            : "draining";
  std::string services;
  for (const ServiceKey& key : services_of(target)) {
    services += (services.empty() ? "" : ",") + json_quote(service_id(key));
  }
  return "{\"real\":" + json_quote(to_string(target)) +
         ",\"since\":" + std::to_string(drain.since_s) +
         ",\"ends\":" + (drain.ends_s == 0 ? "null" : std::to_string(drain.ends_s)) +
         ",\"state\":" + json_quote(state) + ",\"flows\":" + std::to_string(flows) +
         ",\"services\":[" + services + "]}";
}

}  // namespace vipgate
