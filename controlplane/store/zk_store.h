// The state store whose shared spaces are in ZooKeeper, and whose others are in a file of its own.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controlplane/file_descriptor.h"
#include "controlplane/store/sqlite_store.h"
#include "controlplane/store/state_store.h"
#include "controlplane/store/zookeeper_session.h"

namespace vipgate {

// A key of a shared space is a node PATH/SPACE/KEY. All that is known of them is also in the local
// file, with the writes that ZooKeeper has not taken yet: both survive a restart, and a ZooKeeper
// that is away removes nothing.
//
// Who is first wins: a write goes through only if the node is still as it was when the write was
// made. Otherwise the write is dropped, and the other gateway's value comes as a remote change.
//
// A batch is one transaction in the local file. ZooKeeper takes up to kMaxWrites of it at a time,
// so another gateway may see a long batch come in parts.
class ZkStore : public StateStore {
 public:
  static Result<std::unique_ptr<StateStore>> open(const std::string& url,
                                                  const std::string& local_path);
  ~ZkStore() override;
  ZkStore(const ZkStore&) = delete;
  ZkStore& operator=(const ZkStore&) = delete;

  // Of a shared space: waits a moment for ZooKeeper, once, then answers with what is known.
  Result<std::map<std::string, std::string>> load(std::string_view space) override;
  void write(std::vector<StoreWrite> batch) override;
  Result<std::set<std::string>> spaces() override { return local_.spaces(); }
  void erase(const std::string& space) override { local_.erase(space); }
  // Until ZooKeeper has it, too. The error says so when it is only in the local file.
  Status flush(int64_t timeout_ms) override;
  [[nodiscard]] StoreHealth health() const override;
  // In the local file, from which it goes to the others.
  [[nodiscard]] uint64_t handed() const override { return local_.handed(); }
  [[nodiscard]] bool is_stored(uint64_t number) const override { return local_.is_stored(number); }
  [[nodiscard]] int fd() const override { return event_.get(); }
  std::vector<StoreWrite> take_remote_changes() override;

 private:
  using Name = std::pair<std::string, std::string>;  // space, key

  // What ZooKeeper had when we last looked.
  struct Known {
    std::string value;
    int64_t mzxid = 0;
    int32_t version = -1;
  };
  // A write that ZooKeeper has not taken yet.
  struct Waiting {
    std::optional<std::string> value;
    int64_t base = 0;  // mzxid of the state that it replaces; 0: there was none
    uint64_t number = 0;
    // Values that were sent when the connection broke: what ZooKeeper has may be our own.
    std::vector<std::optional<std::string>> in_doubt = {};
  };

  ZkStore(ZookeeperUrl url, const std::string& local_path);
  // What the last run left behind.
  void restore();

  // All of the following run on thread_; those with a lock hold mutex_ when they are called and
  // when they return, and let go of it while they talk to ZooKeeper.
  using Lock = std::unique_lock<std::mutex>;
  void run();
  void wait_for_work(Lock& lock);
  void note_in_step();
  bool step(Lock& lock);
  bool start_session(Lock& lock);
  bool sync_space(Lock& lock, const std::string& space);
  bool ensure_space(Lock& lock, const std::string& space);
  bool read_node(Lock& lock, const Name& name);
  bool push(Lock& lock);
  std::vector<std::pair<Name, Waiting>> next_writes() const;
  void pushed(const std::vector<std::pair<Name, Waiting>>& writes, int64_t mzxid);
  // Takes note of what ZooKeeper has under the name, or that it has nothing.
  void learn(const Name& name, const std::optional<ZkNode>& node);
  void report(const Name& name, std::optional<std::string> value);
  void forget_session(Lock& lock);
  // Whether the space is the one that was seen last. If not, ZooKeeper has lost everything since.
  bool verify_space(Lock& lock, const std::string& space);
  // What is known of the space goes to ZooKeeper anew.
  void upload(const std::string& space);
  // False: what failed is tried again later.
  bool succeeded(ZkCode code);
  void fail(const std::string& problem);
  bool has_work() const;
  void on_event(const ZkEvent& event);
  std::string space_path(const std::string& space) const { return url_.path + "/" + space; }

  // The space of the local file for mzxids: "space/key", and "space" for the space's own node.
  static constexpr std::string_view kBaseSpace = "zk.base";

  // Rows of the local file that keep `waiting_` and `known_`.
  StoreWrite waiting_row(const Name& name) const;
  StoreWrite base_row(const Name& name) const;

  const ZookeeperUrl url_;
  SqliteStore local_;
  FileDescriptor event_;
  std::unique_ptr<ZookeeperSession> session_;  // of thread_

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Name, Known> known_;
  std::map<Name, Waiting> waiting_;
  StoreRows remote_;
  std::map<std::string, int64_t> identity_;  // of each space's node
  std::set<std::string> verified_;           // spaces, in this session
  std::set<std::string> unsynced_;           // spaces whose nodes must be listed
  std::set<Name> watched_;                   // nodes with a watch of this session
  std::set<Name> unread_;                    // nodes that must be read
  uint64_t writes_ = 0;
  uint64_t failures_ = 0;
  std::string problem_;
  bool connected_ = false;
  bool expired_ = false;
  bool syncing_ = false;
  bool refused_ = false;    // the password
  bool gave_time_ = false;  // load() has waited for ZooKeeper
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vipgate
