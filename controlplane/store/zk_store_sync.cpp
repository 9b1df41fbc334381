// The part of ZkStore that talks to ZooKeeper, on a thread of its own.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "controlplane/store/zk_key.h"
#include "controlplane/store/zk_store.h"

namespace vipgate {
namespace {

constexpr auto kSilence = std::chrono::milliseconds(5000);
constexpr size_t kMaxWrites = 256;
constexpr size_t kMaxWriteBytes = 512u << 10;

}  // namespace

bool ZkStore::has_work() const {
  if (session_ == nullptr || expired_) return true;
  return connected_ && (!unsynced_.empty() || !unread_.empty() || !waiting_.empty());
}

void ZkStore::run() {
  auto pause = kFirstRetry;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!has_work()) {
      wait_for_work(lock);
      continue;
    }
    const bool refused = std::exchange(refused_, false);
    if (!refused && step(lock)) {
      pause = kFirstRetry;
      note_in_step();
      changed_.notify_all();
      continue;
    }
    changed_.wait_for(lock, refused ? kLongestRetry : pause, [&] { return stopping_; });
    pause = std::min(pause * 2, kLongestRetry);
  }
  lock.unlock();
  session_.reset();
}

// Before anybody who waits in flush() can look at health().
void ZkStore::note_in_step() {
  if (problem_.empty() || !connected_ || has_work()) return;
  spdlog::info("ZooKeeper {} and this gateway are in step again", url_.hosts);
  problem_.clear();
}

void ZkStore::wait_for_work(Lock& lock) {
  const auto ready = [&] { return stopping_ || has_work(); };
  note_in_step();
  if (connected_) {
    changed_.wait(lock, [&] { return ready() || !connected_; });
  } else if (!changed_.wait_for(lock, kSilence, [&] { return ready() || connected_; }) &&
             problem_.empty()) {
    fail("ZooKeeper " + url_.hosts + " does not answer; look at it, or at the key store");
  }
}

bool ZkStore::step(Lock& lock) {
  if (expired_) forget_session(lock);
  if (session_ == nullptr) return start_session(lock);
  if (!unsynced_.empty()) return sync_space(lock, std::string(*unsynced_.begin()));
  if (!unread_.empty()) return read_node(lock, Name(*unread_.begin()));
  return push(lock);
}

void ZkStore::forget_session(Lock& lock) {
  // It waits for the client's thread, which may be waiting for the lock in on_event().
  lock.unlock();
  session_.reset();
  lock.lock();
  expired_ = false;
}

bool ZkStore::start_session(Lock& lock) {
  watched_.clear();
  verified_.clear();
  unread_.clear();
  unsynced_ = {std::string(kVipSpace), std::string(kServiceSpace)};
  connected_ = false;
  lock.unlock();
  auto session = ZookeeperSession::open(url_, [this](const ZkEvent& event) { on_event(event); });
  lock.lock();
  if (!session) {
    fail(session.error());
    return false;
  }
  session_ = std::move(*session);
  return true;
}

void ZkStore::fail(const std::string& problem) {
  ++failures_;
  if (problem_ != problem) spdlog::error("{}; it is tried again", problem);
  problem_ = problem;
}

bool ZkStore::succeeded(ZkCode code) {
  switch (code) {
    case ZkCode::kOk:
      return true;
    case ZkCode::kLost:
      fail("the connection to ZooKeeper " + url_.hosts + " was lost; look at it");
      return false;
    case ZkCode::kExpired:
      fail("the session with ZooKeeper " + url_.hosts + " is over");
      expired_ = true;
      return false;
    default:
      fail("ZooKeeper " + url_.hosts + " refuses " + url_.path + ": " + session_->detail() +
           "; look at its rights and limits");
      return false;
  }
}

bool ZkStore::ensure_space(Lock& lock, const std::string& space) {
  const std::string path = space_path(space);
  ZkCode code = ZkCode::kOk;
  lock.unlock();
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    code = session_->create(path.substr(0, end));
    if ((code != ZkCode::kOk && code != ZkCode::kExists) || end == std::string::npos) break;
  }
  lock.lock();
  if (code == ZkCode::kExists) return true;
  if (!succeeded(code)) return false;
  upload(space);
  return true;
}

void ZkStore::upload(const std::string& space) {
  for (auto it = known_.begin(); it != known_.end();) {
    if (it->first.first != space || it->second.mzxid == 0) {
      ++it;
      continue;
    }
    waiting_.try_emplace(it->first, Waiting{it->second.value, 0, ++writes_, {}});
    it = known_.erase(it);
  }
  std::vector<StoreWrite> rows;
  for (auto& [name, write] : waiting_) {
    if (name.first != space) continue;
    write.base = 0;
    rows.push_back(waiting_row(name));
    rows.push_back(base_row(name));
  }
  local_.write(std::move(rows));
}

bool ZkStore::verify_space(Lock& lock, const std::string& space) {
  int64_t identity = 0;
  lock.unlock();
  const ZkCode code = session_->identity(space_path(space), identity);
  lock.lock();
  if (code == ZkCode::kNoNode) return ensure_space(lock, space);
  if (!succeeded(code)) return false;
  const int64_t before = identity_[space];
  if (before != 0 && before != identity) {
    spdlog::warn("ZooKeeper {} has lost {}: what this gateway knows goes there again", url_.hosts,
                 space_path(space));
    upload(space);
  }
  if (before != identity) {
    identity_[space] = identity;
    local_.write({{std::string(kBaseSpace), space, std::to_string(identity)}});
  }
  verified_.insert(space);
  return true;
}

