// What a MarathonSource has to say, until the control thread takes it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/result.h"
#include "controlplane/file_descriptor.h"
#include "controlplane/marathon/marathon_source.h"

namespace vipgate {

// Any thread. Never blocks: what is newer replaces what is older.
class MarathonMailbox {
 public:
  static Result<std::unique_ptr<MarathonMailbox>> create();

  void put(MarathonHealth health);
  void put(const MarathonChange& change);
  void put_link(bool connected, const std::string& detail);
  MarathonUpdate take();
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  explicit MarathonMailbox(FileDescriptor event) : event_(std::move(event)) {}
  void signal();

  FileDescriptor event_;
  std::mutex mutex_;
  std::optional<MarathonHealth> health_;
  std::map<std::string, std::optional<bool>> changes_;  // later than health_
  std::optional<std::pair<bool, std::string>> link_;
  std::optional<std::pair<bool, std::string>> last_link_;
};

}  // namespace vipgate
