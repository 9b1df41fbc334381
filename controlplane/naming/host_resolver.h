// Names of agents' and frameworks' hosts, resolved beside the control thread: getaddrinfo() may
// block for seconds.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/file_descriptor.h"

namespace vipgate {

// Created and called by the control thread; has a thread of its own, which the destructor ends when
// the question that it is at has been answered. Times are monotonic milliseconds.
class HostResolver {
 public:
  // How long an answer, and how long a failure counts, as Mesos-DNS asks anew with each refresh.
  static constexpr int64_t kAnswerMs = 60'000;
  static constexpr int64_t kFailureMs = 10'000;
  // Names that are followed at most; further ones have no address.
  static constexpr size_t kMaxNames = 100'000;

  // All addresses of a name, or none. Called by the resolver's thread; may block.
  using Ask = std::function<std::vector<IpAddress>(const std::string&)>;

  static Result<std::unique_ptr<HostResolver>> create(Ask ask = system_resolver());
  ~HostResolver();
  HostResolver(const HostResolver&) = delete;
  HostResolver& operator=(const HostResolver&) = delete;

  // What is known now. A name that is new is asked for: see take_changes().
  const std::vector<IpAddress>& find(const std::string& name);

  // Readable when there are answers.
  [[nodiscard]] int fd() const { return event_.get(); }
  // Names whose addresses differ from what find() said before.
  std::set<std::string> take_changes(int64_t now_ms);
  // Asks anew for what is old.
  void refresh(int64_t now_ms);
  [[nodiscard]] int64_t next_refresh_ms() const { return next_refresh_ms_; }
  [[nodiscard]] size_t size() const { return known_.size(); }

  // By the system: /etc/hosts, DNS.
  static Ask system_resolver();

 private:
  struct Known {
    std::vector<IpAddress> addresses;
    int64_t due_ms = INT64_MAX;  // INT64_MAX: it is being asked for
  };
  struct Answer {
    std::string name;
    std::vector<IpAddress> addresses;
  };

  HostResolver(Ask ask, FileDescriptor event);
  void ask_for(const std::string& name);
  void run();

  const Ask ask_;
  const FileDescriptor event_;
  std::map<std::string, Known> known_;
  int64_t next_refresh_ms_ = INT64_MAX;

  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::deque<std::string> questions_;
  std::vector<Answer> answers_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace vipgate
