// What Marathon says about the health of tasks (REST API v2). Every byte is hostile: nothing
// throws, an item that cannot be read costs itself only.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/marathon/marathon_source.h"

namespace vipgate {

struct MarathonState {
  MarathonHealth health;
  std::set<std::string> unready;  // tasks whose readiness check says no; false in `health`, too
};

struct MarathonEvent {
  std::optional<MarathonChange> change;
  bool wants_refresh = false;  // something happened that the event does not tell in full
};

// Owned and called by one thread.
class MarathonParser {
 public:
  MarathonParser();
  ~MarathonParser();

  // The answer to /v2/apps?embed=apps.tasks&embed=apps.readiness.
  Result<MarathonState> parse_apps(std::string_view json);
  // The data of an event of /v2/events; nothing of use: an empty one.
  MarathonEvent parse_event(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vipgate
