#include "controlplane/rest/drain_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "common/json_text.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

// All services are looked through for it.
constexpr int64_t kLookS = 10;

StoreWrite drain_row(const DrainTarget& target, const Drain& drain) {
  return {std::string(DrainDesk::kSpace), to_string(target),
          std::to_string(drain.since_s) + " " + std::to_string(drain.ends_s)};
}

bool has_target(const ModelService& service, const DrainTarget& target) {
  return std::any_of(service.reals.begin(), service.reals.end(),
                     [&](const auto& real) { return target.covers(real.first); });
}

}  // namespace

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Drain DrainDesk::planned(const DrainTarget& target, int64_t seconds, int64_t now_s) const {
  const auto known = drains_.find(target);
  Drain drain = known == drains_.end() ? Drain{.since_s = now_s} : known->second;
  drain.ends_s = seconds == 0 ? 0 : now_s + seconds;
  drain.is_over = false;
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

std::vector<std::string> DrainDesk::restore(const std::map<std::string, std::string>& rows) {
  std::vector<std::string> problems;
  for (const auto& [key, value] : rows) {
    const auto target = parse_drain_target(key);
    Drain drain;
    std::istringstream numbers(value);
    if (!target || !(numbers >> drain.since_s >> drain.ends_s)) {
      problems.push_back("'" + key + "' = '" + value + "' is no drained real; it is left out");
      continue;
    }
    drains_.insert_or_assign(*target, drain);
    reconciler_.stage_drain(*target, DrainStage::kDraining);
  }
  return problems;
}

std::vector<StoreWrite> DrainDesk::advance(int64_t now_s) {
  for (auto& [target, drain] : drains_) {
    if (drain.is_over || drain.ends_s == 0 || now_s < drain.ends_s) continue;
    drain.is_over = true;
    has_changed_ = true;
    reconciler_.stage_drain(target, DrainStage::kOver);
    spdlog::info("drain: the time of {} is over: it gets nothing any longer", to_string(target));
  }
  std::vector<StoreWrite> writes;
  if (drains_.empty() || now_s < next_look_s_) return writes;
  next_look_s_ = now_s + kLookS;
  std::vector<DrainTarget> gone;
  for (auto& [target, drain] : drains_) {
    const bool is_there = !services_of(target).empty();
    if (!is_there && drain.was_seen && target.port != 0) gone.push_back(target);
    drain.was_seen |= is_there;
  }
  for (const DrainTarget& target : gone) {
    spdlog::info("drain: {} is gone, and forgotten", to_string(target));
    writes.push_back(give_back(target));
  }
  return writes;
}

bool DrainDesk::has_changed() { return std::exchange(has_changed_, false); }

std::vector<ServiceKey> DrainDesk::services_of(const DrainTarget& target) const {
  std::vector<ServiceKey> keys;
  for (const auto& [key, service] : reconciler_.model().services()) {
    if (has_target(service, target)) keys.push_back(key);
  }
  return keys;
}

std::vector<ServiceKey> DrainDesk::emptied_by(const DrainTarget& target) const {
  std::vector<ServiceKey> keys;
  for (const auto& [key, service] : reconciler_.model().services()) {
    if (!service.is_configured() || !service.has_takers()) continue;
    const bool has_others = std::any_of(
        service.reals.begin(), service.reals.end(),
        [&](const auto& real) { return real.second.takes_flows() && !target.covers(real.first); });
    if (!has_others) keys.push_back(key);
  }
  return keys;
}

std::string DrainDesk::text(const DrainTarget& target, const Drain& drain,
                            const TrafficFigures& traffic) const {
  uint64_t flows = 0;
  for (const RealFigures& real : traffic.reals) {
    if (target.covers({real.address, real.port})) flows += real.flows;
  }
  const char* state = drain.is_over ? "over" : flows == 0 ? "drained" : "draining";
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
