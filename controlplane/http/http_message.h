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
  std::string accept_encoding;
  std::string if_match;
  std::string if_none_match;
  std::string last_event_id;
  std::string body;
  std::string peer;  // its address
  std::string who;   // a token's or certificate's name; else the peer
  ApiRole role = ApiRole::kNobody;
  // As long as it is kept the body counts as one that is held in memory, in whatever form.
  std::shared_ptr<void> claim;
};

// Takes a body that goes on, piece by piece, until its connection has ended. Any thread may call
// it; nothing blocks.
class ApiSink {
 public:
  virtual ~ApiSink() = default;
  // Who is so slow that there is no room for a piece, a megabyte waiting, is given up.
  virtual void write(const std::string& piece) = 0;
  // False: there is no room for the piece, and it is left out. Some room is left for write().
  virtual bool offer(const std::string& piece) = 0;
  // The body is whole: once all of it is sent, the connection ends.
  virtual void finish() = 0;
};

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  // Instead of `body`, where many may be sent the same: kept until it is sent.
  std::shared_ptr<const std::string> shared_body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  // Instead of a body: called by the server once, with where the pieces are to go; it keeps what
  // this returns until the connection ends, by the client or by us.
  std::function<std::shared_ptr<void>(std::shared_ptr<ApiSink>)> stream{};
  // What a stream that says nothing for some seconds says, to find out whether somebody listens;
  // empty: nothing.
  std::string idle_piece{};
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
