#include "controlplane/mesos/mesos_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "controlplane/mesos/authorized_client.h"
#include "controlplane/mesos/backoff.h"
#include "controlplane/mesos/leader.h"
#include "controlplane/mesos/mesos_source_times.h"
#include "controlplane/mesos/mesos_stream.h"

namespace vipgate {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kShortestHeartbeat{10};
constexpr milliseconds kLongestHeartbeat{600'000};

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

// The master does not offer SUBSCRIBE, or not to us: it never will by being asked again soon.
bool is_refusal(unsigned status) {
  return status == 403 || status == 404 || status == 405 || status == 415 || status == 501;
}

std::string unusable(const MasterAddress& master, unsigned status) {
  const std::string who = authority(master.url);
  if (status == 503) return who + " knows no leader, or is still recovering (503)";
  if (status == 401) return who + " wants other credentials (401): check `mesos[].auth`";
  return who + " answered " + std::to_string(status);
}

enum class Outcome : uint8_t {
  kFailed,   // this master is of no use now
  kLost,     // it was in use, and is not any more
  kRefused,  // it has no stream for us
  kMoved,    // another one is to be asked at once
};

// Two threads: one follows the stream (or polls), one fetches whole states beside it, so that a
// sweep of tens of megabytes does not hold up a single event.
class ThreadedSource final : public MesosSource {
 public:
  ThreadedSource(const MesosConfig& config, size_t cluster, MesosQueue& queue,
                 const MesosSourceTimes& times)
      : config_(config),
        cluster_(cluster),
        queue_(queue),
        times_(times),
        max_bytes_(size_t{config.max_record_mb} << 20),
        backoff_(times.backoff_min, times.backoff_max) {}

  ~ThreadedSource() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    wake_all();
    if (stream_thread_.joinable()) stream_thread_.join();
    if (sweep_thread_.joinable()) sweep_thread_.join();
    directory_.reset();
  }
  ThreadedSource(const ThreadedSource&) = delete;
  ThreadedSource& operator=(const ThreadedSource&) = delete;

  Status open();
  void request_sweep() override;
  MesosSourceCounters counters() const override;

 private:
  void run();
  void run_sweeps();
  std::optional<MasterAddress> wait_for_master();
  void act_on(Outcome outcome, const MasterAddress& master, const std::string& why);
  Outcome subscribe(const MasterAddress& master, std::string& why);
  Outcome poll(const MasterAddress& master, std::string& why);
  Outcome after_answer(const MasterAddress& master, const HttpResponse& response, std::string& why);
  Status poll_once(const MasterAddress& master, bool is_first, Outcome& outcome);
  Status sweep(const MasterAddress& leader);
  Result<HttpResponse> fetch_state(AuthorizedClient& client, const MasterAddress& master,
                                   bool by_v0);
  void resolve_masters();

  HttpLimits limits() const;
  void confirm(const MasterAddress& master, const std::string& peer_ip);
  void announce_masters();
  void tell_link(bool connected, const std::string& detail);
  bool push(MesosInput input) {
    return queue_.push(std::move(input), [this] { return is_interrupted(); });
  }
  // Ends what the stream's thread is doing: the end of all, or another leader.
  bool is_interrupted() const {
    return stopping_ || directory_->generation() != generation_.load();
  }
  void wake_all() {
    queue_.wake();
    if (stream_client_) stream_client_->http().wake();
    if (sweep_client_) sweep_client_->http().wake();
  }
  template <class Predicate>
  void wait(milliseconds time, const Predicate& predicate) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return stopping_ || predicate(); });
  }
  milliseconds sweep_time() const {
    return times_.sweep.count() >= 0 ? times_.sweep : std::chrono::seconds(config_.sweep_s);
  }
  milliseconds poll_time() const {
    return times_.poll.count() >= 0 ? times_.poll : std::chrono::seconds(config_.poll_s);
  }

  const MesosConfig config_;
  const size_t cluster_;
  MesosQueue& queue_;
  const MesosSourceTimes times_;
  const size_t max_bytes_;
  std::unique_ptr<AuthorizedClient> stream_client_;  // of the stream's thread
  std::unique_ptr<AuthorizedClient> sweep_client_;   // of the sweeping thread
  MesosParser stream_parser_;
  MesosParser sweep_parser_;

  // Of the stream's thread.
  Backoff backoff_;
  std::optional<MesosLink> link_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> generation_{0};  // of the leader that is being followed
  bool streaming_ = false;               // with mutex_: sweeps make sense
  bool sweep_requested_ = false;         // with mutex_
  std::string zk_detail_;                // with mutex_

  std::mutex announce_mutex_;  // keeps announcements in the order of what they tell
  std::optional<MesosMasters> announced_;

  MesosStreamCounters stream_counters_;
  std::atomic<uint64_t> connects_{0};
  std::atomic<uint64_t> drops_{0};
  std::atomic<uint64_t> sweeps_{0};
  std::atomic<uint64_t> failed_sweeps_{0};

  std::unique_ptr<MasterDirectory> directory_;
  std::thread stream_thread_;
  std::thread sweep_thread_;
};

