#include "controlplane/marathon/marathon_source.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "controlplane/marathon/marathon_mailbox.h"
#include "controlplane/marathon/marathon_parser.h"
#include "controlplane/marathon/sse_decoder.h"
#include "controlplane/mesos/authorized_client.h"
#include "controlplane/mesos/backoff.h"

namespace vipgate {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kMaxEventBytes = 16 << 20;  // a deployment's event has all of its apps in it
constexpr size_t kMaxStateBytes = size_t{256} << 20;
constexpr const char* kEvents = "/v2/events";
constexpr const char* kApps = "/v2/apps?embed=apps.tasks&embed=apps.readiness";

class ThreadedMarathonSource final : public MarathonSource {
 public:
  ThreadedMarathonSource(size_t position, const MarathonSourceTimes& times)
      : position_(position), times_(times) {}

  ~ThreadedMarathonSource() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    for (AuthorizedClient* client : {event_client_.get(), state_client_.get()}) {
      if (client != nullptr) client->http().wake();
    }
    if (event_thread_.joinable()) event_thread_.join();
    if (state_thread_.joinable()) state_thread_.join();
  }
  ThreadedMarathonSource(const ThreadedMarathonSource&) = delete;
  ThreadedMarathonSource& operator=(const ThreadedMarathonSource&) = delete;

  Status open(const MarathonConfig& config);
  int fd() const override { return mailbox_->fd(); }
  MarathonUpdate take() override { return mailbox_->take(); }

 private:
  void run_events();
  void run_states();
  Status follow(const HttpUrl& server);
  Status refresh(const HttpUrl& server);
  bool take_event(std::string_view data);
  void request_refresh();
  HttpLimits limits() const {
    return HttpLimits{times_.connect, times_.answer, times_.silence, kMaxStateBytes};
  }
  void wait(milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return stopping_.load(); });
  }

  const size_t position_;
  const MarathonSourceTimes times_;
  std::vector<HttpUrl> servers_;
  std::unique_ptr<MarathonMailbox> mailbox_;
  std::unique_ptr<AuthorizedClient> event_client_;
  std::unique_ptr<AuthorizedClient> state_client_;
  MarathonParser event_parser_;
  MarathonParser state_parser_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stopping_{false};
  bool refresh_requested_ = true;   // with mutex_
  bool changed_meanwhile_ = false;  // with mutex_: since the present refresh began
  std::set<std::string> unready_;   // with mutex_
  std::thread event_thread_;
  std::thread state_thread_;
};

Status ThreadedMarathonSource::open(const MarathonConfig& config) {
  for (const std::string& text : config.urls) {
    auto url = parse_http_url(text);
    if (!url) return Error{"`urls`: " + url.error()};
    while (url->target.ends_with('/')) url->target.pop_back();  // may be below a proxy's path
    servers_.push_back(std::move(*url));
  }
  if (servers_.empty()) return Error{"`urls` names no Marathon; write http://host:8080"};
  auto mailbox = MarathonMailbox::create();
  if (!mailbox) return Error{mailbox.error()};
  mailbox_ = std::move(*mailbox);
  for (auto* client : {&event_client_, &state_client_}) {
    auto made =
        AuthorizedClient::create(config.tls, config.auth, [this] { return stopping_.load(); });
    if (!made) return Error{made.error()};
    *client = std::move(*made);
  }
  event_thread_ = std::thread([this] { run_events(); });
  state_thread_ = std::thread([this] { run_states(); });
  return Done{};
}

void ThreadedMarathonSource::run_events() {
  Backoff backoff(times_.backoff_min, times_.backoff_max);
  for (size_t turn = 0; !stopping_; ++turn) {
    const HttpUrl& server = servers_[turn % servers_.size()];
    const auto began = steady_clock::now();
    const Status status = follow(server);
    if (stopping_) return;
    spdlog::warn("marathon[{}]: {}; health is asked for every {} ms meanwhile", position_,
                 status.error(), times_.refresh.count());
    // A stream that has held for a while was a success.
    if (steady_clock::now() - began > times_.backoff_max) backoff.reset();
    wait(backoff.next());
  }
}

