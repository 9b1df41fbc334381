#include "controlplane/neighbors.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <cstring>
#include <utility>

namespace vipgate {
namespace {

constexpr int kReceiveBufferBytes = 1 << 20;
constexpr int kResolved =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

Error netlink_error(const std::string& what, int code) {
  return Error{what + ": " + nl_geterror(code)};
}

std::optional<IpAddress> read_address(const nlattr* attribute) {
  if (attribute == nullptr) return std::nullopt;
  if (nla_len(attribute) == 4) {
    Ipv4Address v4;
    std::memcpy(&v4, nla_data(attribute), sizeof(v4));
    return v4;
  }
  if (nla_len(attribute) == 16) {
    Ipv6Address v6;
    std::memcpy(v6.bytes.data(), nla_data(attribute), v6.bytes.size());
    return v6;
  }
  return std::nullopt;
}

std::optional<MacAddress> read_mac(const nlattr* attribute) {
  MacAddress mac;
  if (attribute == nullptr || nla_len(attribute) != static_cast<int>(mac.bytes.size())) {
    return std::nullopt;
  }
  std::memcpy(mac.bytes.data(), nla_data(attribute), mac.bytes.size());
  return mac;
}

using Message = std::unique_ptr<nl_msg, decltype(&nlmsg_free)>;

}  // namespace

void NeighborWatcher::SocketFree::operator()(nl_sock* socket) const { nl_socket_free(socket); }

NeighborWatcher::~NeighborWatcher() = default;

Result<std::unique_ptr<NeighborWatcher>> NeighborWatcher::create(
    const std::vector<std::string>& interfaces) {
  std::unique_ptr<NeighborWatcher> watcher(new NeighborWatcher);
  if (Status status = watcher->open(interfaces); !status.ok()) return Error{status.error()};
  return watcher;
}

Status NeighborWatcher::open(const std::vector<std::string>& interfaces) {
  for (const std::string& name : interfaces) {
    const unsigned index = if_nametoindex(name.c_str());
    if (index == 0) return Error{"neighbours: there is no interface " + name};
    interfaces_[static_cast<int>(index)] = name;
  }
  events_.reset(nl_socket_alloc());
  requests_.reset(nl_socket_alloc());
  // Events answer no request, so their sequence numbers mean nothing.
  nl_socket_disable_seq_check(events_.get());
  for (nl_sock* socket : {events_.get(), requests_.get()}) {
    nl_socket_modify_cb(
        socket, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* message, void* self) {
          static_cast<NeighborWatcher*>(self)->apply(message);
          return static_cast<int>(NL_OK);
        },
        this);
    if (int code = nl_connect(socket, NETLINK_ROUTE); code != 0) {
      return netlink_error("neighbours: cannot open netlink", code);
    }
  }
  nl_socket_set_buffer_size(events_.get(), kReceiveBufferBytes, 0);
  if (int code = nl_socket_set_nonblocking(events_.get()); code != 0) {
    return netlink_error("neighbours: cannot make the socket non-blocking", code);
  }
  // Subscribe before the dump: a change in between is then seen by one or both, never by neither.
  if (int code = nl_socket_add_membership(events_.get(), RTNLGRP_NEIGH); code != 0) {
    return netlink_error("neighbours: cannot subscribe to events", code);
  }
  return dump();
}

Status NeighborWatcher::dump() {
  constexpr int kAttempts = 5;
  const NeighborTable before = std::exchange(known_, {});
  ndmsg request{};
  request.ndm_family = AF_UNSPEC;
  int code = -NLE_DUMP_INTR;  // the table changed during the dump: ask again
  for (int attempt = 0; code == -NLE_DUMP_INTR && attempt < kAttempts; ++attempt) {
    code = nl_send_simple(requests_.get(), RTM_GETNEIGH, NLM_F_DUMP, &request, sizeof(request));
    if (code >= 0) code = nl_recvmsgs_default(requests_.get());
  }
  if (code >= 0 || code == -NLE_DUMP_INTR) return Done{};
  known_ = before;
  return netlink_error("neighbours: cannot read the kernel's table", code);
}

