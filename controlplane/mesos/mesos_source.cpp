#include "controlplane/mesos/mesos_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "controlplane/mesos/threaded_source.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestHeartbeat{10};
constexpr milliseconds kLongestHeartbeat{600'000};

// The master does not offer SUBSCRIBE, or not to us: it never will by being asked again soon.
bool is_refusal(unsigned status) {
  return status == 403 || status == 404 || status == 405 || status == 415 || status == 501;
}

}  // namespace

std::string unusable_answer(const MasterAddress& master, unsigned status) {
  const std::string who = authority(master.url);
  if (status == 503) return who + " knows no leader, or is still recovering (503)";
  if (status == 401) return who + " wants other credentials (401): check `mesos[].auth`";
  return who + " answered " + std::to_string(status);
}

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
    MasterOutcome outcome = subscribe(*master, why);
    if (outcome == MasterOutcome::kRefused) {
      spdlog::warn("mesos[{}]: {}; its /state is asked for every {} ms instead", cluster_, why,
                   poll_time().count());
      outcome = poll(*master, why);
    }
    if (!stopping_) act_on(outcome, *master, why);
  }
}

std::optional<MasterAddress> ThreadedSource::wait_for_master() {
  auto master = directory_->next();
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

void ThreadedSource::act_on(MasterOutcome outcome, const MasterAddress& master,
                            const std::string& why) {
  if (is_interrupted()) {
    tell_link(false, "ZooKeeper names another leader than " + authority(master.url));
    return;
  }
  if (outcome == MasterOutcome::kMoved) return;
  tell_link(false, why);
  const bool were_all_tried = directory_->failed();
  // One that does not lead, or is down, says nothing about the next one: ask that at once.
  if (outcome == MasterOutcome::kFailed && !were_all_tried) return;
  wait(backoff_.next(), [this] { return is_interrupted(); });
}

MasterOutcome ThreadedSource::after_answer(const MasterAddress& master,
                                           const HttpResponse& response, std::string& why) {
  if (response.status == 307 || response.status == 302) {
    auto status = directory_->redirected(master.url, response.location);
    if (!status) why = status.error();
    return status ? MasterOutcome::kMoved : MasterOutcome::kFailed;
  }
  why = unusable_answer(master, response.status);
  return MasterOutcome::kFailed;
}

// How long the stream may be silent. A master's word is believed within reason.
milliseconds ThreadedSource::patience(double heartbeat_s) const {
  const milliseconds told(static_cast<int64_t>(std::clamp(heartbeat_s, 0.0, 1e6) * 1000));
  const auto heartbeat =
      heartbeat_s > 0 ? std::clamp(told, kShortestHeartbeat, kLongestHeartbeat) : times_.heartbeat;
  return heartbeat * times_.missed_heartbeats;
}

MasterOutcome ThreadedSource::subscribe(const MasterAddress& master, std::string& why) {
  HttpRequest request;
  request.method = "POST";
  request.url = master.url;
  request.url.target = "/api/v1";
  request.fallback_ip = master.fallback_ip;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.body = R"({"type":"SUBSCRIBE"})";
  std::string peer_ip;
  const auto take = [&](MesosEvent event, int64_t received_ns) {
    const auto* first = std::get_if<MesosSubscribed>(&event);
    if (first == nullptr) return push(MesosInput{cluster_, std::move(event), received_ns});
    stream_client_->http().set_inactivity(patience(first->state.heartbeat_interval_s));
    ++connects_;
    confirm(master, peer_ip);
    tell_link(true, "subscribed to " + authority(master.url));
    const bool is_taken = push(MesosInput{cluster_, std::move(event), received_ns});
    // Sweeps come after what they amend.
    const std::lock_guard lock(mutex_);
    streaming_ = true;
    changed_.notify_all();
    return is_taken;
  };
  MesosStream stream(max_bytes_, stream_parser_, stream_counters_, take);
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
    return MasterOutcome::kRefused;
  } else {
    return after_answer(master, *response, why);
  }
  // A stream that was not understood is one that would be dropped again: not at once.
  return stream.subscribed() || !stream.error().empty() ? MasterOutcome::kLost
                                                        : MasterOutcome::kFailed;
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
  queue_.push(MesosInput{cluster_, std::move(masters), monotonic_ns()},
              [this] { return stopping_.load(); });
}

// Who takes it out of the queue logs it.
void ThreadedSource::tell_link(bool connected, const std::string& detail) {
  if (link_ && link_->connected == connected && link_->detail == detail) return;
  link_ = MesosLink{connected, detail};
  queue_.push(MesosInput{cluster_, *link_, monotonic_ns()}, [this] { return stopping_.load(); });
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
