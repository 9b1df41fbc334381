#include "controlplane/health/check_engine.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <tuple>

#include "common/system_error.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

constexpr uint64_t kWakeTag = UINT64_MAX;
constexpr int kEventsAtOnce = 512;
// So that answers do not wait while very many checks begin.
constexpr int kDueAtOnce = 256;
// Checks that cannot be made fail in masses: the log hears of it once in a while.
constexpr int64_t kComplaintMs = 60'000;
// Servers close what is idle, and firewalls forget it without a word: between checks that are
// farther apart no connection is kept.
constexpr uint32_t kMaxIdleS = 30;
// After the process ran out of files, no connection is kept for so long.
constexpr int64_t kShortOfFilesMs = 60'000;

auto tie(const HealthConfig& config) {
  return std::tie(config.type, config.interval_s, config.timeout_ms, config.rise, config.fall,
                  config.port, config.path, config.host, config.status_min, config.status_max,
                  config.verify);
}

// Of the target, not of when or how often it is checked: stable over reloads.
uint64_t identity_of(const RealKey& real, const HealthConfig& config) {
  return std::hash<std::string>()(endpoint_to_string(real.address, real.port) + config.path +
                                  std::to_string(static_cast<int>(config.type)));
}

}  // namespace

bool CheckEngine::CheckSpec::operator<(const CheckSpec& other) const {
  if (real != other.real) return real < other.real;
  if (sends_proxy_header != other.sends_proxy_header) return other.sends_proxy_header;
  return tie(config) < tie(other.config);
}

CheckEngine::CheckEngine(const HealthCheckerOptions& options, Report report, int64_t second_ms)
    : report_(std::move(report)),
      second_ms_(second_ms),
      plan_(options.seed, std::max<uint32_t>(1, options.max_in_flight)),
      random_(options.seed),
      max_kept_(options.max_kept),
      max_checks_per_connection_(std::max<uint32_t>(1, options.max_checks_per_connection)) {}

Result<std::unique_ptr<CheckEngine>> CheckEngine::create(const HealthCheckerOptions& options,
                                                         int wake_fd, Report report,
                                                         int64_t second_ms) {
  std::unique_ptr<CheckEngine> engine(new CheckEngine(options, std::move(report), second_ms));
  engine->epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeTag}};
  if (engine->epoll_.get() < 0 ||
      epoll_ctl(engine->epoll_.get(), EPOLL_CTL_ADD, wake_fd, &event) != 0) {
    return system_error("health checks: epoll");
  }
  return engine;
}

void CheckEngine::add(uint64_t id, const RealKey& real, const HealthConfig& config,
                      bool sends_proxy_header) {
  Subscription& subscription = subscriptions_[id];
  counters_.targets.add(subscriptions_.size() - counters_.targets.value());
  if (config.type == HealthType::kNone) {
    leave_check(id, subscription);
    return tell(id, subscription, RealHealth::kUnknown, "no longer checked");
  }
  const auto [entry, is_new] = by_spec_.try_emplace({real, config, sends_proxy_header}, kNone);
  if (is_new) {
    const CheckTiming timing{.interval_ms = config.interval_s * second_ms_,
                             .timeout_ms = config.timeout_ms,
                             .thresholds = {config.rise, config.fall}};
    entry->second = plan_.add(timing, identity_of(real, config), monotonic_ms());
    if (checks_.size() <= entry->second) checks_.resize(entry->second + size_t{1});
    checks_[entry->second].spec = &entry->first;
  }
  const uint32_t number = entry->second;
  if (subscription.check == number) return;
  leave_check(id, subscription);
  subscription.check = number;
  checks_[number].subscriptions.push_back(id);
  const RealHealth health = plan_.health(number);
  if (health != RealHealth::kUnknown) tell(id, subscription, health, checks_[number].why);
}

void CheckEngine::remove(uint64_t id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return;
  leave_check(id, found->second);
  subscriptions_.erase(found);
  counters_.targets.add(subscriptions_.size() - counters_.targets.value());
}

// The last one to leave ends the check.
void CheckEngine::leave_check(uint64_t id, Subscription& subscription) {
  if (subscription.check == kNone) return;
  const uint32_t number = std::exchange(subscription.check, kNone);
  Check& check = checks_[number];
  std::erase(check.subscriptions, id);
  if (!check.subscriptions.empty()) return;
  by_spec_.erase(by_spec_.find(*check.spec));
  plan_.remove(number);
  forget(check);
  // The count of connections goes on: the number will be used again.
  const uint32_t connection = check.connection;
  check = Check{};
  check.connection = connection;
}

