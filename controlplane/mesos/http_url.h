// http:// and https:// URLs, as far as a client needs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

struct HttpUrl {
  bool tls = false;
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = 80;
  std::string target = "/";  // path and query

  bool operator==(const HttpUrl&) const = default;
};

// "http(s)://host[:port][/path]". User names in it are refused: they would be seen in logs.
Result<HttpUrl> parse_http_url(std::string_view text);
// "host:port", "[2001:db8::1]:port", or either without the port, which then is `default_port`.
Result<HttpUrl> parse_host_port(std::string_view text, uint16_t default_port);
// A Location header (RFC 9110 10.2.2) in an answer from `base`: absolute, without the scheme
// ("//host:port/path", as Mesos sends it) or only a path.
Result<HttpUrl> resolve_location(const HttpUrl& base, std::string_view location);

// "host:port", with brackets where needed; the Host header, and how we speak of a server.
std::string authority(const HttpUrl& url);
// "https://host:port/path"
std::string to_string(const HttpUrl& url);

}  // namespace vipgate
