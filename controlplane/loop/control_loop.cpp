#include "controlplane/loop/control_loop.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "common/json_text.h"
#include "common/system_error.h"
#include "controlplane/config/config_reader_watch.h"
#include "controlplane/event_log.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

// How soon to look again whether the workers have moved on, and to announce further addresses.
constexpr int64_t kPendingMs = 2;
// From the end of the announcements to the end of forwarding.
constexpr int64_t kWithdrawnMs = 2'000;

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void ControlLoop::block_signals() {
  const sigset_t set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

ControlLoop::ControlLoop(const ControlLoopOptions& options, DataplaneControl& dataplane,
                         std::unique_ptr<NeighborKeeper> neighbors,
                         std::unique_ptr<RouteKeeper> routes)
    : dataplane_(dataplane),
      cookie_secret_(options.cookie_secret),
      neighbors_(std::move(neighbors)),
      routes_(std::move(routes)),
      reconciler_(
          options.config, dataplane,
          [this](const NextHop& next_hop) { return neighbors_->find(next_hop); }, options.secret,
          parallel_ring_runner(),
          [this](const IpAddress& destination, int above) {
            return routes_->find(destination, above);
          }),
      watches_(dataplane),
      links_(options.config),
      snat_watch_(options.config) {}

Result<std::unique_ptr<ControlLoop>> ControlLoop::create(const ControlLoopOptions& options,
                                                         DataplaneControl& dataplane) {
  std::vector<std::string> interfaces;
  for (size_t i = 0; i < options.config.ports.size(); ++i) {
    interfaces.push_back(dataplane.interface_name(i));
  }
  auto routes = RouteKeeper::create(interfaces);
  if (!routes) return Error{routes.error()};
  auto neighbors = NeighborKeeper::create(interfaces);
  if (!neighbors) return Error{neighbors.error()};
  std::unique_ptr<ControlLoop> loop(
      new ControlLoop(options, dataplane, std::move(*neighbors), std::move(*routes)));
  if (auto status = loop->open(); !status) return Error{status.error()};
  loop->dns_listeners_ = std::make_unique<DnsListeners>(
      loop->answer_dns(), loop->answer_dns_datagram(), std::move(interfaces));
  auto feeds = Feeds::create(options.config, loop->reconciler_, dataplane);
  if (!feeds) return Error{feeds.error()};
  loop->feeds_ = std::move(*feeds);
  if (options.config.announce.table != 0) {
    auto announcer = RouteAnnouncer::create(options.config.announce);
    if (!announcer) return Error{announcer.error()};
    loop->route_announcer_ = std::move(*announcer);
  }
  return loop;
}

Status ControlLoop::open() {
  epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  if (epoll_.get() < 0) return system_error("epoll_create1");
  const sigset_t set = our_signals();
  signals_ = FileDescriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (signals_.get() < 0) return system_error("signalfd");
  timer_ = FileDescriptor(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (timer_.get() < 0) return system_error("timerfd_create");
  for (const int fd : {signals_.get(), timer_.get(), neighbors_->fd(), routes_->fd()}) {
    if (auto status = watch(fd); !status) return status;
  }
  return Done{};
}

Status ControlLoop::watch(int fd) {
  if (fd < 0) return Done{};
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl");
  return Done{};
}

// An error: nothing has changed.
Result<ReloadOutcome> ControlLoop::apply(Config& config) {
  DnsCookieConfig& cookies = config.dns.cookies;
  if (cookies.enabled && cookies.secrets.empty()) cookies.secrets = {cookie_secret_};
  return reconciler_.apply(config, monotonic_ms() / 1000);
}

// Those that are new.
Status ControlLoop::watch_clients() {
  for (const auto& client : feeds_->clients().subspan(watched_clients_)) {
    if (auto status = watch(client->fd()); !status) return status;
    ++watched_clients_;
  }
  return Done{};
}

// With what was stored; what the sources say comes later, if they can be reached.
Status ControlLoop::publish_first() {
  Config config = reconciler_.config();
  auto resolved = feeds_->resolve(config);
  if (!resolved) return Error{resolved.error()};
  feeds_->adopt(std::move(*resolved));
  feeds_->restore_sources(config);
  auto outcome = apply(config);
  if (!outcome) return Error{outcome.error()};
  file_read_ms_ = monotonic_ms();
  report_problems(*outcome);
  report_routes();
  dns_listeners_->follow(reconciler_.config(), reconciler_.down_resolvers());
  if (auto wanted = watch_options(reconciler_.config())) watches_.follow(std::move(wanted));
  return Done{};
}

Status ControlLoop::run() {
  if (auto status = publish_first(); !status) return status;
  if (auto status = feeds_->start(monotonic_ms()); !status) return status;
  if (auto status = start_api(); !status) return status;
  while (!stop_) {
    if (auto status = watch_clients(); !status) return status;
    act();
    epoll_event events[8];
    const int count = epoll_wait(epoll_.get(), events, 8, -1);
    if (count < 0 && errno != EINTR) return system_error("epoll_wait");
    for (int i = 0; i < count; ++i) handle(events[i].data.fd);
  }
  sd_notify(0, "STOPPING=1");
  log_counters();
  log_event(spdlog::level::info, "stopping", {}, "stopping");
  feeds_->flush();
  return Done{};
}

void ControlLoop::handle(int fd) {
  if (fd == signals_.get()) {
    handle_signals();
  } else if (fd == timer_.get()) {
    uint64_t expirations = 0;
    [[maybe_unused]] const ssize_t length = read(fd, &expirations, sizeof expirations);
  } else if (fd == neighbors_->fd()) {
    if (neighbors_->process()) report(reconciler_.neighbors_changed(monotonic_ms() / 1000));
  } else if (fd == routes_->fd()) {
    routes_->process(monotonic_ms());
  } else {
    // What is processed may bring a further client.
    for (size_t i = 0; i < feeds_->clients().size(); ++i) {
      LoopClient& client = *feeds_->clients()[i];
      if (client.fd() == fd) client.process(monotonic_ms());
    }
  }
}

// What is due now, and the timer for what is due next.
void ControlLoop::act() {
  const int64_t now = monotonic_ms();
  dataplane_.note_wall_clock();
  health_.alive_at_ms = now;
  feeds_->act(now);
  dns_listeners_->follow_resolvers(reconciler_.config(), reconciler_.down_resolvers());
  report(reconciler_.tick(now / 1000));
  // A gateway whose address the kernel knows already is put in force without an event.
  follow_neighbors(now);
  follow_routes(now);
  follow_neighbors(now);
  look_at_workers(now);
  look_at_links(now);
  look_at_tunnels(now);
  announce(now);
  look_at_pools(now);
  tell_events(now);
  served_dns_.show(reconciler_.dns_answers());
  if (now >= stop_at_ms_) stop_ = true;
  next_refresh_ms_ = neighbors_->refresh(reconciler_.unresolved(), now);
  if (!is_ready_ && reconciler_.settled()) {
    is_ready_ = true;
    health_.is_ready = true;
    sd_notify(0, "READY=1");
    events_->publish("ready");
    const Model& model = reconciler_.model();
    log_event(spdlog::level::info, "ready",
              {{"services", model.services().size()},
               {"reals", model.configured_reals()},
               {"snapshot", reconciler_.version()}},
              "ready: {} services are served by all workers", model.services().size());
  }
  arm_timer(now);
}

void ControlLoop::follow_routes(int64_t now) {
  const auto changed = routes_->advance(
      [this](const NextHop& next_hop) {
        const auto known = static_neighbor(reconciler_.config().ports, next_hop);
        return known ? known : neighbors_->find(next_hop);
      },
      now);
  if (!changed) return;
  const int64_t began = monotonic_ms();
  report(reconciler_.routes_changed(*changed, now / 1000));
  const int64_t ended = monotonic_ms();
  routes_->rest_after(ended - began, ended);
}

void ControlLoop::announce(int64_t now) {
  const auto changes = reconciler_.take_serving_changes();
  if (route_announcer_ == nullptr) return;
  route_announcer_->update(changes, reconciler_.version());
  if (!workers_advance_) {
    route_announcer_->suspend("a worker does not advance");
  } else if (!links_.clients_can_come(reconciler_.real_ports())) {
    route_announcer_->suspend("no port by which clients come has link");
  } else {
    route_announcer_->suspend("");
  }
  route_announcer_->advance(reconciler_.passed(), now);
}

// Beside the next hops in use, the gateways that are to come into use: those of routes, and those
// that are configured. What a cluster has behind one of these would else be compiled twice, the
// second time as soon as the gateway has answered.
void ControlLoop::follow_neighbors(int64_t now) {
  const bool has_changed = reconciler_.routes_version() != followed_version_;
  if (!has_changed && routes_->awaited() == followed_awaited_) return;
  if (has_changed) report_routes();
  followed_version_ = reconciler_.routes_version();
  followed_awaited_ = routes_->awaited();
  std::set<NextHop> next_hops = reconciler_.next_hops();
  next_hops.insert(followed_awaited_.begin(), followed_awaited_.end());
  next_hops.merge(unresolved_gateways(reconciler_.config().ports));
  if (neighbors_->follow(next_hops)) report(reconciler_.neighbors_changed(now / 1000));
}

void ControlLoop::arm_timer(int64_t now) {
  int64_t next = std::min({next_refresh_ms_, feeds_->next_deadline_ms(), routes_->next_ms(now)});
  next = std::min(
      {next, next_workers_ms_, next_links_ms_, next_pools_ms_, next_tunnels_ms_, stop_at_ms_});
  if (route_announcer_ != nullptr) next = std::min(next, route_announcer_->next_ms(now));
  if (reconciler_.is_pending()) next = std::min(next, now + kPendingMs);
  if (reconciler_.next_deadline_s() != kNever) {
    next = std::min(next, reconciler_.next_deadline_s() * 1000);
  }
  itimerspec spec{};
  if (next != INT64_MAX) {
    next = std::max(next, now + kPendingMs);
    spec.it_value.tv_sec = next / 1000;
    spec.it_value.tv_nsec = next % 1000 * 1'000'000;
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void ControlLoop::handle_signals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGHUP:
        reload();
        break;
      case SIGUSR1:
        log_counters();
        break;
      default:
        begin_to_stop();
    }
  }
}

// Routers follow the routes' going while packets are forwarded still; told again, it stops at once.
void ControlLoop::begin_to_stop() {
  health_.is_ready = false;
  events_->publish("stopping");
  if (route_announcer_ == nullptr) {
    stop_ = true;
    return;
  }
  sd_notify(0, "STOPPING=1");
  route_announcer_.reset();
  stop_at_ms_ = monotonic_ms() + kWithdrawnMs;
  log_event(spdlog::level::info, "withdrawn", {{"forwarding_ms", kWithdrawnMs}},
            "announce: all routes are withdrawn; packets are forwarded for {} ms more",
            kWithdrawnMs);
}

void ControlLoop::report(const Status& status) {
  if (!status) spdlog::error("{}", status.error());
}

}  // namespace vipgate