void CheckEngine::suspect(uint64_t id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || found->second.check == kNone) return;
  counters_.suspicions.add();
  // An old connection may work where no new one is accepted.
  Check& check = checks_[found->second.check];
  check.checks_left = 0;
  if (check.is_kept) forget(check);
  plan_.suspect(found->second.check, monotonic_ms());
}

Status CheckEngine::run_once() {
  int timeout_ms = -1;
  if (const auto due_ms = plan_.next_due_ms()) {
    timeout_ms = static_cast<int>(std::clamp<int64_t>(*due_ms - monotonic_ms(), 0, INT_MAX));
  }
  if (auto status = handle_events(timeout_ms); !status) return status;
  handle_due();
  counters_.in_flight.add(plan_.in_flight() - counters_.in_flight.value());
  counters_.waiting.add(plan_.waiting() - counters_.waiting.value());
  return Done{};
}

// All of them, before any time-out is looked at: when this thread was held up, the answers that
// came in time lie in the sockets.
Status CheckEngine::handle_events(int timeout_ms) {
  std::array<epoll_event, kEventsAtOnce> events;
  for (int count = kEventsAtOnce; count == kEventsAtOnce; timeout_ms = 0) {
    count = epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, timeout_ms);
    if (count < 0) {
      if (errno == EINTR) return Done{};
      return system_error("health checks: epoll");
    }
    for (int i = 0; i < count; ++i) handle_event(events[i].data.u64, events[i].events);
  }
  return Done{};
}

void CheckEngine::handle_event(uint64_t tag, uint32_t events) {
  if (tag == kWakeTag) return;
  const auto number = static_cast<uint32_t>(tag);
  Check& check = checks_[number];
  // Of a probe that ended earlier in this round.
  if (check.probe == nullptr || check.connection != tag >> 32) return;
  if (check.is_kept) {
    if (!check.probe->take_rest()) forget(check);
    return;
  }
  const auto verdict = check.probe->proceed(events);
  if (verdict) settle(number, verdict, monotonic_ms());
}

void CheckEngine::handle_due() {
  const int64_t now_ms = monotonic_ms();
  for (int i = 0; i < kDueAtOnce; ++i) {
    const auto due = plan_.take_due(now_ms);
    if (!due) return;
    if (due->kind == CheckPlan::Due::Kind::kStart) {
      begin(due->check, now_ms);
      continue;
    }
    const Check& check = checks_[due->check];
    const char* what = check.probe->is_connected() ? "no reply within " : "no connection within ";
    conclude(due->check, failed(what + std::to_string(check.spec->config.timeout_ms) + " ms"),
             now_ms);
  }
}

void CheckEngine::begin(uint32_t number, int64_t now_ms) {
  Check& check = checks_[number];
  counters_.checks.add();
  check.begun = std::chrono::steady_clock::now();
  if (!check.is_kept) return connect(number, now_ms);
  if (!check.probe->is_clean()) {
    forget(check);
    return connect(number, now_ms);
  }
  set_kept(check, false);
  --check.checks_left;
  settle(number,
         check.probe->begin_again(check.spec->real, check.spec->config,
                                  static_cast<uint16_t>(next_random()), check.checks_left > 0),
         now_ms);
}

void CheckEngine::connect(uint32_t number, int64_t now_ms) {
  auto verdict = connect_once(number);
  if (verdict && checks_[number].probe->is_out_of_files()) {
    // Checks come before connections that are only kept.
    keep_from_ms_ = now_ms + kShortOfFilesMs;
    if (counters_.kept.value() > 0) {
      forget_all_kept();
      verdict = connect_once(number);
    }
  }
  if (verdict) conclude(number, *verdict, now_ms);
}

