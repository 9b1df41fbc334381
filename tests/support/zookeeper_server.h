// A real ZooKeeper of a test's own, on a free port of the loopback, with its data in a directory
// that goes with it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"

namespace vipgate::test {

// One thread.
class ZookeeperServer {
 public:
  // Whether Java and ZooKeeper's jars are here; the error says what to install: skip the test.
  static Status available();

  // Runs and answers when this returns.
  static Result<std::unique_ptr<ZookeeperServer>> create();
  ~ZookeeperServer();
  ZookeeperServer(const ZookeeperServer&) = delete;
  ZookeeperServer& operator=(const ZookeeperServer&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }
  // "127.0.0.1:PORT"
  [[nodiscard]] std::string hosts() const { return "127.0.0.1:" + std::to_string(port_); }

  // As a power cut does: what was acknowledged stays.
  void stop();
  // Again, with the same port and data. Waits until it answers.
  Status start();
  // It keeps its connections and says nothing on them.
  void pause();
  void resume();
  // Ends all sessions, as if their clients had been silent for too long: each is told when it next
  // speaks. Returns how many; 0 also when the server does not answer.
  size_t expire_sessions();
  // The answer to a four-letter word ("srvr", "cons"); empty: none.
  [[nodiscard]] std::string ask(const std::string& word) const;

 private:
  size_t close_sessions();
  ZookeeperServer(std::string directory, uint16_t port);

  std::string directory_;
  uint16_t port_;
  pid_t process_ = -1;
};

}  // namespace vipgate::test
