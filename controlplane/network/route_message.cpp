#include "controlplane/network/route_message.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "controlplane/network/netlink_events.h"

namespace vipgate {
namespace {

std::optional<RouteKind> kind_of(uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
      return RouteKind::kForward;
    case RTN_BLACKHOLE:
      return RouteKind::kBlackhole;
    case RTN_UNREACHABLE:
      return RouteKind::kUnreachable;
    case RTN_PROHIBIT:
      return RouteKind::kProhibit;
    case RTN_THROW:
      return RouteKind::kThrow;
    default:
      return std::nullopt;
  }
}

// RTA_VIA: a gateway of the other family (RFC 8950).
std::optional<IpAddress> read_via(const nlattr* attribute) {
  if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(rtvia))) {
    return std::nullopt;
  }
  const auto* via = static_cast<const rtvia*>(nla_data(attribute));
  const size_t bytes = static_cast<size_t>(nla_len(attribute)) - sizeof(rtvia);
  return read_address(via->rtvia_addr, bytes);
}

class RouteReader {
 public:
  RouteReader(Route& route, const PortByInterface& ports) : route_(route), ports_(ports) {}

  void add_hop(int interface, unsigned flags, uint32_t weight, nlattr* const* attributes) {
    ++route_.all_hops;
    const auto port = ports_.find(interface);
    if (port == ports_.end() || (flags & RTNH_F_DEAD) != 0) return;
    if (attributes[RTA_ENCAP] != nullptr) route_.kind = RouteKind::kEncapsulating;
    RouteHop hop{port->second, {}, weight};
    if (const auto gateway = read_address(attributes[RTA_GATEWAY])) hop.gateway = *gateway;
    if (const auto via = read_via(attributes[RTA_VIA])) hop.gateway = *via;
    route_.hops.push_back(hop);
  }

  void add_hops(const nlattr* multipath) {
    auto* at = static_cast<rtnexthop*>(nla_data(multipath));
    int left = nla_len(multipath);
    while (left >= static_cast<int>(sizeof(rtnexthop)) && at->rtnh_len >= sizeof(rtnexthop) &&
           at->rtnh_len <= left) {
      nlattr* attributes[RTA_MAX + 1];
      auto* first = reinterpret_cast<nlattr*>(RTNH_DATA(at));
      const int bytes = at->rtnh_len - static_cast<int>(RTNH_LENGTH(0));
      if (nla_parse(attributes, RTA_MAX, first, bytes, nullptr) == 0) {
        add_hop(at->rtnh_ifindex, at->rtnh_flags, at->rtnh_hops + 1u, attributes);
      }
      left -= static_cast<int>(RTNH_ALIGN(at->rtnh_len));
      at = RTNH_NEXT(at);
    }
  }

 private:
  Route& route_;
  const PortByInterface& ports_;
};

std::optional<IpAddress> destination_of(const rtmsg& head, const nlattr* attribute) {
  if (attribute != nullptr) return read_address(attribute);
  if (head.rtm_family == AF_INET) return Ipv4Address{};
  return Ipv6Address{};
}

}  // namespace

std::optional<RouteEvent> read_route(nlmsghdr* message, const PortByInterface& ports) {
  if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE) return {};
  nlattr* attributes[RTA_MAX + 1];
  if (nlmsg_parse(message, sizeof(rtmsg), attributes, RTA_MAX, nullptr) < 0) return {};
  const auto& head = *static_cast<const rtmsg*>(nlmsg_data(message));
  if (head.rtm_family != AF_INET && head.rtm_family != AF_INET6) return {};
  const uint32_t table =
      attributes[RTA_TABLE] != nullptr ? nla_get_u32(attributes[RTA_TABLE]) : head.rtm_table;
  const auto kind = kind_of(head.rtm_type);
  if (table != RT_TABLE_MAIN || head.rtm_tos != 0 || head.rtm_src_len != 0 ||
      (head.rtm_flags & RTM_F_CLONED) != 0 || !kind) {
    return {};
  }
  const auto destination = destination_of(head, attributes[RTA_DST]);
  if (!destination || head.rtm_dst_len > destination->bits()) return {};

  RouteEvent event;
  event.is_gone = message->nlmsg_type == RTM_DELROUTE;
  event.replaces = (message->nlmsg_flags & NLM_F_REPLACE) != 0;
  event.route.prefix = {*destination, head.rtm_dst_len};
  event.route.kind = *kind;
  if (attributes[RTA_PRIORITY] != nullptr) {
    event.route.metric = nla_get_u32(attributes[RTA_PRIORITY]);
  }
  RouteReader reader(event.route, ports);
  if (attributes[RTA_MULTIPATH] != nullptr) {
    reader.add_hops(attributes[RTA_MULTIPATH]);
  } else if (attributes[RTA_OIF] != nullptr) {
    reader.add_hop(static_cast<int>(nla_get_u32(attributes[RTA_OIF])), head.rtm_flags, 1,
                   attributes);
  }
  return event;
}

}  // namespace vipgate
