#include "controlplane/network/route_watcher.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>

#include <algorithm>
#include <utility>

namespace vipgate {

RouteWatcher::RouteWatcher() : netlink_("routes", [this](nl_msg* message) { apply(message); }) {}

Result<std::unique_ptr<RouteWatcher>> RouteWatcher::create(
    const std::vector<std::string>& interfaces) {
  std::unique_ptr<RouteWatcher> watcher(new RouteWatcher);
  if (Status status = watcher->open(interfaces); !status.ok()) return Error{status.error()};
  return watcher;
}

Status RouteWatcher::open(const std::vector<std::string>& interfaces) {
  for (size_t i = 0; i < interfaces.size(); ++i) {
    if (interfaces[i].empty()) continue;
    const unsigned index = if_nametoindex(interfaces[i].c_str());
    if (index == 0) return Error{"routes: there is no interface " + interfaces[i]};
    ports_[static_cast<int>(index)] = static_cast<uint8_t>(i);
    up_.insert(static_cast<int>(index));
  }
  // Routes that go with an interface or an address are not always told of, nor are those whose
  // next-hop object changes.
  constexpr int kGroups[] = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK,
                             RTNLGRP_IPV4_IFADDR, RTNLGRP_NEXTHOP};
  if (Status status = netlink_.open(kGroups); !status.ok()) return status;
  if (Status status = read_all(); !status.ok()) return status;
  table_.take_changed();
  return Done{};
}

Status RouteWatcher::read_all() {
  std::vector<Route> routes;
  Status status = Done{};
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    rtmsg request{};
    request.rtm_family = family;
    const size_t before = routes.size();
    reading_ = &routes;
    status = netlink_.dump(RTM_GETROUTE, &request, sizeof request, [&] { routes.resize(before); });
    reading_ = nullptr;
    if (!status.ok()) return status;
  }
  table_.replace(std::move(routes));
  return status;
}

void RouteWatcher::apply(nl_msg* message) {
  nlmsghdr* header = nlmsg_hdr(message);
  switch (header->nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      break;
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return note_link(header);
    case RTM_DELADDR:
      must_read_ |= nlmsg_valid_hdr(header, sizeof(ifaddrmsg)) != 0 &&
                    ports_.contains(static_cast<int>(
                        static_cast<const ifaddrmsg*>(nlmsg_data(header))->ifa_index));
      return;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      must_read_ = true;
      return;
    default:
      return;
  }
  auto event = read_route(header, ports_);
  if (!event) return;
  if (reading_ != nullptr) {
    reading_->push_back(std::move(event->route));
  } else {
    staged_.push_back(std::move(*event));
  }
}

void RouteWatcher::note_link(nlmsghdr* message) {
  if (nlmsg_valid_hdr(message, sizeof(ifinfomsg)) == 0) return;
  const auto& link = *static_cast<const ifinfomsg*>(nlmsg_data(message));
  if (!ports_.contains(link.ifi_index)) return;
  const bool is_up = message->nlmsg_type == RTM_NEWLINK && (link.ifi_flags & IFF_UP) != 0;
  must_read_ |= is_up ? up_.insert(link.ifi_index).second : up_.erase(link.ifi_index) != 0;
}

void RouteWatcher::receive() {
  if (!netlink_.receive()) must_read_ = true;
}

bool RouteWatcher::has_staged_removal() const {
  return std::any_of(staged_.begin(), staged_.end(),
                     [](const RouteEvent& event) { return event.is_gone; });
}

std::set<NextHop> RouteWatcher::staged_gateways() const {
  std::set<NextHop> gateways;
  for (const RouteEvent& event : staged_) {
    if (event.is_gone || event.route.kind != RouteKind::kForward) continue;
    for (const RouteHop& hop : event.route.hops) {
      if (hop.gateway.family() != 0) gateways.insert({hop.port, hop.gateway});
    }
  }
  return gateways;
}

Status RouteWatcher::commit(ChangedPrefixes& changed) {
  for (const RouteEvent& event : std::exchange(staged_, {})) {
    if (!must_read_ && !table_.apply(event)) must_read_ = true;
  }
  Status status = Done{};
  if (must_read_) {
    status = read_all();
    must_read_ = !status.ok();
  }
  changed = table_.take_changed();
  return status;
}

}  // namespace vipgate
