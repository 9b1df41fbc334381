#include "controlplane/config/zookeeper_url.h"

#include <algorithm>
#include <charconv>

#include "common/addresses.h"

namespace vipgate {
namespace {

constexpr std::string_view kScheme = "zk://";

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string quoted(std::string_view text) { return "'" + std::string(text.substr(0, 64)) + "'"; }

// Znode paths: no empty, "." or ".." step, no control characters.
std::string node_path_fault(std::string_view path) {
  if (path == "/") return "its path is the root; name a node below it, as /mesos";
  if (path.back() == '/') return "its path ends with a slash; write it without";
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view step = path.substr(begin, end - begin);
    if (step.empty() || step == "." || step == "..") {
      return "its path has an empty step, '.' or '..'; write the names of nodes, as /mesos";
    }
    begin = end + 1;
  }
  return "";
}

}  // namespace

std::string host_port_fault(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, std::min(colon, text.size()));
  bool good = is_host_name(host);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const auto address = parse_ip_address(host.substr(1, host.size() - 2));
    good = address.ok() && address->is_v6();
  } else if (text.find(':') != colon) {
    return quoted(text) +
           " is no host and port; write an IPv6 address in brackets, as [fd00::1]:80";
  }
  if (!good) return quoted(text) + " has no host; write host:port";
  if (colon == std::string_view::npos) return quoted(text) + " has no port; write host:port";
  const std::string_view digits = text.substr(colon + 1);
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535 ||
      digits[0] == '0') {
    return "the port of " + quoted(text) + " is none; write a number from 1 to 65535";
  }
  return "";
}

std::string without_password(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t at = url.rfind('@', std::min(url.find('/', begin), url.size()));
  const size_t colon = url.find(':', begin);
  if (at == std::string_view::npos || at < begin || colon > at) return std::string(url);
  return std::string(url.substr(0, colon + 1)) + "***" + std::string(url.substr(at));
}

Result<ZookeeperUrl> parse_zookeeper_url(std::string_view url) {
  const auto refuse = [&](const std::string& why) {
    return Error{"'" + without_password(url.substr(0, 1024)) + "': " + why};
  };
  if (!url.starts_with(kScheme)) return refuse("it does not begin with zk://");
  const std::string_view rest = url.substr(kScheme.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return refuse("it has no path; add one, as /mesos");
  std::string_view authority = rest.substr(0, slash);
  ZookeeperUrl parsed;
  parsed.path = rest.substr(slash);
  if (const std::string fault = node_path_fault(parsed.path); !fault.empty()) return refuse(fault);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parsed.credentials = authority.substr(0, at);
    const size_t colon = parsed.credentials.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == parsed.credentials.size()) {
      return refuse("before '@' stands no user:password; write both, or neither");
    }
    authority = authority.substr(at + 1);
  }
  for (size_t begin = 0; begin <= authority.size();) {
    const size_t end = std::min(authority.find(',', begin), authority.size());
    const std::string fault = host_port_fault(authority.substr(begin, end - begin));
    if (!fault.empty()) return refuse(fault);
    begin = end + 1;
  }
  parsed.hosts = authority;
  return parsed;
}

}  // namespace vipgate
