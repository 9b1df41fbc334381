#include "controlplane/store/zk_store.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <initializer_list>

#include "controlplane/store/zk_key.h"

namespace vipgate {
namespace {

constexpr auto kFirstSync = std::chrono::milliseconds(1000);
constexpr size_t kMaxValueBytes = 1000000;

// The space of the local file for waiting writes: "space/key" → the base, and "=value" or "-".
constexpr std::string_view kWaitingSpace = "zk.waiting";

constexpr std::initializer_list<std::string_view> kShared = {kVipSpace, kServiceSpace};

bool is_shared(std::string_view space) {
  return std::find(kShared.begin(), kShared.end(), space) != kShared.end();
}

int64_t leading_number(const std::string& text, size_t& length) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  length = error == std::errc() ? static_cast<size_t>(end - text.data()) : 0;
  return number;
}

}  // namespace

Result<std::unique_ptr<StateStore>> ZkStore::open(const std::string& url,
                                                  const std::string& local_path) {
  auto parsed = parse_zookeeper_url(url);
  if (!parsed) return Error{parsed.error()};
  std::unique_ptr<ZkStore> store(new ZkStore(*parsed, local_path));
  if (store->event_.get() < 0) return Error{"no event descriptor; raise the limit of open files"};
  store->restore();
  store->thread_ = std::thread([self = store.get()] { self->run(); });
  pthread_setname_np(store->thread_.native_handle(), "vg-zk-store");
  return std::unique_ptr<StateStore>(std::move(store));
}

ZkStore::ZkStore(ZookeeperUrl url, const std::string& local_path)
    : url_(std::move(url)), local_(local_path), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (const std::string_view space : kShared) unsynced_.emplace(space);
}

ZkStore::~ZkStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ZkStore::restore() {
  const auto rows = [&](std::string_view space) {
    auto loaded = local_.load(space);
    if (!loaded) spdlog::error("{}; starting without what it may hold", loaded.error());
    return loaded ? std::move(*loaded) : std::map<std::string, std::string>();
  };
  const auto bases = rows(kBaseSpace);
  const auto waiting = rows(kWaitingSpace);
  for (const std::string_view space : kShared) {
    const std::string prefix = std::string(space) + "/";
    size_t ignored = 0;
    const auto identity = bases.find(std::string(space));
    if (identity != bases.end()) {
      identity_[std::string(space)] = leading_number(identity->second, ignored);
    }
    for (auto& [key, value] : rows(space)) {
      const Name name(space, key);
      const auto base = bases.find(prefix + key);
      size_t length = 0;
      const int64_t mzxid = base == bases.end() ? 0 : leading_number(base->second, length);
      if (mzxid != 0 || value.size() > kMaxValueBytes) {
        known_[name] = {value, mzxid, -1};
      } else {
        waiting_[name] = {value, 0, ++writes_, {}};  // made while there was no ZooKeeper
      }
    }
    for (auto row = waiting.lower_bound(prefix);
         row != waiting.end() && row->first.starts_with(prefix); ++row) {
      size_t length = 0;
      const int64_t base = leading_number(row->second, length);
      if (length == 0 || length >= row->second.size()) continue;
      Waiting write{std::nullopt, base, ++writes_, {}};
      if (row->second[length] == '=') write.value = row->second.substr(length + 1);
      waiting_[{std::string(space), row->first.substr(prefix.size())}] = write;
    }
  }
}

StoreWrite ZkStore::waiting_row(const Name& name) const {
  StoreWrite row{std::string(kWaitingSpace), name.first + "/" + name.second, std::nullopt};
  if (const auto found = waiting_.find(name); found != waiting_.end()) {
    row.value = std::to_string(found->second.base) +
                (found->second.value ? "=" + *found->second.value : "-");
  }
  return row;
}

StoreWrite ZkStore::base_row(const Name& name) const {
  StoreWrite row{std::string(kBaseSpace), name.first + "/" + name.second, std::nullopt};
  if (const auto found = known_.find(name); found != known_.end()) {
    row.value = std::to_string(found->second.mzxid);
  }
  return row;
}

Result<std::map<std::string, std::string>> ZkStore::load(std::string_view space) {
  if (!is_shared(space)) return local_.load(space);
  std::unique_lock lock(mutex_);
  if (!gave_time_) {
    gave_time_ = true;
    changed_.wait_for(lock, kFirstSync,
                      [&] { return connected_ && unsynced_.empty() && !syncing_; });
  }
  std::map<std::string, std::string> rows;
  const Name first(space, "");
  for (auto it = known_.lower_bound(first); it != known_.end() && it->first.first == space; ++it) {
    rows.emplace(it->first.second, it->second.value);
  }
  for (auto it = waiting_.lower_bound(first); it != waiting_.end() && it->first.first == space;
       ++it) {
    rows.erase(it->first.second);
    if (it->second.value) rows.emplace(it->first.second, *it->second.value);
  }
  // What is told here need not be told again.
  std::erase_if(remote_, [&](const auto& row) { return row.first.first == space; });
  return rows;
}

void ZkStore::write(std::vector<StoreWrite> batch) {
  {
    const std::lock_guard lock(mutex_);
    std::vector<StoreWrite> extra;
    for (const StoreWrite& one : batch) {
      if (!is_shared(one.space)) continue;
      const Name name(one.space, one.key);
      if (one.value && one.value->size() > kMaxValueBytes) {
        spdlog::error("the value of '{}' has {} bytes, more than ZooKeeper takes: it is not shared",
                      one.key, one.value->size());
        continue;
      }
      const auto known = known_.find(name);
      const int64_t base = known == known_.end() ? 0 : known->second.mzxid;
      const auto [waiting, is_new] = waiting_.try_emplace(name, Waiting{{}, base, 0, {}});
      waiting->second.value = one.value;
      waiting->second.number = ++writes_;
      extra.push_back(waiting_row(name));
    }
    std::move(extra.begin(), extra.end(), std::back_inserter(batch));
    // With the lock held, so that the rows reach the file in the order in which they were made.
    local_.write(std::move(batch));
  }
  changed_.notify_all();
}

