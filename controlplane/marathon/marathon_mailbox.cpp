#include "controlplane/marathon/marathon_mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "common/system_error.h"

namespace vipgate {

Result<std::unique_ptr<MarathonMailbox>> MarathonMailbox::create() {
  FileDescriptor event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (event.get() < 0) return system_error("eventfd");
  return std::unique_ptr<MarathonMailbox>(new MarathonMailbox(std::move(event)));
}

void MarathonMailbox::put(MarathonHealth health) {
  const std::lock_guard lock(mutex_);
  health_ = std::move(health);
  changes_.clear();
  signal();
}

void MarathonMailbox::put(const MarathonChange& change) {
  const std::lock_guard lock(mutex_);
  changes_[change.task_id] = change.healthy;
  signal();
}

void MarathonMailbox::put_link(bool connected, const std::string& detail) {
  const std::lock_guard lock(mutex_);
  auto link = std::make_pair(connected, detail);
  if (last_link_ == link) return;
  last_link_ = link;
  link_ = std::move(link);
  signal();
}

MarathonUpdate MarathonMailbox::take() {
  const std::lock_guard lock(mutex_);
  MarathonUpdate update;
  update.health = std::exchange(health_, std::nullopt);
  for (const auto& [task_id, healthy] : changes_) {
    update.changes.push_back(MarathonChange{task_id, healthy});
  }
  changes_.clear();
  if (link_) {
    update.connected = link_->first;
    update.detail = std::move(link_->second);
    link_.reset();
  }
  uint64_t count = 0;  // the descriptor is readable or not; that it was not is no error
  [[maybe_unused]] const ssize_t length = read(event_.get(), &count, sizeof count);
  return update;
}

// Cannot fail: the counter would have to overflow.
void MarathonMailbox::signal() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t length = write(event_.get(), &one, sizeof one);
}

}  // namespace vipgate
