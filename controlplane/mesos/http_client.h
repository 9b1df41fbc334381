// HTTP/1.1 requests, one at a time, that wait on the calling thread: it is the caller's thread that
// reads, so a caller that is busy or held up slows down its own server and nobody else.
//
// The only wrapper of the HTTP library (Boost.Beast): its exceptions and error codes end here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/http_url.h"

namespace vipgate {

// What is wrong with a file that `tls` in the configuration names.
struct TlsFault {
  std::string_view key;  // by which it is named
  std::string message;   // with key and file, and what to do
};
// Reads the files as HttpClient::create() does. Nothing: they can be used as they are now.
std::optional<TlsFault> find_tls_fault(const TlsConfig& tls);

struct HttpRequest {
  std::string method = "GET";
  HttpUrl url;
  // Connected to when the URL's host cannot be resolved; empty: none. Certificates are checked
  // against the URL's host in any case.
  std::string fallback_ip;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpLimits {
  std::chrono::milliseconds connect{5000};      // each of: resolving, connecting, TLS
  std::chrono::milliseconds answer{30000};      // from the request to the answer's head
  std::chrono::milliseconds inactivity{30000};  // between bytes of the body
  size_t body_bytes = size_t{1} << 30;
};

struct HttpResponse {
  unsigned status = 0;
  std::string location;
  std::string content_type;
  uint64_t content_length = 0;  // octets; 0: not told
  std::string body;
  std::string peer_ip;  // that answered
};

// Gets bytes of the body as they come; false ends the call.
using HttpSink = std::function<bool(std::string_view)>;
// The head of an answer has come: may change the inactivity time-out of what follows.
using HttpHead = std::function<void(const HttpResponse&)>;

// One thread calls fetch(), stream() and resolve(); any thread may call wake().
class HttpClient {
 public:
  // `interrupted` is asked before and during each call, on the calling thread: true ends the call
  // with an error. After it has become true, wake() makes a waiting call ask. An error: a file of
  // `tls` cannot be used.
  static Result<std::unique_ptr<HttpClient>> create(const TlsConfig& tls,
                                                    std::function<bool()> interrupted);
  virtual ~HttpClient() = default;

  virtual Result<HttpResponse> fetch(const HttpRequest& request, const HttpLimits& limits) = 0;
  // As fetch(), but the body of a 200 goes to `sink` without an end or limit of its own. Returns
  // when the server ends the stream in order or the sink has enough.
  virtual Result<HttpResponse> stream(const HttpRequest& request, const HttpLimits& limits,
                                      const HttpHead& head, const HttpSink& sink) = 0;
  // For use within `sink` and `head`: from now on, of the call that runs.
  virtual void set_inactivity(std::chrono::milliseconds time) = 0;
  virtual Result<std::vector<std::string>> resolve(const std::string& host,
                                                   std::chrono::milliseconds time) = 0;
  virtual void wake() = 0;
};

}  // namespace vipgate
