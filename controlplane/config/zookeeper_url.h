// "zk://[user:pass@]host:port,host:port/path", as Mesos and the state store name a ZooKeeper.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

struct ZookeeperUrl {
  std::string credentials;  // "user:pass" for the scheme digest; empty: none
  std::string hosts;        // "h1:2181,h2:2181"
  std::string path;         // "/mesos": begins with a slash, ends without one
  friend bool operator==(const ZookeeperUrl&, const ZookeeperUrl&) = default;
};

// The error does not repeat the password.
Result<ZookeeperUrl> parse_zookeeper_url(std::string_view url);

// Why it is not "host:port" (a name, an IPv4 address, or an IPv6 address in brackets), or empty.
std::string host_port_fault(std::string_view text);

// The URL with the password between "user:" and "@" replaced, to show to people.
std::string without_password(std::string_view url);

}  // namespace vipgate