void NeighborWatcher::apply(nl_msg* message) {
  nlmsghdr* header = nlmsg_hdr(message);
  if (header->nlmsg_type != RTM_NEWNEIGH && header->nlmsg_type != RTM_DELNEIGH) return;
  nlattr* attributes[NDA_MAX + 1];
  if (nlmsg_parse(header, sizeof(ndmsg), attributes, NDA_MAX, nullptr) < 0) return;
  const auto* neighbor = static_cast<const ndmsg*>(nlmsg_data(header));
  if (neighbor->ndm_family != AF_INET && neighbor->ndm_family != AF_INET6) return;
  const auto interface = interfaces_.find(neighbor->ndm_ifindex);
  const std::optional<IpAddress> address = read_address(attributes[NDA_DST]);
  if (interface == interfaces_.end() || !address) return;

  const NeighborKey key{interface->second, *address};
  const std::optional<MacAddress> mac = read_mac(attributes[NDA_LLADDR]);
  if (header->nlmsg_type == RTM_NEWNEIGH && (neighbor->ndm_state & kResolved) != 0 && mac) {
    known_[key] = *mac;
  } else {
    known_.erase(key);
  }
}

bool NeighborWatcher::process() {
  for (;;) {
    const int code = nl_recvmsgs_default(events_.get());
    if (code == 0) continue;
    if (code == -NLE_AGAIN) break;
    // ENOBUFS, which libnl calls NLE_NOMEM: events were lost. Those still queued are in order and
    // end with the latest, so they may be applied after the dump.
    if (!dump().ok() || code != -NLE_NOMEM) break;
  }
  return rebuild();
}

bool NeighborWatcher::watch(std::set<NeighborKey> neighbors) {
  watched_ = std::move(neighbors);
  return rebuild();
}

bool NeighborWatcher::rebuild() {
  NeighborTable table;
  for (const NeighborKey& key : watched_) {
    if (const auto entry = known_.find(key); entry != known_.end()) table.insert(*entry);
  }
  if (table == table_) return false;
  table_ = std::move(table);
  return true;
}

int NeighborWatcher::fd() const { return nl_socket_get_fd(events_.get()); }

std::optional<MacAddress> NeighborWatcher::find(const NeighborKey& neighbor) const {
  const auto entry = table_.find(neighbor);
  if (entry == table_.end()) return std::nullopt;
  return entry->second;
}

Status NeighborWatcher::resolve(const NeighborKey& neighbor) {
  const std::string what =
      "neighbours: cannot resolve " + to_string(neighbor.address) + " on " + neighbor.interface;
  ndmsg request{};
  request.ndm_family = neighbor.address.is_v4() ? AF_INET : AF_INET6;
  request.ndm_flags = NTF_USE;
  for (const auto& [index, name] : interfaces_) {
    if (name == neighbor.interface) request.ndm_ifindex = index;
  }
  if (request.ndm_ifindex == 0) return Error{what + ": the interface is not watched"};

  const Message message(nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_CREATE), nlmsg_free);
  nlmsg_append(message.get(), &request, sizeof(request), NLMSG_ALIGNTO);
  nla_put(message.get(), NDA_DST, neighbor.address.bits() / 8, neighbor.address.bytes().data());
  int code = nl_send_auto(requests_.get(), message.get());
  if (code >= 0) code = nl_wait_for_ack(requests_.get());
  if (code == -NLE_NOMEM) {  // ENOBUFS or ENOMEM
    const std::string family = neighbor.address.is_v4() ? "ipv4" : "ipv6";
    return Error{what + ": the kernel's table is full: raise net." + family +
                 ".neigh.default.gc_thresh3"};
  }
  if (code < 0) return netlink_error(what, code);
  return Done{};
}

Status NeighborWatcher::resolve_all() {
  Status result = Done{};
  for (const NeighborKey& neighbor : watched_) {
    Status status = resolve(neighbor);
    if (!status.ok() && result.ok()) result = status;
  }
  return result;
}

}  // namespace vipgate