// Until the stream ends, which is always an error.
Status ThreadedMarathonSource::follow(const HttpUrl& server) {
  HttpRequest request;
  request.url = server;
  request.url.target += kEvents;
  request.headers = {{"Accept", "text/event-stream"}};
  SseDecoder decoder(kMaxEventBytes);
  std::string error;
  const auto head = [&](const HttpResponse&) {
    spdlog::info("marathon[{}]: follows the events of {}", position_, authority(server));
    // What happened before the stream began is in no event.
    request_refresh();
  };
  const auto sink = [&](std::string_view bytes) {
    decoder.feed(bytes);
    while (true) {
      auto data = decoder.next();
      if (!data) error = data.error();
      if (!data) return false;
      if (!*data) return true;
      if (!take_event(**data)) return false;
    }
  };
  auto response = event_client_->call(request, limits(), head, sink);
  if (!response) return Error{response.error()};
  if (!error.empty()) return Error{authority(server) + ": " + error};
  if (response->status != 200) {
    return Error{to_string(request.url) + " answered " + std::to_string(response->status)};
  }
  return Error{authority(server) + " has ended the event stream"};
}

bool ThreadedMarathonSource::take_event(std::string_view data) {
  const MarathonEvent event = event_parser_.parse_event(data);
  const std::lock_guard lock(mutex_);
  if (event.wants_refresh) refresh_requested_ = true;
  if (event.change) {
    // Alive is not ready.
    const bool is_unready =
        event.change->healthy.value_or(false) && unready_.contains(event.change->task_id);
    if (!is_unready) mailbox_->put(*event.change);
    // A full state that is being fetched may be older than this.
    changed_meanwhile_ = true;
  }
  changed_.notify_all();
  return !stopping_;
}

void ThreadedMarathonSource::request_refresh() {
  const std::lock_guard lock(mutex_);
  refresh_requested_ = true;
  changed_.notify_all();
}

void ThreadedMarathonSource::run_states() {
  Backoff backoff(times_.backoff_min, times_.backoff_max);
  auto due = steady_clock::now();
  for (size_t turn = 0; !stopping_;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, due, [this] { return stopping_ || refresh_requested_; });
      if (stopping_) return;
      refresh_requested_ = changed_meanwhile_ = false;
    }
    const HttpUrl& server = servers_[turn % servers_.size()];
    const Status status = refresh(server);
    if (stopping_) return;
    if (status) {
      backoff.reset();
      mailbox_->put_link(true, "reads the health of tasks from " + authority(server));
      due = steady_clock::now() + backoff.jittered(times_.refresh);
      wait(times_.refresh_gap);
      continue;
    }
    ++turn;
    mailbox_->put_link(false, status.error());
    wait(backoff.next());
    due = steady_clock::now();
  }
}

Status ThreadedMarathonSource::refresh(const HttpUrl& server) {
  HttpRequest request;
  request.url = server;
  request.url.target += kApps;
  request.headers = {{"Accept", "application/json"}, {"Connection", "close"}};
  auto response = state_client_->call(request, limits());
  if (!response) return Error{response.error()};
  if (response->status != 200) {
    return Error{to_string(request.url) + " answered " + std::to_string(response->status)};
  }
  auto state = state_parser_.parse_apps(response->body);
  if (!state) return Error{to_string(request.url) + ": " + state.error()};
  const std::lock_guard lock(mutex_);
  unready_ = std::move(state->unready);
  mailbox_->put(std::move(state->health));
  // Who knows whether the change or the state is the older one: the next state is newer than both.
  if (changed_meanwhile_) refresh_requested_ = true;
  return Done{};
}

}  // namespace

Result<std::unique_ptr<MarathonSource>> MarathonSource::start(const MarathonConfig& config,
                                                              size_t position,
                                                              const MarathonSourceTimes& times) {
  auto source = std::make_unique<ThreadedMarathonSource>(position, times);
  if (auto status = source->open(config); !status) {
    return Error{"marathon[" + std::to_string(position) + "]: " + status.error()};
  }
  return std::unique_ptr<MarathonSource>(std::move(source));
}

}  // namespace vipgate
