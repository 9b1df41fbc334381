#include "dataplane/watch_desk.h"

#include <rte_cycles.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace vipgate {

WatchDesk::WatchDesk(WatchDeskOptions options)
    : options_(std::move(options)),
      event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      waker_(event_fd_) {}

WatchDesk::~WatchDesk() {
  session_.reset();
  if (event_fd_ >= 0) ::close(event_fd_);
}

void WatchDesk::add_worker(WatchSlot& slot) {
  slot.set_waker(&waker_);
  slots_.push_back(&slot);
}

Status WatchDesk::start(const WatchOptions& wanted) {
  stop();
  if (event_fd_ < 0) return Error{"watch: the system had no event to give at the start"};
  constexpr uint32_t kLastId = (1u << 24) - 1;
  started_ = started_ % kLastId + 1;
  auto session = WatchSession::start({.watch = wanted,
                                      .id = started_,
                                      .port_names = options_.port_names,
                                      .cpus = options_.cpus,
                                      .ticks_per_second = rte_get_tsc_hz(),
                                      .slots = slots_,
                                      .waker = &waker_,
                                      .event_fd = event_fd_,
                                      .current = options_.current});
  if (!session) return Error{session.error()};
  session_ = std::move(*session);
  return Done{};
}

}  // namespace vipgate
