#include "controlplane/rest/drain_desk.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "common/json_text.h"
#include "common/unix_clock.h"
#include "controlplane/event_log.h"
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
    log_event(spdlog::level::info, "drain_over", {{"real", to_string(target)}},
              "drain: the time of {} is over: it gets nothing any longer", to_string(target));
  }
  std::vector<StoreWrite> writes;
  if (drains_.empty() || monotonic_s < next_look_s_) return writes;
  next_look_s_ = monotonic_s + kLookS;
  std::vector<DrainTarget> gone;
  const Uses all = uses({});
  for (auto& [target, drain] : drains_) {
    if (all.at(target).is_wanted) {
      drain.awaited_until_s = monotonic_s + kAwaitedS;
    } else if (target.port != 0 && monotonic_s >= drain.awaited_until_s) {
      gone.push_back(target);
    }
  }
  for (const DrainTarget& target : gone) {
    log_event(spdlog::level::info, "drain_forgotten", {{"real", to_string(target)}},
              "drain: {} is gone, and forgotten", to_string(target));
    writes.push_back(give_back(target));
  }
  return writes;
}

DrainDesk::Uses DrainDesk::uses_of(const std::set<DrainTarget>& targets,
                                   const TrafficFigures& traffic) const {
  Uses uses;
  for (const DrainTarget& target : targets) uses.try_emplace(target);
  // A real may be meant by itself and by its address.
  const auto visit = [&](const RealKey& real, const auto& note) {
    for (const uint16_t port : {real.port, uint16_t{0}}) {
      const auto use = uses.find({real.address, port});
      if (use != uses.end()) note(use->second);
      if (port == 0) return;
    }
  };
  for (const auto& [key, service] : reconciler_.model().services()) {
    for (const auto& [real, state] : service.reals) {
      const bool is_wanted = service.is_configured() && state.gone_at_s == kNever;
      visit(real, [&, &key = key](Use& use) {
        if (use.services.empty() || use.services.back() != key) use.services.push_back(key);
        use.is_wanted = use.is_wanted || is_wanted;
      });
    }
  }
  for (const RealFigures& real : traffic.reals) {
    visit({real.address, real.port}, [&](Use& use) { use.flows += real.flows; });
  }
  return uses;
}

DrainDesk::Uses DrainDesk::uses(const TrafficFigures& traffic) const {
  std::set<DrainTarget> targets;
  for (const auto& [target, drain] : drains_) targets.insert(targets.end(), target);
  return uses_of(targets, traffic);
}

std::string DrainDesk::text(const DrainTarget& target, const Drain& drain, const Use& use) const {
  const char* state = drain.is_over                             ? "over"
                      : use.flows == 0 && reconciler_.settled() ? "drained"
                                                                : "draining";
  std::string services;
  for (const ServiceKey& key : use.services) {
    services += (services.empty() ? "" : ",") + json_quote(service_id(key));
  }
  return "{\"real\":" + json_quote(to_string(target)) +
         ",\"since\":" + std::to_string(drain.since_s) +
         ",\"ends\":" + (drain.ends_s == 0 ? "null" : std::to_string(drain.ends_s)) +
         ",\"state\":" + json_quote(state) + ",\"flows\":" + std::to_string(use.flows) +
         ",\"services\":[" + services + "]}";
}

}  // namespace vipgate
