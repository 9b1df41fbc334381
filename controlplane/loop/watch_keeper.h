// Who watches packets: the configuration's section `watch`, or one who asks the API.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/result.h"
#include "common/watch.h"
#include "controlplane/loop/dataplane_control.h"

namespace vipgate {

// One at a time. Owned by the control loop, used by its thread; `dataplane` outlives it, and so
// does what the outputs refer to.
class WatchKeeper {
 public:
  explicit WatchKeeper(DataplaneControl& dataplane) : dataplane_(dataplane) {}
  // Ends what the API watches.
  ~WatchKeeper();
  WatchKeeper(const WatchKeeper&) = delete;
  WatchKeeper& operator=(const WatchKeeper&) = delete;

  // As the configuration wants it, in place of its watch before. It waits while the API's runs.
  void follow(std::optional<WatchOptions> wanted);

  // Who watches, in words; empty: nobody does.
  [[nodiscard]] std::string holder() const;
  // For the API. `what`: in words, for holder(). An error: there is no memory. REQUIRES: nobody
  // watches; `options` have an output.
  Status begin(const WatchOptions& options, std::string what);
  // Ends the watch of this output, if it has not ended by itself, and lets others watch.
  void end(const WatchOutput& output);

 private:
  void put_in_force();

  DataplaneControl& dataplane_;
  std::optional<WatchOptions> wanted_;   // by the configuration
  bool is_due_ = false;                  // `wanted_` is to be put in force
  std::shared_ptr<WatchOutput> output_;  // the API's; null: it does not watch
  std::string what_;
};

}  // namespace vipgate
