// The system call of KernelWaker; a file of its own, so that what uses workers needs no exception
// path.
#include <unistd.h>

#include <cstdint>

#include "dataplane/fastpath/kernel_port.h"

namespace vipgate {

void KernelWaker::signal() {
  const uint64_t one = 1;
  // It fails only when the counter is full, and then the thread is being woken already.
  [[maybe_unused]] const ssize_t written = ::write(event_fd_, &one, sizeof(one));
}

}  // namespace vipgate
