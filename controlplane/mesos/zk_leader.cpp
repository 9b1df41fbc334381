#include "controlplane/mesos/zk_leader.h"

// The calls that wait for their answer are declared for the threaded library only.
#define THREADED
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "controlplane/mesos/json_field.h"
#include "controlplane/mesos/mesos_parser.h"
#include "controlplane/zookeeper_log.h"

namespace vipgate {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kNodePrefix = "json.info_";
constexpr size_t kMaxMasters = 64;
constexpr int kMaxMasterNodeBytes = 64 << 10;
// How long the end of this object waits for a client that is in the middle of something.
constexpr milliseconds kGoodbye{700};

std::optional<uint64_t> counter_of(std::string_view node) {
  if (!node.starts_with(kNodePrefix)) return std::nullopt;
  node.remove_prefix(kNodePrefix.size());
  uint64_t counter = 0;
  const auto [end, error] = std::from_chars(node.data(), node.data() + node.size(), counter);
  if (error != std::errc{} || end != node.data() + node.size()) return std::nullopt;
  return counter;
}

// What the watching thread and the client's own thread share with the object that may be gone.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  bool ended = false;
  bool look = false;       // the children may have changed
  bool connected = false;  // of the present session
  bool expired = false;
  bool refused = false;
  ZkLeader::Changed on_change;
  ZkLeader::State on_state;
};

// On the client's thread.
void watch(zhandle_t*, int type, int state, const char*, void* context) {
  auto* shared = static_cast<Shared*>(context);
  const std::lock_guard lock(shared->mutex);
  if (type == ZOO_SESSION_EVENT) {
    shared->connected = state == ZOO_CONNECTED_STATE;
    shared->expired = shared->expired || state == ZOO_EXPIRED_SESSION_STATE;
    shared->refused = shared->refused || state == ZOO_AUTH_FAILED_STATE;
  }
  shared->look = true;
  shared->changed.notify_all();
}

class Watcher {
 public:
  Watcher(ZookeeperUrl url, const ZkLeader::Times& times, std::shared_ptr<Shared> shared)
      : url_(std::move(url)), times_(times), shared_(std::move(shared)) {}
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void run() {
    while (!is_stopping()) {
      if (open()) {
        follow();
        zookeeper_close(handle_);
      }
      wait(times_.retry);
    }
    const std::lock_guard lock(shared_->mutex);
    shared_->ended = true;
    shared_->changed.notify_all();
  }

 private:
  bool is_stopping() {
    const std::lock_guard lock(shared_->mutex);
    return shared_->stopping;
  }

  void wait(milliseconds time) {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_for(lock, time, [&] { return shared_->stopping; });
  }

