#include "controlplane/dns_sockets/dns_thread.h"

#include <pthread.h>
#include <sched.h>

namespace vipgate {

void DnsThread::start(const char* name) {
  thread_ = std::thread([this, name] {
    pthread_setname_np(pthread_self(), name);
    // The control plane comes first where they share a CPU.
    const sched_param none{};
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
    context_.run();
  });
}

void DnsThread::stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace vipgate
