// Putting a configuration in force while packets are forwarded, and what is said of it.
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <sstream>
#include <utility>

#include "controlplane/config/config_reader.h"
#include "controlplane/config/config_reader_watch.h"
#include "controlplane/event_log.h"
#include "controlplane/logging.h"
#include "controlplane/loop/control_loop.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

void notify_reloading() {
  const int64_t now_us = monotonic_ns() / 1000;
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us)).c_str());
}

// "a, b, c, …"
template <class Set, class Text>
std::string first_few(const Set& set, const Text& text) {
  constexpr size_t kFew = 3;
  std::string list;
  size_t count = 0;
  for (const auto& item : set) {
    if (count++ == kFew) return list + ", …";
    list += (list.empty() ? "" : ", ") + text(item);
  }
  return list;
}

void log_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) spdlog::error("{}", line);
}

}  // namespace

// An error: nothing has changed, the addresses of VIPs among it.
Result<ReloadOutcome> ControlLoop::put_in_force(Config& config) {
  feeds_->require_store(config);
  auto resolved = feeds_->resolve(config);
  if (!resolved) return Error{resolved.error()};
  auto outcome = apply(config);
  if (!outcome) return outcome;
  feeds_->adopt(std::move(*resolved));
  feeds_->follow(reconciler_.config());
  return outcome;
}

void ControlLoop::reload() {
  notify_reloading();
  const std::string file = reconciler_.config().file;
  auto config = read_config(file);
  const WatchConfig watched = reconciler_.config().watch;
  auto outcome = config ? put_in_force(*config) : Result<ReloadOutcome>(Error{config.error()});
  if (!outcome) {
    file_problem_ = outcome.error();
    log_lines(outcome.error());
    log_event(spdlog::level::err, "reload_failed", {{"file", file}, {"why", outcome.error()}},
              "reload of {} failed: the configuration in force stays", file);
    events_->publish("reload", {{"state", "refused"}, {"detail", outcome.error()}});
  } else {
    file_problem_.clear();
    file_read_ms_ = monotonic_ms();
    for (const std::string& key : outcome->needs_restart) {
      log_event(spdlog::level::warn, "needs_restart", {{"key", key}},
                "{} has changed, which needs a restart: the old value stays in force", key);
    }
    report_problems(*outcome);
    set_log_level(config->log.level);
    const ModelChange& change = outcome->change;
    log_event(spdlog::level::info, "reloaded",
              {{"file", file},
               {"services_added", change.services_added},
               {"services_removed", change.services_removed},
               {"services_changed", change.services_changed},
               {"reals_added", change.reals_added},
               {"reals_removed", change.reals_removed},
               {"reals_changed", change.reals_changed}},
              "configuration reloaded: services +{} -{} ~{}, reals +{} -{} ~{}",
              change.services_added, change.services_removed, change.services_changed,
              change.reals_added, change.reals_removed, change.reals_changed);
    events_->publish("reload", {{"state", "in_force"}});
    report_routes();
    dns_listeners_->follow(reconciler_.config(), reconciler_.down_resolvers());
    if (reconciler_.config().watch != watched) {
      watches_.follow(watch_options(reconciler_.config()));
    }
  }
  sd_notify(0, "READY=1");
}

void ControlLoop::report_problems(const ReloadOutcome& outcome) {
  for (const std::string& problem : outcome.problems) spdlog::error("{}", problem);
}

// Large configurations can have very many of these: a line for each would bury all others.
void ControlLoop::report_routes() {
  const std::set<IpAddress>& unreachable = reconciler_.unreachable();
  if (unreachable != reported_unreachable_) {
    reported_unreachable_ = unreachable;
    if (!unreachable.empty()) {
      log_event(spdlog::level::warn, "reals_unreachable", {{"count", unreachable.size()}},
                "no port's prefix, gateway or route of the kernel leads to {} reals: {}",
                unreachable.size(), first_few(unreachable, [this](const IpAddress& address) {
                  return to_string(address) + " (" + reconciler_.why_unreachable(address) + ")";
                }));
    }
  }
  std::set<NextHop> unknown;
  for (const NextHop& next_hop : reconciler_.unresolved()) {
    if (dataplane_.interface_name(next_hop.port).empty()) unknown.insert(next_hop);
  }
  if (unknown == reported_unknown_) return;
  reported_unknown_ = unknown;
  if (unknown.empty()) return;
  const auto& ports = reconciler_.config().ports;
  log_event(
      spdlog::level::warn, "next_hops_unknown", {{"count", unknown.size()}},
      "the link-layer addresses of {} next hops are unknown, as their ports have no kernel side; "
      "add "
      "them to the port's `neighbors` or set `kernel: true`: {}",
      unknown.size(), first_few(unknown, [&](const NextHop& next_hop) {
        return to_string(next_hop.address) + " on '" + ports[next_hop.port].name + "'";
      }));
}

}  // namespace vipgate
