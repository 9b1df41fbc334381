// One session with a ZooKeeper: the few operations that the state store needs. The store's only
// door to the C client.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/config/zookeeper_url.h"

namespace vipgate {

enum class ZkCode : uint8_t {
  kOk,
  kNoNode,
  kExists,   // also: a parent is not empty
  kVersion,  // somebody else was first
  kLost,     // the connection: the outcome is not known; an event tells when it is back
  kExpired,  // the session is over: make another one
  kRefused,  // everything else, see `detail`
};

struct ZkNode {
  std::string data;
  int64_t mzxid = 0;  // the transaction that last wrote it: names this very state
  int32_t version = 0;
};

struct ZkWrite {
  enum class Kind : uint8_t { kCreate, kSet, kRemove };
  Kind kind = Kind::kCreate;
  std::string path;
  std::string data;
  int32_t version = -1;  // of what is replaced or removed
};

struct ZkEvent {
  enum class Kind : uint8_t { kConnected, kDisconnected, kExpired, kAuthFailed, kChildren, kData };
  Kind kind = Kind::kConnected;
  std::string path;  // kChildren, kData
};

// Calls block; one thread makes them. Events come on a thread of the C client's.
class ZookeeperSession {
 public:
  using OnEvent = std::function<void(const ZkEvent&)>;

  static Result<std::unique_ptr<ZookeeperSession>> open(const ZookeeperUrl& url, OnEvent on_event);
  ~ZookeeperSession();
  ZookeeperSession(const ZookeeperSession&) = delete;
  ZookeeperSession& operator=(const ZookeeperSession&) = delete;

  // kExists is no failure of the caller's.
  ZkCode create(const std::string& path);
  // The transaction that made the node.
  ZkCode identity(const std::string& path, int64_t& czxid);
  // With a watch: one event of kChildren when they change.
  ZkCode children(const std::string& path, std::vector<std::string>& names);
  // With a watch: one event of kData when it changes or goes.
  ZkCode get(const std::string& path, ZkNode& node);
  // All or nothing. `mzxid`: the transaction. `failed`: the index of the write that is to blame, if
  // it is one.
  ZkCode write(const std::string& space_path, const std::vector<ZkWrite>& writes, int64_t& mzxid,
               std::optional<size_t>& failed);
  // What the last kRefused was about.
  [[nodiscard]] const std::string& detail() const { return detail_; }

 private:
  struct Impl;
  ZookeeperSession();
  ZkCode code_of(int error);

  std::unique_ptr<Impl> impl_;
  std::string detail_;
};

}  // namespace vipgate