std::optional<CheckVerdict> CheckEngine::connect_once(uint32_t number) {
  Check& check = checks_[number];
  counters_.connections.add();
  check.checks_left = lifetime(check) - 1;
  ++check.connection;
  check.probe = std::make_unique<Probe>();
  auto verdict = check.probe->begin(
      check.spec->real, check.spec->config, check.spec->sends_proxy_header,
      static_cast<uint16_t>(next_random()), check.tls_session, check.checks_left > 0, tools_);
  if (verdict) return verdict;
  // Edge-triggered: one call for the whole life of the socket.
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET,
                    .data = {.u64 = uint64_t{check.connection} << 32 | number}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, check.probe->fd(), &event) == 0) return std::nullopt;
  return CheckVerdict{CheckOutcome::kNoVerdict,
                      std::string("epoll_ctl: ") + strerrordesc_np(errno)};
}

// What a probe has come to, which may be nothing yet.
void CheckEngine::settle(uint32_t number, const std::optional<CheckVerdict>& verdict,
                         int64_t now_ms) {
  if (!verdict) return;
  // The same check goes on, with the time that it has left.
  if (checks_[number].probe->is_stale()) return connect(number, now_ms);
  conclude(number, *verdict, now_ms);
}

// Of a new connection, in checks: from half of the most to the most. The first one of a target ends
// anywhere within the mean of that, so that targets which came together reconnect evenly spread.
uint32_t CheckEngine::lifetime(const Check& check) {
  if (max_kept_ == 0 || check.spec->config.interval_s > kMaxIdleS) return 1;
  const uint32_t most = max_checks_per_connection_;
  if (check.connection == 0) return 1 + next_random() % (most - most / 4);
  return most - next_random() % (most / 2 + 1);
}

uint32_t CheckEngine::next_random() {
  random_ = random_ * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX
  return static_cast<uint32_t>(random_ >> 33);
}

// A failure may be the connection's.
bool CheckEngine::may_keep(const Check& check, const CheckVerdict& verdict, int64_t now_ms) const {
  return verdict.outcome == CheckOutcome::kAlive && check.checks_left > 0 &&
         counters_.kept.value() < max_kept_ && now_ms >= keep_from_ms_ &&
         check.probe->is_keepable();
}

void CheckEngine::set_kept(Check& check, bool is_kept) {
  // Modulo 2^64: one less, the same, or one more.
  counters_.kept.add(uint64_t{is_kept} - uint64_t{check.is_kept});
  check.is_kept = is_kept;
}

void CheckEngine::forget(Check& check) {
  set_kept(check, false);
  check.probe.reset();
}

void CheckEngine::forget_all_kept() {
  for (Check& check : checks_) {
    if (check.is_kept) forget(check);
  }
}

void CheckEngine::conclude(uint32_t number, const CheckVerdict& verdict, int64_t now_ms) {
  Check& check = checks_[number];
  TlsSession session = check.probe->take_tls_session();
  set_kept(check, may_keep(check, verdict, now_ms));
  if (!check.is_kept) check.probe.reset();
  // A session that is part of a failure may be its cause.
  if (verdict.outcome != CheckOutcome::kAlive) {
    check.tls_session.reset();
  } else if (session != nullptr) {
    check.tls_session = std::move(session);
  }
  if (verdict.outcome != CheckOutcome::kNoVerdict) {
    const auto taken = std::chrono::steady_clock::now() - check.begun;
    counters_.times.record(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count()));
  }
  switch (verdict.outcome) {
    case CheckOutcome::kAlive:
      counters_.alive.add();
      break;
    case CheckOutcome::kFailed:
      counters_.failed.add();
      break;
    case CheckOutcome::kNoVerdict:
      note_no_verdict(*check.spec, verdict.why, now_ms);
      break;
  }
  if (!plan_.finish(number, verdict.outcome, now_ms)) return;
  counters_.changes.add();
  check.why = verdict.why;
  for (const uint64_t id : check.subscriptions) {
    tell(id, subscriptions_[id], plan_.health(number), check.why);
  }
}

void CheckEngine::tell(uint64_t id, Subscription& subscription, RealHealth health,
                       const std::string& why) {
  if (subscription.reported == health) return;
  subscription.reported = health;
  report_(id, health, why);
}

void CheckEngine::note_no_verdict(const CheckSpec& spec, const std::string& why, int64_t now_ms) {
  counters_.no_verdict.add();
  if (now_ms < next_complaint_ms_) return;
  next_complaint_ms_ = now_ms + kComplaintMs;
  spdlog::warn(
      "a health check of {} could not be made, which says nothing about it: {} ({} since "
      "the start)",
      endpoint_to_string(spec.real.address, spec.real.port), why, counters_.no_verdict.value());
}

}  // namespace vipgate
