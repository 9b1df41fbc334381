// TLS for health checks: the only file here that knows OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/addresses.h"
#include "common/result.h"

// OpenSSL's, which only tls_client.cpp sees whole.
struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace vipgate {

struct TlsSessionDeleter {
  void operator()(ssl_session_st* session) const;
};
// What a server gives for a shorter handshake the next time (RFC 8446, 2.2). Null: nothing.
using TlsSession = std::unique_ptr<ssl_session_st, TlsSessionDeleter>;

// One connection over a socket that is connected and does not block; the handshake happens within
// read() and write(). Owned by one check; destroyed before its socket, to which it says no
// farewell.
class TlsStream {
 public:
  enum class Io : uint8_t {
    kDone,
    kWait,    // until the socket is readable or writable
    kEnd,     // the peer has closed
    kFailed,  // error() says why
  };

  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // kDone: `count` bytes were taken from, or put into, what was given.
  Io write(std::string_view bytes, size_t& count);
  Io read(std::span<uint8_t> room, size_t& count);

  // The newest that the server has given. It comes beside what is read.
  TlsSession take_session() { return std::move(session_); }

  // "certificate: self-signed certificate"
  const std::string& error() const { return error_; }

 private:
  friend class TlsClient;
  explicit TlsStream(ssl_st* ssl) : ssl_(ssl) {}
  Io outcome(int result);

  ssl_st* ssl_;
  TlsSession session_;
  std::string error_;
};

// What connections have in common. Owned and used by the health checker's thread.
class TlsClient {
 public:
  // Verification trusts the system's authorities (or SSL_CERT_FILE's, as everywhere).
  static Result<std::unique_ptr<TlsClient>> create(bool verify);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // `host` is a name, for SNI and for the certificate, perhaps with a port behind it; when it is
  // empty or an address, there is no SNI, and a certificate must be for the address. `earlier`: a
  // session with that same server, or null. Null: no memory.
  std::unique_ptr<TlsStream> connect(int socket, std::string_view host, const IpAddress& address,
                                     const TlsSession& earlier);

 private:
  TlsClient(ssl_ctx_st* context, bool verify) : context_(context), verify_(verify) {}
  static int on_session(ssl_st* ssl, ssl_session_st* session);

  ssl_ctx_st* context_;
  bool verify_;
};

// Host without the port: "a.b:80" → "a.b", "[::1]:80" → "::1".
std::string host_without_port(std::string_view host);

}  // namespace vipgate
