#include "tests/support/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace vipgate::test {
namespace {

int open_current() { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

// A test that runs on in the wrong namespace could touch the machine's network.
void enter(int fd) {
  if (setns(fd, CLONE_NEWNET) == 0) return;
  std::perror("setns");
  std::abort();
}

}  // namespace

std::unique_ptr<NetworkNamespace> NetworkNamespace::create() {
  const int before = open_current();
  if (before < 0) return nullptr;
  std::unique_ptr<NetworkNamespace> made;
  if (unshare(CLONE_NEWNET) == 0) {
    made.reset(new NetworkNamespace(open_current()));
    enter(before);
    if (!made->run("ip link set lo up")) made.reset();
  }
  ::close(before);
  return made;
}

NetworkNamespace::~NetworkNamespace() { ::close(fd_); }

bool NetworkNamespace::run(const std::string& command) const {
  const InNamespace inside(*this);
  return std::system(command.c_str()) == 0;
}

std::string NetworkNamespace::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

InNamespace::InNamespace(const NetworkNamespace& target) : before_(open_current()) {
  enter(target.fd_);
}

InNamespace::~InNamespace() {
  enter(before_);
  ::close(before_);
}

}  // namespace vipgate::test
