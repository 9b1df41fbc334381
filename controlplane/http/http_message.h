// What the API and its server say to each other: plain values, whatever library reads the wire.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vipgate {

// What who asks may do.
enum class ApiRole : uint8_t { kNobody, kReader, kAdmin };

struct ApiRequest {
  std::string method;  // "GET"
  std::string path;    // as it was sent, without the query
  std::map<std::string, std::string> query;
  std::vector<std::string> parameters;  // what stood for the {…} of the route, decoded
  std::string content_type;
  std::string accept;
  std::string if_match;
  std::string if_none_match;
  std::string last_event_id;
  std::string body;
  std::string who;  // a token's or certificate's name; else the peer's address
  ApiRole role = ApiRole::kNobody;
};

// Takes a piece of a body that goes on; from any thread, does not block.
using ApiSink = std::function<void(const std::string&)>;

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  // Instead of `body`, where many may be sent the same: kept until it is sent.
  std::shared_ptr<const std::string> shared_body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  // Instead of a body: called by the server once, with where the pieces are to go; it keeps what
  // this returns until the connection ends, by the client or by us.
  std::function<std::shared_ptr<void>(ApiSink)> stream{};
};

// To be called once, from any thread; a server that has gone meanwhile is no error.
using ApiResponder = std::function<void(ApiResponse)>;
// Called by the server's thread; must not block it.
using ApiHandler = std::function<void(ApiRequest, ApiResponder)>;

// "Not Found" (RFC 9110 15); empty for one that is not sent here.
std::string_view http_reason(int status);

// application/problem+json (RFC 9457): `members` are further ones, as JSON, each with a comma
// before it.
ApiResponse http_problem(int status, std::string_view detail, std::string_view members = {});

// "%2F" → "/"; '+' stays. False: a percent sign without two hexadecimal digits.
bool http_decode(std::string_view text, std::string& decoded);

}  // namespace vipgate
