// The HTTP/1.1 server of the API, by Boost.Beast: the only door to it.
//
// Not cpprestsdk's listener: with a time-out of 5 s it kept connections whose header was half sent
// (40 s were waited), took a body of 600 MB into memory, and has no limit of connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/http/http_access.h"
#include "controlplane/http/http_router.h"

namespace vipgate {

struct HttpServerOptions {
  IpAddress address;
  uint16_t port = 0;  // 0: one that the system chooses
  // PEM files, both or neither: with them TLS (1.2 or later) is spoken.
  std::string cert_file;
  std::string key_file;
  // PEM file of those whose certificates clients may show; empty: they show none.
  std::string client_ca_file;
  // Without any everybody is an admin: for loopback.
  std::vector<HttpToken> tokens;
  // Without tokens, too, a request may name any host: what it is told is no secret.
  bool is_for_any_host = false;
  size_t connections = 4096;  // above it, the one that has been silent for longest goes
  size_t body_bytes = 64u << 20;
  // For a request to arrive once it has begun, and for each piece of a reply to be taken; between
  // requests.
  std::chrono::milliseconds request_time{10'000};
  std::chrono::milliseconds idle_time{60'000};
};

// Owned by the control thread; has one thread of its own, which calls the router's handlers.
class HttpServer {
 public:
  // What the router's handlers refer to outlives the server. An error: a certificate cannot be
  // used, or the address not be had.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpRouter router);
  // Closes all connections.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where it listens.
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] size_t connections() const;

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace vipgate