Status ThreadedSource::open() {
  MasterDirectory::Hooks hooks;
  hooks.changed = [this](bool is_other_leader) {
    announce_masters();
    if (!is_other_leader) return;
    {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    }
    wake_all();
  };
  hooks.zk_state = [this](bool connected, const std::string& detail) {
    const std::lock_guard lock(mutex_);
    if (zk_detail_ == detail) return;
    zk_detail_ = detail;
    changed_.notify_all();
    spdlog::log(connected ? spdlog::level::info : spdlog::level::warn, "mesos[{}]: ZooKeeper: {}",
                cluster_, detail);
  };
  auto directory = MasterDirectory::create(config_, times_.zookeeper, std::move(hooks));
  if (!directory) return Error{directory.error()};
  directory_ = std::move(*directory);
  auto stream =
      AuthorizedClient::create(config_.tls, config_.auth, [this] { return is_interrupted(); });
  if (!stream) return Error{stream.error()};
  stream_client_ = std::move(*stream);
  auto sweeps =
      AuthorizedClient::create(config_.tls, config_.auth, [this] { return stopping_.load(); });
  if (!sweeps) return Error{sweeps.error()};
  sweep_client_ = std::move(*sweeps);
  directory_->start();
  stream_thread_ = std::thread([this] { run(); });
  sweep_thread_ = std::thread([this] { run_sweeps(); });
  return Done{};
}

HttpLimits ThreadedSource::limits() const {
  HttpLimits limits;
  limits.connect = times_.connect;
  limits.answer = times_.answer;
  limits.inactivity = times_.heartbeat * times_.missed_heartbeats;
  limits.body_bytes = max_bytes_;
  return limits;
}

void ThreadedSource::run() {
  while (!stopping_) {
    generation_ = directory_->generation();
    const auto master = wait_for_master();
    if (!master) continue;
    std::string why;
    Outcome outcome = subscribe(*master, why);
    if (outcome == Outcome::kRefused) {
      spdlog::warn("mesos[{}]: {}; its /state is asked for every {} ms instead", cluster_, why,
                   poll_time().count());
      outcome = poll(*master, why);
    }
    if (!stopping_) act_on(outcome, *master, why);
  }
}

std::optional<MasterAddress> ThreadedSource::wait_for_master() {
  const auto master = directory_->next();
  if (master) return master;
  std::string detail;
  {
    const std::lock_guard lock(mutex_);
    detail = zk_detail_;
  }
  tell_link(false, "no master is known; ZooKeeper: " + (detail.empty() ? "connecting" : detail));
  wait(times_.backoff_max, [&] { return is_interrupted() || zk_detail_ != detail; });
  return std::nullopt;
}

void ThreadedSource::act_on(Outcome outcome, const MasterAddress& master, const std::string& why) {
  if (is_interrupted()) {
    tell_link(false, "ZooKeeper names another leader than " + authority(master.url));
    return;
  }
  if (outcome == Outcome::kMoved) return;
  tell_link(false, why);
  const bool were_all_tried = directory_->failed();
  // One that does not lead, or is down, says nothing about the next one: ask that at once.
  if (outcome == Outcome::kFailed && !were_all_tried) return;
  wait(backoff_.next(), [this] { return is_interrupted(); });
}

Outcome ThreadedSource::after_answer(const MasterAddress& master, const HttpResponse& response,
                                     std::string& why) {
  if (response.status == 307 || response.status == 302) {
    auto status = directory_->redirected(master.url, response.location);
    if (!status) why = status.error();
    return status ? Outcome::kMoved : Outcome::kFailed;
  }
  why = unusable(master, response.status);
  return Outcome::kFailed;
}

