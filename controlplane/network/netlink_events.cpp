#include "controlplane/network/netlink_events.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <cstring>

namespace vipgate {
namespace {

constexpr int kReceiveBufferBytes = 1 << 20;

}  // namespace

void NetlinkEvents::SocketFree::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Error NetlinkEvents::error(const std::string& what, int code) const {
  return Error{who_ + ": " + what + ": " + nl_geterror(code)};
}

Status NetlinkEvents::open(std::span<const int> groups) {
  events_.reset(nl_socket_alloc());
  requests_.reset(nl_socket_alloc());
  // Events answer no request, so their sequence numbers mean nothing.
  nl_socket_disable_seq_check(events_.get());
  for (nl_sock* socket : {events_.get(), requests_.get()}) {
    nl_socket_modify_cb(
        socket, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* message, void* self) {
          static_cast<NetlinkEvents*>(self)->apply_(message);
          return static_cast<int>(NL_OK);
        },
        this);
    if (int code = nl_connect(socket, NETLINK_ROUTE); code != 0) {
      return error("cannot open netlink", code);
    }
  }
  nl_socket_set_buffer_size(events_.get(), kReceiveBufferBytes, 0);
  if (int code = nl_socket_set_nonblocking(events_.get()); code != 0) {
    return error("cannot make the socket non-blocking", code);
  }
  for (const int group : groups) {
    if (int code = nl_socket_add_membership(events_.get(), group); code != 0) {
      return error("cannot subscribe to events", code);
    }
  }
  return Done{};
}

int NetlinkEvents::fd() const { return nl_socket_get_fd(events_.get()); }

bool NetlinkEvents::receive() {
  constexpr int kMaxErrors = 64;
  bool is_complete = true;
  for (int errors = 0; errors < kMaxErrors;) {
    const int code = nl_recvmsgs_default(events_.get());
    if (code == 0) continue;
    if (code == -NLE_AGAIN) break;
    // ENOBUFS, which libnl calls NLE_NOMEM, among them.
    is_complete = false;
    ++errors;
  }
  return is_complete;
}

Status NetlinkEvents::dump(int type, const void* request, size_t bytes,
                           const std::function<void()>& begin) {
  constexpr int kAttempts = 5;
  int code = -NLE_DUMP_INTR;  // the table changed during the dump: ask again
  for (int attempt = 0; code == -NLE_DUMP_INTR && attempt < kAttempts; ++attempt) {
    begin();
    // libnl takes what it sends as not const, and does not change it.
    code = nl_send_simple(requests_.get(), type, NLM_F_DUMP, const_cast<void*>(request), bytes);
    if (code >= 0) code = nl_recvmsgs_default(requests_.get());
  }
  if (code >= 0 || code == -NLE_DUMP_INTR) return Done{};
  return error("cannot read the kernel's table", code);
}

int NetlinkEvents::ask(nl_msg* message) {
  const int code = nl_send_auto(requests_.get(), message);
  return code < 0 ? code : nl_wait_for_ack(requests_.get());
}

std::optional<IpAddress> read_address(const void* bytes, size_t length) {
  if (length == sizeof(Ipv4Address)) {
    Ipv4Address v4;
    std::memcpy(&v4, bytes, sizeof v4);
    return v4;
  }
  if (length == sizeof(Ipv6Address)) {
    Ipv6Address v6;
    std::memcpy(&v6, bytes, sizeof v6);
    return v6;
  }
  return std::nullopt;
}

std::optional<IpAddress> read_address(const nlattr* attribute) {
  if (attribute == nullptr) return std::nullopt;
  return read_address(nla_data(attribute), static_cast<size_t>(nla_len(attribute)));
}

}  // namespace vipgate
