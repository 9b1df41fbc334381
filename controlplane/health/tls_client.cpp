#include "controlplane/health/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace vipgate {
namespace {

// Of the oldest error in the thread's queue, which it empties.
std::string oldest_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "connection closed";
}

}  // namespace

std::string host_without_port(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  const size_t colon = host.find(':');
  // Several colons without brackets are an IPv6 address.
  if (colon == host.npos || host.find(':', colon + 1) != host.npos) return std::string(host);
  return std::string(host.substr(0, colon));
}

void TlsSessionDeleter::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

TlsStream::~TlsStream() {
  // Nothing is sent; without it OpenSSL takes the end for a failure and spoils the session.
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN);
  SSL_free(ssl_);
}

TlsStream::Io TlsStream::write(std::string_view bytes, size_t& count) {
  ERR_clear_error();
  return outcome(SSL_write_ex(ssl_, bytes.data(), bytes.size(), &count));
}

TlsStream::Io TlsStream::read(std::span<uint8_t> room, size_t& count) {
  ERR_clear_error();
  return outcome(SSL_read_ex(ssl_, room.data(), room.size(), &count));
}

TlsStream::Io TlsStream::outcome(int result) {
  if (result == 1) return Io::kDone;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Io::kWait;
    case SSL_ERROR_ZERO_RETURN:
      if (SSL_is_init_finished(ssl_) == 1) return Io::kEnd;
      error_ = "TLS: connection closed during the handshake";
      return Io::kFailed;
    default:
      break;
  }
  const long verified = SSL_get_verify_result(ssl_);
  if (SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE && verified != X509_V_OK) {
    ERR_clear_error();
    error_ = std::string("certificate: ") + X509_verify_cert_error_string(verified);
  } else {
    error_ = "TLS: " + oldest_error();
  }
  return Io::kFailed;
}

Result<std::unique_ptr<TlsClient>> TlsClient::create(bool verify) {
  ERR_clear_error();
  std::unique_ptr<TlsClient> client(new TlsClient(SSL_CTX_new(TLS_client_method()), verify));
  SSL_CTX* context = client->context_;
  if (context == nullptr) return Error{"health check: TLS cannot be set up: " + oldest_error()};
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // Many servers just close. Whether an answer is whole its own protocol tells; taken for an error
  // the end would spoil the session, also of a kept connection that nobody waits for.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Whether an old server lives is the question, not whether it is up to date.
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (!verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    return client;
  }
  // A resumed session shows no certificate, and it is to be looked at each time.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_default_verify_paths(context) != 1) {
    return Error{"health check: the certificates of the system's authorities cannot be read: " +
                 oldest_error() + "; install ca-certificates"};
  }
  return client;
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

// 1: it is ours to free.
int TlsClient::on_session(ssl_st* ssl, ssl_session_st* session) {
  static_cast<TlsStream*>(SSL_get_app_data(ssl))->session_.reset(session);
  return 1;
}

std::unique_ptr<TlsStream> TlsClient::connect(int socket, std::string_view host,
                                              const IpAddress& address, const TlsSession& earlier) {
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr) return nullptr;
  std::unique_ptr<TlsStream> stream(new TlsStream(ssl));
  std::string name = host_without_port(host);
  const bool is_address = name.empty() || parse_ip_address(name).ok();
  if (is_address && name.empty()) name = to_string(address);
  bool is_ready = SSL_set_fd(ssl, socket) == 1 && SSL_set_app_data(ssl, stream.get()) == 1;
  if (earlier != nullptr) is_ready = is_ready && SSL_set_session(ssl, earlier.get()) == 1;
  if (!is_address) is_ready = is_ready && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
  if (verify_) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
    const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str())
                               : X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), 0);
    is_ready = is_ready && set == 1;
  }
  if (!is_ready) return nullptr;
  SSL_set_connect_state(ssl);
  return stream;
}

}  // namespace vipgate
