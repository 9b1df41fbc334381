#include "controlplane/store/sqlite_store.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace vipgate {
SqliteStore::SqliteStore(const std::string& path) : database_(path) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "vg-store");
}

SqliteStore::~SqliteStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (!waiting_.empty()) spdlog::error("{}; {} keys are not stored", problem_, waiting_.size());
}

Result<std::map<std::string, std::string>> SqliteStore::load(std::string_view space) {
  const std::lock_guard database_lock(database_mutex_);
  auto rows = database_.load(space);
  if (!rows) return rows;
  const std::lock_guard lock(mutex_);
  for (const StoreRows* newer : {&in_flight_, &waiting_}) {
    for (auto row = newer->lower_bound({std::string(space), ""});
         row != newer->end() && row->first.first == space; ++row) {
      if (row->second) {
        rows->insert_or_assign(row->first.second, *row->second);
      } else {
        rows->erase(row->first.second);
      }
    }
  }
  return rows;
}

void SqliteStore::write(std::vector<StoreWrite> batch) {
  if (batch.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (StoreWrite& one : batch) {
      waiting_.insert_or_assign({std::move(one.space), std::move(one.key)}, std::move(one.value));
    }
    ++handed_;
  }
  changed_.notify_all();
}

Result<std::set<std::string>> SqliteStore::spaces() {
  const std::lock_guard database_lock(database_mutex_);
  return database_.spaces();
}

void SqliteStore::erase(const std::string& space) {
  {
    const std::lock_guard lock(mutex_);
    erased_.insert(space);
    ++handed_;
  }
  changed_.notify_all();
}

Status SqliteStore::flush(int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = handed_;
  retry_now_ = true;
  changed_.notify_all();
  if (changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                        [&] { return stored_ >= wanted; })) {
    return Done{};
  }
  return Error{problem_.empty() ? "the state is not stored yet after " +
                                      std::to_string(timeout_ms) + " ms; the disk is slow"
                                : problem_};
}

StoreHealth SqliteStore::health() const {
  const std::lock_guard lock(mutex_);
  // A key that is being written may have a newer value that waits.
  const auto& [few, many] = waiting_.size() < in_flight_.size() ? std::tie(waiting_, in_flight_)
                                                                : std::tie(in_flight_, waiting_);
  const auto only_few = std::count_if(few.begin(), few.end(), [&rest = many](const auto& row) {
    return !rest.contains(row.first);
  });
  return {problem_.empty(), problem_, failures_,
          many.size() + static_cast<size_t>(only_few) + erased_.size()};
}

uint64_t SqliteStore::handed() const {
  const std::lock_guard lock(mutex_);
  return handed_;
}

bool SqliteStore::is_stored(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  return stored_ >= number;
}

void SqliteStore::write_waiting(std::unique_lock<std::mutex>& lock) {
  in_flight_ = std::move(waiting_);
  waiting_.clear();
  const std::set<std::string> erased = std::exchange(erased_, {});
  const uint64_t taken = handed_;
  const Status done = use_database(lock, [&] { return database_.apply(in_flight_, erased); });
  if (done) {
    stored_ = taken;
    if (!problem_.empty()) spdlog::info("the state is stored again: {} keys", in_flight_.size());
    problem_.clear();
  } else {
    failures_ += in_flight_.size();
    report(done.error());
    waiting_.merge(in_flight_);  // what has come meanwhile is newer and stays
    erased_.insert(erased.begin(), erased.end());
  }
  in_flight_.clear();
}

Status SqliteStore::use_database(std::unique_lock<std::mutex>& lock,
                                 const std::function<Status()>& use) {
  lock.unlock();
  Status done = Done{};
  {
    const std::lock_guard database_lock(database_mutex_);
    done = use();
  }
  lock.lock();
  return done;
}

void SqliteStore::report(const std::string& problem) {
  if (problem_ != problem) spdlog::error("{}; it is tried again", problem);
  problem_ = problem;
}

void SqliteStore::run() {
  auto pause = kFirstRetry;
  std::unique_lock lock(mutex_);
  // That nothing can be stored is said at the start, not only when something changes.
  if (auto status = use_database(lock, [&] { return database_.open(); }); !status) {
    report(status.error());
  }
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || has_work(); });
    if (!has_work()) return;
    retry_now_ = false;
    write_waiting(lock);
    changed_.notify_all();
    if (problem_.empty()) {
      pause = kFirstRetry;
      continue;
    }
    if (stopping_) return;
    changed_.wait_for(lock, pause, [&] { return stopping_ || retry_now_; });
    pause = std::min(pause * 2, kLongestRetry);
  }
}

}  // namespace vipgate