bool ZkStore::sync_space(Lock& lock, const std::string& space) {
  if (!verified_.contains(space)) return verify_space(lock, space);
  // Before the nodes are listed: what changes from now on raises the mark again.
  unsynced_.erase(space);
  syncing_ = true;
  std::vector<std::string> nodes;
  lock.unlock();
  const ZkCode code = session_->children(space_path(space), nodes);
  lock.lock();
  if (code != ZkCode::kOk) {
    syncing_ = false;
    unsynced_.insert(space);
    verified_.erase(space);
    return code == ZkCode::kNoNode || succeeded(code);
  }
  std::set<Name> present;
  for (const std::string& node : nodes) present.emplace(space, zk_key_from_node(node));
  std::vector<Name> gone;
  const Name first(space, "");
  for (auto it = known_.lower_bound(first); it != known_.end() && it->first.first == space; ++it) {
    if (!present.contains(it->first) && it->second.mzxid != 0) gone.push_back(it->first);
  }
  for (const Name& name : gone) {
    watched_.erase(name);
    learn(name, std::nullopt);
  }
  bool done = true;
  for (const Name& name : present) {
    done = watched_.contains(name) || read_node(lock, name);
    if (!done || stopping_) break;
  }
  syncing_ = false;
  if (!done) unsynced_.insert(space);
  return done;
}

bool ZkStore::read_node(Lock& lock, const Name& name) {
  unread_.erase(name);
  ZkNode node;
  lock.unlock();
  const ZkCode code =
      session_->get(space_path(name.first) + "/" + zk_node_from_key(name.second), node);
  lock.lock();
  if (code == ZkCode::kNoNode) {
    watched_.erase(name);
    learn(name, std::nullopt);
    return true;
  }
  if (!succeeded(code)) {
    unread_.insert(name);
    return false;
  }
  watched_.insert(name);
  learn(name, node);
  return true;
}

std::vector<std::pair<ZkStore::Name, ZkStore::Waiting>> ZkStore::next_writes() const {
  std::vector<std::pair<Name, Waiting>> writes;
  size_t bytes = 0;
  for (const auto& [name, write] : waiting_) {
    if (!writes.empty() && name.first != writes.front().first.first) break;
    bytes += name.second.size() + (write.value ? write.value->size() : 0);
    if (!writes.empty() && bytes > kMaxWriteBytes) break;
    writes.emplace_back(name, write);
    if (writes.size() == kMaxWrites) break;
  }
  return writes;
}

bool ZkStore::push(Lock& lock) {
  if (waiting_.empty()) return true;
  const auto writes = next_writes();
  const std::string space = writes.front().first.first;
  std::vector<ZkWrite> operations;
  for (const auto& [name, write] : writes) {
    const auto known = known_.find(name);
    const bool there = known != known_.end();
    if ((there ? known->second.mzxid : 0) != write.base || (!there && !write.value)) {
      // Another gateway was first, or there is nothing to remove: both are settled by a look.
      return read_node(lock, name);
    }
    ZkWrite one;
    one.kind = !write.value ? ZkWrite::Kind::kRemove
               : there      ? ZkWrite::Kind::kSet
                            : ZkWrite::Kind::kCreate;
    one.path = space_path(space) + "/" + zk_node_from_key(name.second);
    if (write.value) one.data = *write.value;
    if (there) one.version = known->second.version;
    operations.push_back(std::move(one));
  }
  int64_t mzxid = 0;
  std::optional<size_t> failed;
  lock.unlock();
  const ZkCode code = session_->write(space_path(space), operations, mzxid, failed);
  lock.lock();
  if (code == ZkCode::kOk) {
    pushed(writes, mzxid);
    return true;
  }
  const bool conflict =
      code == ZkCode::kNoNode || code == ZkCode::kExists || code == ZkCode::kVersion;
  if (code == ZkCode::kNoNode) {  // perhaps it is the space that has gone
    unsynced_.insert(space);
    verified_.erase(space);
    if (!failed) return true;
  }
  if (code == ZkCode::kLost || code == ZkCode::kExpired) {
    for (const auto& [name, write] : writes) {
      const auto waiting = waiting_.find(name);
      if (waiting == waiting_.end()) continue;
      auto& doubt = waiting->second.in_doubt;
      if (doubt.empty() || doubt.back() != write.value) doubt.push_back(write.value);
    }
  }
  if (!conflict || !failed) return succeeded(code);
  const auto& [name, write] = writes[*failed];
  if (!read_node(lock, name)) return false;
  const auto waiting = waiting_.find(name);
  const auto known = known_.find(name);
  const bool settled = code == ZkCode::kNoNode || waiting == waiting_.end() ||
                       waiting->second.number != write.number ||
                       (known == known_.end() ? 0 : known->second.mzxid) != write.base;
  if (!settled) fail("ZooKeeper " + url_.hosts + " refuses the key '" + name.second + "'");
  return settled;
}

}  // namespace vipgate
