// Tables of the kernel, read and then followed by routing netlink (rtnetlink(7)).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/addresses.h"
#include "common/result.h"

struct nl_msg;
struct nl_sock;
struct nlattr;

namespace vipgate {

// Owned and called by one thread, which waits for fd(). Sees the network namespace of the thread
// that made it.
class NetlinkEvents {
 public:
  using Apply = std::function<void(nl_msg*)>;

  // `who` begins what errors say. `apply` gets each message, of a dump or not.
  NetlinkEvents(std::string who, Apply apply) : who_(std::move(who)), apply_(std::move(apply)) {}
  NetlinkEvents(const NetlinkEvents&) = delete;
  NetlinkEvents& operator=(const NetlinkEvents&) = delete;

  // Subscribes to these groups (RTNLGRP_*). Dump afterwards: a change in between is then seen by
  // one or both, never by neither.
  Status open(std::span<const int> groups);

  // Readable when receive() has something to do.
  int fd() const;
  // Applies all pending events without blocking. False: some were lost (ENOBUFS), so a dump is due.
  // Those that were still queued were applied: they are in order and end with the latest.
  [[nodiscard]] bool receive();

  // Applies all of a table. `begin` is called before each attempt: the kernel's table may change
  // under a dump, which then begins anew.
  Status dump(int type, const void* request, size_t bytes, const std::function<void()>& begin);

  // Sends a request and waits for its acknowledgment. Returns libnl's code, negative on errors.
  int ask(nl_msg* message);
  Error error(const std::string& what, int code) const;

 private:
  struct SocketFree {
    void operator()(nl_sock* socket) const;
  };
  using Socket = std::unique_ptr<nl_sock, SocketFree>;

  std::string who_;
  Apply apply_;
  Socket events_;    // subscribed, never blocks
  Socket requests_;  // dumps and ask()
};

// Of 4 or 16 octets; else, or of no attribute, none.
std::optional<IpAddress> read_address(const void* bytes, size_t length);
std::optional<IpAddress> read_address(const nlattr* attribute);

}  // namespace vipgate
