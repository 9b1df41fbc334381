#include "controlplane/loop/watch_keeper.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace vipgate {

WatchKeeper::~WatchKeeper() {
  if (output_ != nullptr) static_cast<void>(dataplane_.watch(std::nullopt));  // this cannot fail
}

void WatchKeeper::follow(std::optional<WatchOptions> wanted) {
  wanted_ = std::move(wanted);
  is_due_ = true;
  if (output_ == nullptr) return put_in_force();
  if (wanted_) spdlog::warn("watch: it begins when {} has ended", what_);
}

// Packets pass though nobody can watch: an error is told, and that is all.
void WatchKeeper::put_in_force() {
  is_due_ = false;
  const Status status = dataplane_.watch(wanted_);
  if (!status) {
    spdlog::error("watch: {}", status.error());
  } else if (wanted_) {
    spdlog::info("watch: from now on, {} packets are followed", wanted_->packets);
  } else {
    spdlog::info("watch: nothing is followed any more");
  }
}

std::string WatchKeeper::holder() const {
  if (output_ != nullptr) return what_;
  const WatchStatus status = dataplane_.watch_status();
  if (!status.is_running || !wanted_) return {};
  return "the watch of the configuration (" + std::to_string(status.packets) + " of " +
         std::to_string(wanted_->packets) + " packets)";
}

Status WatchKeeper::begin(const WatchOptions& options, std::string what) {
  if (auto status = dataplane_.watch(options); !status) return status;
  output_ = options.output;
  what_ = std::move(what);
  return Done{};
}

void WatchKeeper::end(const WatchOutput& output) {
  if (output_.get() != &output) return;
  static_cast<void>(dataplane_.watch(std::nullopt));  // this cannot fail
  output_.reset();
  if (is_due_) put_in_force();
}

}  // namespace vipgate
