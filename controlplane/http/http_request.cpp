#include "controlplane/http/http_request.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <iterator>

namespace vipgate {
namespace {

namespace http = boost::beast::http;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

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