Status ZkStore::flush(int64_t timeout_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  if (Status stored = local_.flush(timeout_ms); !stored) return stored;
  std::unique_lock lock(mutex_);
  // Who has waited for it finds the store well: not between the last write and the look that
  // follows.
  const auto is_done = [&] { return waiting_.empty() && (problem_.empty() || !connected_); };
  if (changed_.wait_until(lock, end, is_done)) return Done{};
  return Error{"ZooKeeper " + url_.hosts + " has not taken " + std::to_string(waiting_.size()) +
               " keys yet" + (problem_.empty() ? "" : ": " + problem_) +
               "; they are in the local file and go there when it answers"};
}

StoreHealth ZkStore::health() const {
  StoreHealth health = local_.health();
  const std::lock_guard lock(mutex_);
  health.failures += failures_;
  health.waiting += waiting_.size();
  if (health.ok && (!problem_.empty() || !connected_)) {
    health.ok = false;
    health.problem = problem_.empty() ? "ZooKeeper " + url_.hosts +
                                            " does not answer; look at it, or at the hosts in the "
                                            "key store"
                                      : problem_;
  }
  return health;
}

std::vector<StoreWrite> ZkStore::take_remote_changes() {
  const std::lock_guard lock(mutex_);
  uint64_t count = 0;
  // Nothing to read means that nothing has come: both are answered the same.
  (void)!::read(event_.get(), &count, sizeof count);
  std::vector<StoreWrite> changes;
  for (auto& [name, value] : remote_) changes.push_back({name.first, name.second, value});
  remote_.clear();
  return changes;
}

void ZkStore::report(const Name& name, std::optional<std::string> value) {
  remote_.insert_or_assign(name, std::move(value));
  const uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);  // it can only fail when it is readable already
}

void ZkStore::learn(const Name& name, const std::optional<ZkNode>& node) {
  const auto known = known_.find(name);
  const bool had = known != known_.end();
  const std::optional<std::string> before = had ? std::optional(known->second.value) : std::nullopt;
  const std::optional<std::string> now = node ? std::optional(node->data) : std::nullopt;
  const bool same_state = (had ? known->second.mzxid : 0) == (node ? node->mzxid : 0);
  if (node) {
    known_[name] = {node->data, node->mzxid, node->version};
  } else if (had) {
    known_.erase(known);
  }
  const auto waiting = waiting_.find(name);
  std::vector<StoreWrite> rows;
  if (waiting != waiting_.end()) {
    auto& doubt = waiting->second.in_doubt;
    if (std::find(doubt.begin(), doubt.end(), now) != doubt.end()) {
      waiting->second.base = node ? node->mzxid : 0;
      rows.push_back(waiting_row(name));
    }
    doubt.clear();
  }
  if (!same_state) rows.push_back(base_row(name));
  if (waiting == waiting_.end()) {
    if (before != now) {
      rows.push_back({name.first, name.second, now});
      report(name, now);
    }
  } else if (waiting->second.value == now || waiting->second.base != (node ? node->mzxid : 0)) {
    // It has what we wanted; or another gateway was first, and what it wrote holds.
    const bool lost = waiting->second.value != now;
    waiting_.erase(waiting);
    rows.push_back(waiting_row(name));
    if (lost) {
      rows.push_back({name.first, name.second, now});
      report(name, now);
    }
  }
  if (!rows.empty()) local_.write(std::move(rows));
}

void ZkStore::pushed(const std::vector<std::pair<Name, Waiting>>& writes, int64_t mzxid) {
  std::vector<StoreWrite> rows;
  for (const auto& [name, write] : writes) {
    if (write.value) {
      Known& known = known_[name];
      known = {*write.value, mzxid, known.mzxid == 0 ? 0 : known.version + 1};
    } else {
      known_.erase(name);
      watched_.erase(name);
    }
    const auto waiting = waiting_.find(name);
    if (waiting != waiting_.end() && waiting->second.number == write.number) {
      waiting_.erase(waiting);
    } else if (waiting != waiting_.end()) {
      waiting->second.base = write.value ? mzxid : 0;  // written anew meanwhile
      waiting->second.in_doubt.clear();
    }
    rows.push_back(base_row(name));
    rows.push_back(waiting_row(name));
  }
  local_.write(std::move(rows));
}

void ZkStore::on_event(const ZkEvent& event) {
  {
    const std::lock_guard lock(mutex_);
    switch (event.kind) {
      case ZkEvent::Kind::kConnected:
        connected_ = true;
        break;
      case ZkEvent::Kind::kDisconnected:
        connected_ = false;
        break;
      case ZkEvent::Kind::kAuthFailed:
        fail("ZooKeeper " + url_.hosts + " refuses the password; mend it in the key store");
        refused_ = true;
        [[fallthrough]];
      case ZkEvent::Kind::kExpired:
        connected_ = false;
        expired_ = true;
        break;
      case ZkEvent::Kind::kChildren:
        for (const std::string_view space : kShared) {
          if (event.path == space_path(std::string(space))) unsynced_.emplace(space);
        }
        break;
      case ZkEvent::Kind::kData:
        for (const std::string_view space : kShared) {
          const std::string prefix = space_path(std::string(space)) + "/";
          if (!event.path.starts_with(prefix)) continue;
          unread_.emplace(space, zk_key_from_node(event.path.substr(prefix.size())));
        }
        break;
    }
  }
  changed_.notify_all();
}

}  // namespace vipgate
