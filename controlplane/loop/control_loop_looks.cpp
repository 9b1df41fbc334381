// What the control loop looks at from time to time, as nothing tells it.
#include <systemd/sd-daemon.h>

#include <algorithm>

#include "controlplane/event_log.h"
#include "controlplane/loop/control_loop.h"

namespace vipgate {
namespace {

// How often to look whether all workers advance.
constexpr int64_t kWorkersMs = 1'000;
// How often to look for link: the routers' own routes by a port that is lost go about as fast.
constexpr int64_t kLinksMs = 250;
// How often to look whether SNAT pools have refused flows.
constexpr int64_t kPoolsMs = 1'000;
// How often to look for errors about tunnels' packets: not above what clients wait before they send
// a packet again.
constexpr int64_t kTunnelsMs = 200;
// Which part of the room for flows goes in a second where somebody floods it: a table that is full
// of flows which nobody answers has lost them all in a quarter of an hour.
constexpr uint64_t kFloodPart = 1000;
constexpr uint64_t kFloodLeast = 10;  // flows a second, of small tables

}  // namespace

// The service manager's watchdog hears of us from here, so that it hears nothing when this thread
// or a worker is stuck, and starts us anew.
void ControlLoop::look_at_workers(int64_t now) {
  if (now < next_workers_ms_) return;
  next_workers_ms_ = now + kWorkersMs;
  const bool did_advance = workers_advance_;
  WorkerFigures figures = dataplane_.worker_figures();
  workers_advance_ = worker_progress_.note(figures, now);
  worker_window_.note(std::move(figures));
  if (workers_advance_) sd_notify(0, "WATCHDOG=1");
  if (did_advance == workers_advance_) return;
  events_->publish("workers", {{"state", workers_advance_ ? "advancing" : "stuck"}});
  if (workers_advance_) {
    log_event(spdlog::level::info, "workers_advance", {}, "all workers advance again");
  } else {
    log_event(spdlog::level::err, "workers_stuck", {}, "a worker does not advance");
  }
}

// A link that comes back may lead to others than before, who do not know our addresses yet.
void ControlLoop::look_at_links(int64_t now) {
  if (now < next_links_ms_) return;
  next_links_ms_ = now + kLinksMs;
  std::vector<bool> up;
  for (size_t i = 0; i < reconciler_.config().ports.size(); ++i) {
    up.push_back(dataplane_.link_up(i));
  }
  for (const auto& [port, is_up] : links_.note(up)) {
    events_->publish("port", {{"port", port}, {"link", is_up ? "up" : "down"}});
    if (is_up) {
      log_event(spdlog::level::info, "link_up", {{"port", port}}, "port {}: link up", port);
      reconciler_.repeat_announcements();
    } else {
      log_event(spdlog::level::warn, "link_down", {{"port", port}}, "port {}: link down", port);
    }
  }
}

void ControlLoop::look_at_tunnels(int64_t now) {
  if (now < next_tunnels_ms_) return;
  next_tunnels_ms_ = now + kTunnelsMs;
  report(reconciler_.tunnel_errors(dataplane_.take_tunnel_errors(), now / 1000));
}

void ControlLoop::look_at_pools(int64_t now) {
  if (now < next_pools_ms_) return;
  next_pools_ms_ = now + kPoolsMs;
  const std::vector<uint64_t> exhausted = dataplane_.snat_exhausted();
  for (const SnatTurn& turn : snat_watch_.look(exhausted, now)) {
    log_event(spdlog::level::warn, "snat_exhausted",
              {{"pool", turn.pool}, {"family", turn.family}, {"refused", turn.refused}}, "{}",
              turn.detail);
    events_->publish("limit", {{"what", "snat"}, {"state", "full"}, {"detail", turn.detail}});
  }
  dataplane_.count_snat_flows();
  if (const auto turn = dns_rate_watch_.look(dataplane_.dns_rate_figures(), now)) {
    log_event(spdlog::level::warn, "dns_rate_limited",
              {{"dropped", turn->dropped}, {"truncated", turn->truncated}}, "{}", turn->detail);
  }
  look_at_floods(now);
  look_at_drops(now);
}

void ControlLoop::look_at_drops(int64_t now) {
  if (!drop_watch_.is_due(now)) return;
  const auto turn = drop_watch_.look(dataplane_.counters(), now);
  if (!turn) return;
  log_event(spdlog::level::warn, "drops",
            {{"dropped", turn->dropped},
             {"received", turn->received},
             {"seconds", turn->seconds},
             {"reasons", turn->reasons}},
            "{} of {} packets were dropped in {} s: {}", turn->dropped, turn->received,
            turn->seconds, turn->reasons);
}

// A flood of connections is told from a rush by what it does: flows that nobody has answered go for
// want of room, or new ones find none.
void ControlLoop::look_at_floods(int64_t now) {
  const auto tell = [this](const char* what, const FloodTurn& turn, const std::string& detail) {
    log_event(
        spdlog::level::warn, turn.has_begun ? "flood" : "flood_over",
        {{"what", what}, {"count", turn.count}, {"per_s", turn.per_s}, {"seconds", turn.seconds}},
        "{}", detail);
    events_->publish("flood", {{"what", what},
                               {"state", turn.has_begun ? "begun" : "over"},
                               {"count", turn.count},
                               {"per_s", turn.per_s},
                               {"seconds", turn.seconds},
                               {"detail", detail}});
  };
  const auto numbers = [](const FloodTurn& turn) {
    return std::to_string(turn.count) + " in " + std::to_string(turn.seconds) + " s, up to " +
           std::to_string(turn.per_s) + " a second";
  };
  uint64_t lost = 0, room = 0;
  for (const WorkerTables& worker : dataplane_.tables()) {
    lost += worker.flows_evicted + worker.flows_refused;
    room += reconciler_.config().limits.flows_per_worker;
  }
  if (const auto turn = flow_flood_.look(lost, std::max(room / kFloodPart, kFloodLeast), now)) {
    const std::string detail =
        turn->has_begun
            ? "a flood of new flows: unanswered ones went for want of room, or found none: " +
                  numbers(*turn) + ", of room for " + std::to_string(room) +
                  "; see `vipctl services`, and bound it with new_flows_per_s of the service"
            : "the flood of new flows is over: " + numbers(*turn);
    tell("flows", *turn, detail);
  }
  // Any reply over the limit is one that nobody should have asked for.
  const DnsRateFigures dns = dataplane_.dns_rate_figures();
  if (const auto turn = dns_flood_.look(dns.dropped + dns.truncated, 0, now)) {
    tell("dns", *turn,
         (turn->has_begun ? "DNS replies are over dns.rate_limit: "
                          : "DNS replies are within dns.rate_limit again: ") +
             numbers(*turn));
  }
}

}  // namespace vipgate
