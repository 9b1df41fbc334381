#include "controlplane/http/http_request.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <iterator>
#include <string>

namespace vipgate {
namespace {

namespace http = boost::beast::http;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_own_origin(std::string_view origin, std::string_view host, bool speaks_tls) {
  const auto is = [&](const char* scheme) {
    return boost::beast::iequals({origin.data(), origin.size()}, scheme + std::string(host));
  };
  return is("https://") || (!speaks_tls && is("http://"));
}

bool begins_with_scheme(std::string_view target, std::string_view scheme) {
  return target.size() > scheme.size() &&
         boost::beast::iequals({target.data(), scheme.size()}, {scheme.data(), scheme.size()});
}

}  // namespace

std::optional<ApiResponse> framing_problem(const HttpRequestHeader& header) {
  const auto hosts = header.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11)) {
    return http_problem(400,
                        "a request has one Host header; this one has " + std::to_string(hosts));
  }
  const auto lengths = header.count(http::field::content_length);
  if (lengths > 1) return http_problem(400, "a request has at most one Content-Length header");
  const auto [first, last] = header.equal_range(http::field::transfer_encoding);
  if (first == last) return std::nullopt;
  if (header.version() < 11) {
    return http_problem(400, "HTTP/1.0 has no Transfer-Encoding; send a Content-Length");
  }
  if (lengths != 0) {
    return http_problem(400, "send either a Content-Length or a Transfer-Encoding, not both");
  }
  if (std::next(first) != last || !boost::beast::iequals(first->value(), "chunked")) {
    return http_problem(501, "no other Transfer-Encoding than chunked is understood");
  }
  return std::nullopt;
}

std::optional<ApiResponse> foreign_problem(const HttpRequestHeader& header,
                                           const HttpTarget& target, bool speaks_tls) {
  const auto [first, last] = header.equal_range(http::field::origin);
  if (first != last) {
    const std::string_view origin = view_of(first->value());
    const bool is_one = std::next(first) == last;
    if (is_one && is_own_origin(origin, target.host, speaks_tls)) return std::nullopt;
    return http_problem(
        403, "Origin: '" + std::string(origin) + "' is not this server, which was asked as '" +
                 std::string(target.host) +
                 "': a page of another site may not ask; a proxy in front has to pass on the Host");
  }
  // Images, scripts and links of other sites come without an Origin.
  const std::string_view site = view_of(header["Sec-Fetch-Site"]);
  if (site != "cross-site" && site != "same-site") return std::nullopt;
  const bool is_link = header["Sec-Fetch-Mode"] == "navigate" &&
                       header["Sec-Fetch-Dest"] == "document" && header.method() == http::verb::get;
  if (is_link && !target.path.starts_with("/api/")) return std::nullopt;
  return http_problem(
      403, "Sec-Fetch-Site: a page of another site may not ask; open this one by its address");
}

HttpTarget target_of(const HttpRequestHeader& header) {
  std::string_view target = view_of(header.target());
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!begins_with_scheme(target, scheme)) continue;
    target.remove_prefix(scheme.size());
    const size_t end = std::min(target.find_first_of("/?"), target.size());
    const std::string_view path = target.substr(end);
    return {target.substr(0, end), path.empty() ? std::string_view("/") : path};
  }
  return {view_of(header[http::field::host]), target};
}

}  // namespace vipgate
