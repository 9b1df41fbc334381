#include "controlplane/vipctl/interruptible.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>

#include "common/system_error.h"
#include "controlplane/file_descriptor.h"

namespace vipgate {
namespace {

sigset_t interrupts() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void block_interrupts() {
  const sigset_t set = interrupts();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

StreamEnd stream_until_signal(ApiClient& api, const std::string& path,
                              const std::function<std::string(std::string_view)>& take) {
  StreamEnd end{.reply = ApiReply{}};
  const sigset_t set = interrupts();
  const FileDescriptor signals(signalfd(-1, &set, SFD_CLOEXEC));
  const FileDescriptor done(eventfd(0, EFD_CLOEXEC));
  if (signals.get() < 0 || done.get() < 0) {
    end.problem = system_error("signalfd").message;
    return end;
  }
  std::atomic<bool> is_interrupted{false};
  std::thread reader([&] {
    end.reply = api.stream(path, [&](std::string_view octets) {
      if (is_interrupted) return false;
      end.problem = take(octets);
      return end.problem.empty();
    });
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(done.get(), &one, sizeof one);
  });
  pollfd events[] = {{signals.get(), POLLIN, 0}, {done.get(), POLLIN, 0}};
  while (poll(events, 2, -1) < 0 && errno == EINTR) {
  }
  if ((events[1].revents & POLLIN) == 0) {
    is_interrupted = true;
    api.give_up();
  }
  reader.join();
  end.is_interrupted = is_interrupted;
  return end;
}

}  // namespace vipgate
