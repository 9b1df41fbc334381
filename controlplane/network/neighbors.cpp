#include "controlplane/network/neighbors.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>

#include <cstring>
#include <utility>

namespace vipgate {
namespace {

constexpr int kResolved =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

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

NeighborWatcher::NeighborWatcher()
    : netlink_("neighbours", [this](nl_msg* message) { apply(message); }) {}

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
  constexpr int kGroups[] = {RTNLGRP_NEIGH};
  if (Status status = netlink_.open(kGroups); !status.ok()) return status;
  return dump();
}

Status NeighborWatcher::dump() {
  const NeighborTable before = known_;
  ndmsg request{};
  request.ndm_family = AF_UNSPEC;
  Status status =
      netlink_.dump(RTM_GETNEIGH, &request, sizeof(request), [this] { known_.clear(); });
  if (!status.ok()) known_ = before;
  return status;
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
  if (!netlink_.receive()) (void)dump();
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

int NeighborWatcher::fd() const { return netlink_.fd(); }

std::optional<MacAddress> NeighborWatcher::find(const NeighborKey& neighbor) const {
  const auto entry = table_.find(neighbor);
  if (entry == table_.end()) return std::nullopt;
  return entry->second;
}

Status NeighborWatcher::resolve(const NeighborKey& neighbor) {
  const std::string what =
      "cannot resolve " + to_string(neighbor.address) + " on " + neighbor.interface;
  ndmsg request{};
  request.ndm_family = neighbor.address.is_v4() ? AF_INET : AF_INET6;
  request.ndm_flags = NTF_USE;
  for (const auto& [index, name] : interfaces_) {
    if (name == neighbor.interface) request.ndm_ifindex = index;
  }
  if (request.ndm_ifindex == 0) {
    return Error{"neighbours: " + what + ": the interface is not watched"};
  }

  const Message message(nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_CREATE), nlmsg_free);
  nlmsg_append(message.get(), &request, sizeof(request), NLMSG_ALIGNTO);
  nla_put(message.get(), NDA_DST, neighbor.address.bits() / 8, neighbor.address.bytes().data());
  const int code = netlink_.ask(message.get());
  if (code == -NLE_NOMEM) {  // ENOBUFS or ENOMEM
    const std::string family = neighbor.address.is_v4() ? "ipv4" : "ipv6";
    return Error{"neighbours: " + what + ": the kernel's table is full: raise net." + family +
                 ".neigh.default.gc_thresh3"};
  }
  if (code < 0) return netlink_.error(what, code);
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