Outcome ThreadedSource::subscribe(const MasterAddress& master, std::string& why) {
  HttpRequest request;
  request.method = "POST";
  request.url = master.url;
  request.url.target = "/api/v1";
  request.fallback_ip = master.fallback_ip;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.body = R"({"type":"SUBSCRIBE"})";
  std::string peer_ip;
  MesosStream stream(
      max_bytes_, stream_parser_, stream_counters_, [&](MesosEvent event, int64_t received_ns) {
        if (const auto* first = std::get_if<MesosSubscribed>(&event)) {
          const double told_s = first->state.heartbeat_interval_s;
          const milliseconds told(static_cast<int64_t>(std::clamp(told_s, 0.0, 1e6) * 1000));
          const auto heartbeat = told_s > 0
                                     ? std::clamp(told, kShortestHeartbeat, kLongestHeartbeat)
                                     : times_.heartbeat;
          stream_client_->http().set_inactivity(heartbeat * times_.missed_heartbeats);
          ++connects_;
          confirm(master, peer_ip);
          tell_link(true, "subscribed to " + authority(master.url));
          const std::lock_guard lock(mutex_);
          streaming_ = true;
          changed_.notify_all();
        }
        return push(MesosInput{cluster_, std::move(event), received_ns});
      });
  auto response = stream_client_->call(
      request, limits(), [&](const HttpResponse& head) { peer_ip = head.peer_ip; },
      [&](std::string_view bytes) { return stream.feed(bytes); });
  {
    const std::lock_guard lock(mutex_);
    streaming_ = false;
  }
  if (stream.subscribed()) ++drops_;
  if (!response) {
    why = response.error();
  } else if (!stream.error().empty()) {
    why = authority(master.url) + ": " + stream.error();
  } else if (response->status == 200) {
    why = authority(master.url) + " has ended the event stream";
  } else if (is_refusal(response->status)) {
    why = authority(master.url) + " refuses SUBSCRIBE with " + std::to_string(response->status);
    return Outcome::kRefused;
  } else {
    return after_answer(master, *response, why);
  }
  // A stream that was not understood is one that would be dropped again: not at once.
  return stream.subscribed() || !stream.error().empty() ? Outcome::kLost : Outcome::kFailed;
}

// Until /state fails, another one leads, or it is time to try the stream again.
Outcome ThreadedSource::poll(const MasterAddress& master, std::string& why) {
  const auto until = steady_clock::now() + times_.resubscribe;
  for (bool is_first = true; !is_interrupted() && steady_clock::now() < until; is_first = false) {
    {
      const std::lock_guard lock(mutex_);
      sweep_requested_ = false;
    }
    Outcome outcome = is_first ? Outcome::kFailed : Outcome::kLost;
    const Status status = poll_once(master, is_first, outcome);
    ++(status ? sweeps_ : failed_sweeps_);
    if (!status) {
      why = status.error();
      return outcome;
    }
    tell_link(true, "polling /state of " + authority(master.url) + ", as SUBSCRIBE is refused");
    wait(backoff_.jittered(poll_time()), [this] { return sweep_requested_ || is_interrupted(); });
  }
  return Outcome::kMoved;
}

// `outcome` is changed where the master sends us to another one.
Status ThreadedSource::poll_once(const MasterAddress& master, bool is_first, Outcome& outcome) {
  const int64_t asked_ns = now_ns();
  auto response = fetch_state(*stream_client_, master, true);
  if (!response) return Error{response.error()};
  if (response->status != 200) {
    std::string why;
    if (after_answer(master, *response, why) == Outcome::kMoved) outcome = Outcome::kMoved;
    return Error{why};
  }
  const int64_t received_ns = now_ns();
  auto state = stream_parser_.parse_state(response->body);
  if (!state) return Error{authority(master.url) + ": " + state.error()};
  // Old masters answer for themselves where newer ones redirect.
  const std::string leader = state->leader.substr(state->leader.find('@') + 1);
  const std::string own = response->peer_ip + ":" + std::to_string(master.url.port);
  if (is_first && !leader.empty() && leader != own && leader != authority(master.url)) {
    if (auto status = directory_->redirected(master.url, "//" + leader); !status) return status;
    outcome = Outcome::kMoved;
    return Error{authority(master.url) + " says that " + leader + " leads"};
  }
  if (is_first) confirm(master, response->peer_ip);
  push(MesosInput{cluster_, std::move(*state), received_ns, asked_ns});
  return Done{};
}

Result<HttpResponse> ThreadedSource::fetch_state(AuthorizedClient& client,
                                                 const MasterAddress& master, bool by_v0) {
  HttpRequest request;
  request.url = master.url;
  request.fallback_ip = master.fallback_ip;
  request.headers = {{"Accept", "application/json"}, {"Connection", "close"}};
  request.url.target = by_v0 ? "/state" : "/api/v1";
  if (!by_v0) {
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = R"({"type":"GET_STATE"})";
  }
  return client.call(request, limits());
}

