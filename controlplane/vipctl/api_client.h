// vipctl's end of the API, by cpprestsdk's client: the only file that sees that library's HTTP.
#pragma once

#include <cpprest/json.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

struct ApiClientOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string token;    // empty: none is sent
  std::string ca_file;  // PEM; empty: those that the system trusts
  // PEM: the certificate that is shown, and its key; without a key file it is in the same file.
  std::string cert_file, key_file;
  std::chrono::seconds timeout{10};
};

struct ApiQuestion {
  std::string method = "GET";
  std::string path;
  std::string body{};
  std::string content_type{};  // of the body; empty: there is none
  std::string if_match{};      // an entity tag, or empty
};

struct ApiReply {
  int status = 0;
  std::string body{};
  std::string etag{};
  bool is_whole = true;  // false: the connection broke before a stream's end
};

// A server-sent event (WHATWG HTML 9.2).
struct ApiEvent {
  std::string type{};
  std::string data{};
};

// How vipctl ends where nobody answers.
inline constexpr int kExitUnreachable = 3;

class ApiClient {
 public:
  // An error: the URL is none, or the file cannot be read.
  static Result<std::unique_ptr<ApiClient>> create(const ApiClientOptions& options);
  ~ApiClient();

  // An error: nobody answers.
  Result<ApiReply> ask(const ApiQuestion& question);

  // Gives `take` the events of a stream until it ends, which is a reply of status 200, or `take`
  // returns false. REQUIRES: the time-out is longer than the gateway is ever silent, 15 s.
  Result<ApiReply> follow(const std::string& path,
                          const std::function<bool(const ApiEvent&)>& take);

  // Gives `take` the octets of a body that goes on, as they come, until it ends, which is a reply
  // of status 200, or `take` returns false. The time-out is for each silence.
  Result<ApiReply> stream(const std::string& path,
                          const std::function<bool(std::string_view)>& take);
  // Ends stream(), soon; any thread.
  void give_up();

 private:
  struct Parts;
  explicit ApiClient(std::unique_ptr<Parts> parts);
  Error unreachable(const std::string& why) const;
  std::unique_ptr<Parts> parts_;
};

// `text` as a value in a query, or a segment of a path: what is no letter, digit or of -._~
// percent-encoded.
std::string url_text(const std::string& text);

// What a reply that is not 2xx says (RFC 9457): a line for the detail, one for each field.
std::string problem_text(const ApiReply& reply);

// Of a body that is an object, its members in their order; an error: it is none.
Result<web::json::value> parse_object(const std::string& body);

}  // namespace vipgate