  void tell_state(bool connected, const std::string& detail) {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->stopping) shared_->on_state(connected, detail);
  }

  bool open() {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->connected = shared_->expired = shared_->refused = false;
      shared_->look = false;
    }
    handle_ = zookeeper_init2(url_.hosts.c_str(), watch, static_cast<int>(times_.session.count()),
                              nullptr, shared_.get(), 0, log_zookeeper_line);
    if (handle_ == nullptr) {
      tell_state(false, "none of its servers (" + url_.hosts + ") can be resolved");
      return false;
    }
    if (!url_.credentials.empty()) {
      zoo_add_auth(handle_, "digest", url_.credentials.data(),
                   static_cast<int>(url_.credentials.size()), nullptr, nullptr);
    }
    return true;
  }

  // Until the session is lost for good, or all ends.
  void follow() {
    bool was_connected = false;
    while (true) {
      bool connected = false;
      {
        std::unique_lock lock(shared_->mutex);
        const auto is_due = [&] { return shared_->stopping || shared_->look; };
        if (!shared_->changed.wait_for(lock, times_.session, is_due) && !shared_->connected) {
          lock.unlock();
          tell_state(false, "no answer from " + url_.hosts);
          continue;
        }
        if (shared_->stopping) return;
        shared_->look = false;
        connected = shared_->connected;
      }
      if (is_over()) return;
      if (was_connected && !connected) tell_state(false, "the connection is lost");
      was_connected = connected;
      // A look that fails though the session stands (a node went while it was read) is repeated.
      if (connected && !look()) retry_look();
    }
  }

  bool is_over() {
    std::string why;
    {
      const std::lock_guard lock(shared_->mutex);
      if (shared_->expired) why = "the session has expired; a new one is opened";
      if (shared_->refused) why = "user or password of the zk:// URL are refused";
    }
    if (why.empty()) return false;
    tell_state(false, why);
    return true;
  }

  void retry_look() {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_for(lock, times_.retry,
                              [&] { return shared_->stopping || shared_->look; });
    shared_->look = true;
  }

  // True: done; there will be a call of watch() when there is something new.
  bool look() {
    String_vector list{};
    const int code = zoo_wget_children(handle_, url_.path.c_str(), watch, shared_.get(), &list);
    if (code == ZNONODE) {
      tell_state(true, "there is no node " + url_.path + ": no master has come up yet");
      return !wait_for_path();
    }
    if (code != ZOK) {
      tell_state(false, "the children of " + url_.path + " cannot be read: " + zerror(code));
      return false;
    }
    std::vector<std::string> children(list.data, list.data + list.count);
    deallocate_String_vector(&list);
    std::vector<ZkMaster> masters;
    for (const std::string& node : master_nodes(children)) {
      std::string data;
      if (!read(node, data)) return false;
      auto master = parser_.parse_master_info(data);
      if (master) {
        masters.push_back(
            ZkMaster{std::move(*master), json_string(data, "/hostname").value_or("")});
        continue;
      }
      tell_state(true, "the node " + url_.path + "/" + node + " is no master's: " + master.error());
      if (masters.empty()) return true;  // the leader's: the one known before stays
    }
    tell_state(true, masters.empty() ? "no master leads at the moment" : "in touch");
    if (masters.empty() || masters == known_) return true;
    known_ = masters;
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->stopping) shared_->on_change(known_);
    return true;
  }

  // True: the path has come up meanwhile.
  bool wait_for_path() {
    Stat stat{};
    return zoo_wexists(handle_, url_.path.c_str(), watch, shared_.get(), &stat) == ZOK;
  }

  // False: it has gone meanwhile, or ZooKeeper has.
  bool read(const std::string& node, std::string& data) {
    data.resize(kMaxMasterNodeBytes);
    int length = kMaxMasterNodeBytes;
    const std::string path = url_.path + "/" + node;
    const int code = zoo_get(handle_, path.c_str(), 0, data.data(), &length, nullptr);
    data.resize(code == ZOK && length > 0 ? static_cast<size_t>(length) : 0);
    return code == ZOK;
  }

  ZookeeperUrl url_;
  ZkLeader::Times times_;
  std::shared_ptr<Shared> shared_;
  MesosParser parser_;
  zhandle_t* handle_ = nullptr;
  std::vector<ZkMaster> known_;
};

class ThreadedZkLeader final : public ZkLeader {
 public:
  ThreadedZkLeader(const ZookeeperUrl& url, const Times& times, Changed changed, State state) {
    shared_->on_change = std::move(changed);
    shared_->on_state = std::move(state);
    thread_ = std::thread([url, times, shared = shared_] { Watcher(url, times, shared).run(); });
  }

  // The client may be waiting for a name server, or to say goodbye to a server that does not
  // listen: then its thread is left to end by itself. It touches nothing of ours from here on.
  ~ThreadedZkLeader() override {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->changed.notify_all();
    const bool ended = shared_->changed.wait_for(lock, kGoodbye, [&] { return shared_->ended; });
    lock.unlock();
    if (ended) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }
  ThreadedZkLeader(const ThreadedZkLeader&) = delete;
  ThreadedZkLeader& operator=(const ThreadedZkLeader&) = delete;

 private:
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::thread thread_;
};

}  // namespace

std::vector<std::string> master_nodes(const std::vector<std::string>& children) {
  std::vector<std::pair<uint64_t, std::string>> nodes;
  for (const std::string& child : children) {
    if (const auto counter = counter_of(child)) nodes.emplace_back(*counter, child);
  }
  std::sort(nodes.begin(), nodes.end());
  if (nodes.size() > kMaxMasters) nodes.resize(kMaxMasters);
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (auto& [counter, name] : nodes) names.push_back(std::move(name));
  return names;
}

std::unique_ptr<ZkLeader> ZkLeader::start(const ZookeeperUrl& url, const Times& times,
                                          Changed changed, State state) {
  return std::make_unique<ThreadedZkLeader>(url, times, std::move(changed), std::move(state));
}

}  // namespace vipgate
