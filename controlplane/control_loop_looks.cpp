// What the control loop looks at from time to time, as nothing tells it.
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include "controlplane/control_loop.h"

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
    spdlog::info("all workers advance again");
  } else {
    spdlog::error("a worker does not advance");
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
      spdlog::info("port {}: link up", port);
      reconciler_.repeat_announcements();
    } else {
      spdlog::warn("port {}: link down", port);
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
  for (const std::string& line : snat_watch_.look(exhausted, now)) {
    spdlog::warn("{}", line);
    events_->publish("limit", {{"what", "snat"}, {"state", "full"}, {"detail", line}});
  }
  const std::string limited = dns_rate_watch_.look(dataplane_.dns_rate_figures(), now);
  if (limited.empty()) return;
  spdlog::warn("{}", limited);
  events_->publish("flood", {{"what", "dns"}, {"detail", limited}});
}

}  // namespace vipgate
