#include "controlplane/network/route_announcer.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "controlplane/event_log.h"

namespace vipgate {
namespace {

constexpr size_t kRoutesAtOnce = 256;
constexpr int64_t kRouteRetryMs = 1'000;
constexpr int64_t kRouteErrorMs = 60'000;  // from one line of the log to the next

}  // namespace

RouteAnnouncer::RouteAnnouncer(const AnnounceConfig& config)
    : config_(config), netlink_("announce", [this](nl_msg* message) { read_left_over(message); }) {}

Result<std::unique_ptr<RouteAnnouncer>> RouteAnnouncer::create(const AnnounceConfig& config) {
  std::unique_ptr<RouteAnnouncer> announcer(new RouteAnnouncer(config));
  if (Status status = announcer->open(); !status.ok()) return Error{status.error()};
  return announcer;
}

Status RouteAnnouncer::open() {
  loopback_ = static_cast<int>(if_nametoindex("lo"));
  if (Status status = netlink_.open({}); !status.ok()) return status;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    rtmsg request{};
    request.rtm_family = family;
    Status status = netlink_.dump(RTM_GETROUTE, &request, sizeof request, [] {});
    if (!status.ok()) return status;
  }
  return Done{};
}

void RouteAnnouncer::read_left_over(nl_msg* message) {
  nlmsghdr* header = nlmsg_hdr(message);
  nlattr* attributes[RTA_MAX + 1];
  if (header->nlmsg_type != RTM_NEWROUTE ||
      nlmsg_parse(header, sizeof(rtmsg), attributes, RTA_MAX, nullptr) < 0) {
    return;
  }
  const auto& head = *static_cast<const rtmsg*>(nlmsg_data(header));
  if (head.rtm_table != config_.table || head.rtm_protocol != config_.protocol) return;
  if (const auto address = read_address(attributes[RTA_DST])) {
    installed_.insert(IpPrefix{*address, head.rtm_dst_len});
  }
}

void RouteAnnouncer::update(std::span<const ServingChange> changes, uint64_t version) {
  for (const auto& [prefix, is_served] : changes) {
    if (is_served) {
      served_.insert(prefix);
      waiting_.emplace_back(version, prefix);
    } else {
      served_.erase(prefix);
      able_.erase(prefix);
      due_.insert(prefix);
    }
  }
}

void RouteAnnouncer::suspend(std::string why) {
  if (why == suspended_) return;
  if (why.empty()) {
    log_event(spdlog::level::info, "announced", {{"routes", able_.size()}},
              "announce: the VIPs' routes come back");
  } else {
    log_event(spdlog::level::err, "withdrawn", {{"routes", able_.size()}, {"why", why}},
              "announce: all VIPs' routes are withdrawn: {}", why);
  }
  suspended_ = std::move(why);
  due_.insert(able_.begin(), able_.end());
}

void RouteAnnouncer::advance(uint64_t passed, int64_t now_ms) {
  while (!waiting_.empty() && waiting_.front().first <= passed) {
    const IpPrefix prefix = waiting_.front().second;
    waiting_.pop_front();
    if (!served_.contains(prefix)) continue;
    able_.insert(prefix);
    due_.insert(prefix);
  }
  if (has_left_overs_ && passed != 0) {
    has_left_overs_ = false;
    for (const IpPrefix& prefix : installed_) {
      if (!served_.contains(prefix)) due_.insert(prefix);
    }
  }
  if (now_ms < retry_ms_) return;
  for (size_t i = 0; i < kRoutesAtOnce && !due_.empty(); ++i) {
    const IpPrefix prefix = *due_.begin();
    if (is_wanted(prefix) != installed_.contains(prefix)) {
      const Status status = change(prefix, is_wanted(prefix));
      if (!status) {
        retry_ms_ = now_ms + kRouteRetryMs;
        if (now_ms >= next_error_ms_) {
          next_error_ms_ = now_ms + kRouteErrorMs;
          spdlog::error("{}; {} routes wait", status.error(), due_.size());
        }
        return;
      }
    }
    due_.erase(due_.begin());
  }
}

void RouteAnnouncer::withdraw_all() {
  for (const IpPrefix& prefix : std::set<IpPrefix>(installed_)) {
    if (const Status status = change(prefix, false); !status) spdlog::error("{}", status.error());
  }
}

Status RouteAnnouncer::change(const IpPrefix& prefix, bool is_added) {
  const auto& [address, length] = prefix;
  rtmsg request{};
  request.rtm_family = address.is_v4() ? AF_INET : AF_INET6;
  request.rtm_dst_len = static_cast<uint8_t>(length);
  request.rtm_table = config_.table;
  request.rtm_protocol = config_.protocol;
  request.rtm_scope = is_added ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE;
  request.rtm_type = is_added ? RTN_UNICAST : RTN_UNSPEC;
  const std::unique_ptr<nl_msg, decltype(&nlmsg_free)> message(
      nlmsg_alloc_simple(is_added ? RTM_NEWROUTE : RTM_DELROUTE,
                         is_added ? NLM_F_CREATE | NLM_F_REPLACE : 0),
      nlmsg_free);
  nlmsg_append(message.get(), &request, sizeof request, NLMSG_ALIGNTO);
  nla_put(message.get(), RTA_DST, address.bits() / 8, address.bytes().data());
  if (is_added) nla_put_u32(message.get(), RTA_OIF, static_cast<uint32_t>(loopback_));
  const int code = netlink_.ask(message.get());
  // What somebody else has taken away is gone, too.
  const bool is_gone = !is_added && (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV);
  if (code < 0 && !is_gone) {
    return netlink_.error("the route of " + to_string(prefix) + " in table " +
                              std::to_string(config_.table) +
                              (is_added ? " cannot be added" : " cannot be removed"),
                          code);
  }
  if (is_added) {
    installed_.insert(prefix);
  } else {
    installed_.erase(prefix);
  }
  return Done{};
}

int64_t RouteAnnouncer::next_ms(int64_t now_ms) const {
  return due_.empty() ? INT64_MAX : std::max(now_ms, retry_ms_);
}

}  // namespace vipgate
