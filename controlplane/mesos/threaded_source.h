// The inside of MesosSource, for its own files only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "controlplane/mesos/authorized_client.h"
#include "controlplane/mesos/backoff.h"
#include "controlplane/mesos/leader.h"
#include "controlplane/mesos/mesos_source.h"
#include "controlplane/mesos/mesos_source_times.h"
#include "controlplane/mesos/mesos_stream.h"

namespace vipgate {

enum class MasterOutcome : uint8_t {
  kFailed,   // this master is of no use now
  kLost,     // it was in use, and is not any more
  kRefused,  // it has no stream for us
  kMoved,    // another one is to be asked at once
};

// Owned by whom start_mesos_source() gives it to. Two threads: one follows the stream (or polls),
// one fetches whole states beside it, so that a sweep of tens of megabytes does not hold up a
// single event.
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
  void act_on(MasterOutcome outcome, const MasterAddress& master, const std::string& why);
  MasterOutcome subscribe(const MasterAddress& master, std::string& why);
  MasterOutcome poll(const MasterAddress& master, std::string& why);
  MasterOutcome after_answer(const MasterAddress& master, const HttpResponse& response,
                             std::string& why);
  Status poll_once(const MasterAddress& master, bool is_first, MasterOutcome& outcome);
  Status sweep(const MasterAddress& leader);
  static HttpRequest state_request(const MasterAddress& master, bool by_v0);
  void resolve_masters();

  HttpLimits limits() const;
  std::chrono::milliseconds patience(double heartbeat_s) const;
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
  void wait(std::chrono::milliseconds time, const Predicate& predicate) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return stopping_ || predicate(); });
  }
  std::chrono::milliseconds sweep_time() const {
    return times_.sweep.count() >= 0 ? times_.sweep : std::chrono::seconds(config_.sweep_s);
  }
  std::chrono::milliseconds poll_time() const {
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

// What an answer says that is of no use.
std::string unusable_answer(const MasterAddress& master, unsigned status);

}  // namespace vipgate
