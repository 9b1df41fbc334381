// Follows one Marathon for what Mesos does not know: the results of Marathon's own HTTP and TCP
// health checks, and of readiness checks. Never gives up: whatever fails is tried again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"

namespace vipgate {

// By task id, which is Mesos' task id, too: whether all checks of the task pass. Tasks without a
// verdict are not in it.
using MarathonHealth = std::map<std::string, bool, std::less<>>;

struct MarathonChange {
  std::string task_id;
  std::optional<bool> healthy;  // nothing: no verdict any more
  bool operator==(const MarathonChange&) const = default;
};

// What came since the last time, to be applied in this order.
struct MarathonUpdate {
  std::optional<MarathonHealth> health;  // replaces all that was known
  std::vector<MarathonChange> changes;
  // Whether the source is in touch, and with whom or why not; if that has changed.
  std::optional<bool> connected;
  std::string detail;
};

struct MarathonSourceTimes {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds answer{30'000};
  std::chrono::milliseconds silence{60'000};     // of the event stream, which has keep-alives
  std::chrono::milliseconds refresh{60'000};     // between full states
  std::chrono::milliseconds refresh_gap{1'000};  // at least, however many events ask for one
  std::chrono::milliseconds backoff_min{2'000};
  std::chrono::milliseconds backoff_max{30'000};
};

// Made and called by the control thread; has two threads of its own (the event stream, and full
// states beside it), which end with it. An update that is not taken costs no more memory than the
// state of all tasks, since a later one replaces an earlier one.
class MarathonSource {
 public:
  // An error: a URL or a file of the configuration cannot be used. `position` in Config::marathon.
  static Result<std::unique_ptr<MarathonSource>> start(const MarathonConfig& config,
                                                       size_t position,
                                                       const MarathonSourceTimes& times = {});
  virtual ~MarathonSource() = default;

  // Readable when there is an update to take.
  [[nodiscard]] virtual int fd() const = 0;
  virtual MarathonUpdate take() = 0;
};

}  // namespace vipgate
