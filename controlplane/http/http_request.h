// What the header of a request says, before its body is read.
#pragma once

#include <boost/beast/http/message.hpp>
#include <optional>
#include <string_view>

#include "controlplane/http/http_message.h"

namespace vipgate {

using HttpRequestHeader = boost::beast::http::request_header<>;

// Why it is in doubt where the request ends or whom it is for, which others on the way may have
// read in another way (request smuggling); nothing: it is not.
std::optional<ApiResponse> framing_problem(const HttpRequestHeader& header);

// Whom the request is for, and the path with its query. An absolute target goes before the Host
// (RFC 9112 3.2.2).
struct HttpTarget {
  std::string_view host;
  std::string_view path;
};
HttpTarget target_of(const HttpRequestHeader& header);

// Why a browser sends it for a page of another site, or of another port: what it says of that by
// `Origin`, or without one by `Sec-Fetch-Site` (a link may lead to the dashboard); nothing: it does
// not. A server that speaks plain HTTP may stand behind one that speaks TLS.
std::optional<ApiResponse> foreign_problem(const HttpRequestHeader& header,
                                           const HttpTarget& target, bool speaks_tls);

}  // namespace vipgate
