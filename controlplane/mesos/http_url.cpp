#include "controlplane/mesos/http_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace vipgate {
namespace {

constexpr size_t kMaxUrlBytes = 2048;
constexpr size_t kMaxHostBytes = 255;

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// Nothing in it may end a header line or a request line.
bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%';
  });
}

Error not_a_url(std::string_view text, std::string_view why) {
  return Error{"'" + std::string(text.substr(0, kMaxUrlBytes)) + "' is no URL: " +
               std::string(why) + "; write http://host:port or https://host:port"};
}

}  // namespace

Result<HttpUrl> parse_host_port(std::string_view text, uint16_t default_port) {
  HttpUrl url;
  url.port = default_port;
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return not_a_url(text, "a ']' is missing");
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) return not_a_url(text, "the port is unclear");
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (text.find(':', colon + 1) != std::string_view::npos) {
      return not_a_url(text, "an IPv6 address needs brackets, as in [2001:db8::1]:5050");
    }
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!is_host(host)) return not_a_url(text, "the host is missing or has wrong characters");
  url.host = host;
  if (!port.empty()) {
    const auto number = parse_port(port.substr(1));
    if (!number) return not_a_url(text, "the port is not a number from 1 to 65535");
    url.port = *number;
  }
  return url;
}

Result<HttpUrl> parse_http_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return not_a_url(text, "it is too long");
  if (!is_printable(text)) return not_a_url("", "it has blanks or control characters");
  const bool tls = text.starts_with("https://");
  if (!tls && !text.starts_with("http://")) return not_a_url(text, "it has no http(s)://");
  std::string_view rest = text.substr(tls ? 8 : 7);
  const size_t slash = rest.find_first_of("/?#");
  const std::string_view host = rest.substr(0, slash);
  if (host.find('@') != std::string_view::npos) {
    return Error{"a URL with a user name in it: put the name and its secret into `auth`"};
  }
  auto url = parse_host_port(host, tls ? 443 : 80);
  if (!url) return not_a_url(text, url.error());
  url->tls = tls;
  if (slash != std::string_view::npos) {
    std::string_view target = rest.substr(slash);
    target = target.substr(0, target.find('#'));
    url->target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  }
  return url;
}

Result<HttpUrl> resolve_location(const HttpUrl& base, std::string_view location) {
  if (location.starts_with("//")) {
    return parse_http_url((base.tls ? "https:" : "http:") + std::string(location));
  }
  if (location.starts_with("/")) {
    HttpUrl url = base;
    if (location.size() > kMaxUrlBytes || !is_printable(location)) {
      return not_a_url("", "a redirection to an unusable path");
    }
    url.target = location;
    return url;
  }
  return parse_http_url(location);
}

std::string authority(const HttpUrl& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

std::string to_string(const HttpUrl& url) {
  return (url.tls ? "https://" : "http://") + authority(url) + url.target;
}

}  // namespace vipgate
