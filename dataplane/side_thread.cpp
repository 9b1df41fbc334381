#include "dataplane/side_thread.h"

#include <pthread.h>
#include <sched.h>

#include <csignal>
#include <utility>

namespace vipgate {

std::thread start_side_thread(const char* name, const std::vector<int>& cpus,
                              std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name);
  if (cpus.empty()) return thread;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<size_t>(cpu), &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
  return thread;
}

}  // namespace vipgate
