#include "controlplane/naming/host_resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/system_error.h"

namespace vipgate {
namespace {

std::vector<IpAddress> ask_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return {};
  std::vector<IpAddress> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(at->ai_addr);
      addresses.emplace_back(Ipv4Address{Be32(ntohl(v4->sin_addr.s_addr))});
    } else if (at->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(at->ai_addr);
      Ipv6Address address;
      std::copy_n(v6->sin6_addr.s6_addr, address.bytes.size(), address.bytes.begin());
      addresses.emplace_back(address);
    }
  }
  freeaddrinfo(list);
  // The order of answers changes; what they mean does not.
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace

HostResolver::Ask HostResolver::system_resolver() { return ask_system; }

Result<std::unique_ptr<HostResolver>> HostResolver::create(Ask ask) {
  FileDescriptor event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (event.get() < 0) return system_error("eventfd");
  return std::unique_ptr<HostResolver>(new HostResolver(std::move(ask), std::move(event)));
}

HostResolver::HostResolver(Ask ask, FileDescriptor event)
    : ask_(std::move(ask)), event_(std::move(event)), thread_([this] { run(); }) {}

HostResolver::~HostResolver() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

const std::vector<IpAddress>& HostResolver::find(const std::string& name) {
  static const std::vector<IpAddress> kNone;
  const auto found = known_.find(name);
  if (found != known_.end()) return found->second.addresses;
  if (known_.size() == kMaxNames) return kNone;
  ask_for(name);
  return known_[name].addresses;
}

void HostResolver::ask_for(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    questions_.push_back(name);
  }
  wake_.notify_one();
}

std::set<std::string> HostResolver::take_changes(int64_t now_ms) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t length = read(event_.get(), &count, sizeof count);
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  std::set<std::string> changed;
  for (Answer& answer : answers) {
    Known& known = known_[answer.name];
    const bool failed = answer.addresses.empty();
    known.due_ms = now_ms + (failed ? kFailureMs : kAnswerMs);
    next_refresh_ms_ = std::min(next_refresh_ms_, known.due_ms);
    // A name that cannot be resolved any longer keeps its addresses: a name server that is away
    // removes nothing.
    if (failed || known.addresses == answer.addresses) continue;
    known.addresses = std::move(answer.addresses);
    changed.insert(std::move(answer.name));
  }
  return changed;
}

void HostResolver::refresh(int64_t now_ms) {
  if (now_ms < next_refresh_ms_) return;
  next_refresh_ms_ = INT64_MAX;
  for (auto& [name, known] : known_) {
    if (known.due_ms <= now_ms) {
      known.due_ms = INT64_MAX;
      ask_for(name);
    } else {
      next_refresh_ms_ = std::min(next_refresh_ms_, known.due_ms);
    }
  }
}

void HostResolver::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !questions_.empty(); });
    if (stop_) return;
    std::string name = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    std::vector<IpAddress> addresses = ask_(name);
    lock.lock();
    answers_.push_back({std::move(name), std::move(addresses)});
    const uint64_t one = 1;
    // A counter that is full is readable all the same.
    [[maybe_unused]] const ssize_t length = write(event_.get(), &one, sizeof one);
  }
}

}  // namespace vipgate