Status ThreadedSource::sweep(const MasterAddress& leader) {
  const int64_t asked_ns = now_ns();
  auto response = fetch_state(*sweep_client_, leader, false);
  if (!response) return Error{response.error()};
  if (response->status != 200) return Error{unusable(leader, response->status)};
  const int64_t received_ns = now_ns();
  auto state = sweep_parser_.parse_state(response->body);
  if (!state) return Error{authority(leader.url) + ": " + state.error()};
  // What an old leader says must not come after what the new one has said.
  if (directory_->leader() != std::optional(leader)) {
    return Error{authority(leader.url) + " does not lead any more"};
  }
  queue_.push(MesosInput{cluster_, std::move(*state), received_ns, asked_ns},
              [this] { return stopping_.load(); });
  return Done{};
}

// For the records of masters: those of the list that we have never been connected with.
void ThreadedSource::resolve_masters() {
  for (const std::string& host : directory_->unresolved()) {
    auto addresses = sweep_client_->http().resolve(host, times_.connect);
    if (addresses && !addresses->empty()) directory_->resolved(host, addresses->front());
  }
  announce_masters();
}

void ThreadedSource::run_sweeps() {
  Backoff jitter(times_.backoff_min, times_.backoff_max);
  auto due = steady_clock::now() + jitter.jittered(sweep_time());
  while (!stopping_) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || streaming_; });
    }
    resolve_masters();
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, due, [this] { return stopping_ || sweep_requested_; });
      if (stopping_) return;
      if (!streaming_) continue;
      sweep_requested_ = false;
    }
    due = steady_clock::now() + jitter.jittered(sweep_time());
    const auto leader = directory_->leader();
    if (!leader) continue;
    const Status status = sweep(*leader);
    ++(status ? sweeps_ : failed_sweeps_);
    if (!status && !stopping_) {
      spdlog::warn("mesos[{}]: a sweep failed: {}; the stream goes on", cluster_, status.error());
    }
  }
}

void ThreadedSource::confirm(const MasterAddress& master, const std::string& peer_ip) {
  backoff_.reset();
  directory_->confirmed(master, peer_ip);
  announce_masters();
}

void ThreadedSource::announce_masters() {
  const std::lock_guard lock(announce_mutex_);
  MesosMasters masters = directory_->masters();
  if (masters == announced_) return;
  announced_ = masters;
  queue_.push(MesosInput{cluster_, std::move(masters), now_ns()},
              [this] { return stopping_.load(); });
}

void ThreadedSource::tell_link(bool connected, const std::string& detail) {
  if (link_ && link_->connected == connected && link_->detail == detail) return;
  link_ = MesosLink{connected, detail};
  spdlog::log(connected ? spdlog::level::info : spdlog::level::warn, "mesos[{}]: {}", cluster_,
              detail);
  queue_.push(MesosInput{cluster_, *link_, now_ns()}, [this] { return stopping_.load(); });
}

void ThreadedSource::request_sweep() {
  const std::lock_guard lock(mutex_);
  sweep_requested_ = true;
  changed_.notify_all();
}

MesosSourceCounters ThreadedSource::counters() const {
  MesosSourceCounters counters;
  counters.connects = connects_;
  counters.drops = drops_;
  counters.records = stream_counters_.records;
  counters.bytes = stream_counters_.bytes;
  counters.garbage = stream_counters_.garbage;
  counters.oversize = stream_counters_.oversize;
  counters.sweeps = sweeps_;
  counters.failed_sweeps = failed_sweeps_;
  return counters;
}

}  // namespace

Result<std::unique_ptr<MesosSource>> start_mesos_source(const MesosConfig& config, size_t cluster,
                                                        MesosQueue& queue,
                                                        const MesosSourceTimes& times) {
  auto source = std::make_unique<ThreadedSource>(config, cluster, queue, times);
  if (auto status = source->open(); !status) {
    return Error{"mesos[" + std::to_string(cluster) + "]: " + status.error()};
  }
  return std::unique_ptr<MesosSource>(std::move(source));
}

Result<std::unique_ptr<MesosSource>> MesosSource::start(const MesosConfig& config, size_t cluster,
                                                        MesosQueue& queue) {
  return start_mesos_source(config, cluster, queue, MesosSourceTimes{});
}

}  // namespace vipgate
