#include "controlplane/mesos/http_client.h"

#include <netdb.h>
#include <openssl/ssl.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <fstream>
#include <optional>
#include <thread>

#include "common/system_error.h"

namespace vipgate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr size_t kPieceBytes = 256 << 10;  // of a body, handed on at once
constexpr size_t kReadBytes = 128 << 10;
constexpr size_t kBufferBytes = 512 << 10;    // bounds chunk headers and trailers, too
constexpr uint32_t kHeadBytes = 64 << 10;     // of an answer
constexpr size_t kErrorBodyBytes = 64 << 10;  // of an answer that is no stream
constexpr size_t kMaxEndpoints = 16;

struct Resolved {
  std::vector<tcp::endpoint> endpoints;
  std::string error;
};

Resolved resolve_now(const std::string& host, uint16_t port) {
  Resolved resolved;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    resolved.error = gai_strerror(code);
    return resolved;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (resolved.endpoints.size() == kMaxEndpoints) break;
    tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    endpoint.port(port);
    resolved.endpoints.push_back(endpoint);
  }
  freeaddrinfo(list);
  if (resolved.endpoints.empty()) resolved.error = "it has no address";
  return resolved;
}

std::string reason(const error_code& error, milliseconds limit) {
  if (error == beast::error::timeout) {
    return "nothing came for " + std::to_string(limit.count()) + " ms";
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    return "the connection was closed in the middle of an answer";
  }
  if (error == http::error::body_limit) return "the answer is larger than the limit";
  return error.message();
}

std::string field(const http::fields& fields, http::field name) {
  const auto value = fields[name];
  return std::string(value.data(), value.size());
}

class BeastClient final : public HttpClient {
 public:
  explicit BeastClient(std::function<bool()> interrupted)
      : interrupted_(std::move(interrupted)), tls_(asio::ssl::context::tls_client) {
    buffer_.reserve(kReadBytes);  // its free room bounds a read: without it, 512 bytes
  }

  Status open(const TlsConfig& tls);

  Result<HttpResponse> fetch(const HttpRequest& request, const HttpLimits& limits) override {
    return call(request, limits, nullptr, nullptr);
  }
  Result<HttpResponse> stream(const HttpRequest& request, const HttpLimits& limits,
                              const HttpHead& head, const HttpSink& sink) override {
    return call(request, limits, head, sink);
  }
  void set_inactivity(milliseconds time) override { inactivity_ = time; }
  Result<std::vector<std::string>> resolve(const std::string& host, milliseconds time) override;
  void wake() override {
    asio::post(*context_, [] {});
  }

 private:
  Result<HttpResponse> call(const HttpRequest& request, const HttpLimits& limits,
                            const HttpHead& head, const HttpSink& sink);
  template <class Stream>
  Result<HttpResponse> exchange(Stream& stream, const HttpRequest& request,
                                const HttpLimits& limits, const HttpHead& head,
                                const HttpSink& sink);
  template <class Stream>
  Status read_body(Stream& stream, http::response_parser<http::buffer_body>& parser,
                   const HttpSink& sink);
  template <class Start>
  error_code await(beast::tcp_stream& socket, milliseconds limit, const Start& start);
  Result<std::vector<tcp::endpoint>> find(const std::string& host, uint16_t port,
                                          milliseconds limit);
  Status connect(beast::tcp_stream& socket, const HttpRequest& request, const HttpLimits& limits);

  std::function<bool()> interrupted_;
  // Shared with threads that resolve a name and may come back when nobody waits any more.
  std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_->get_executor()};
  asio::ssl::context tls_;
  milliseconds inactivity_{0};
  beast::flat_buffer buffer_{kBufferBytes};
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

const Error kInterrupted{"interrupted"};

std::optional<TlsFault> use_files(const TlsConfig& tls, asio::ssl::context& context) {
  error_code error;
  const auto unusable = [&](const char* key, const std::string& file, const std::string& what) {
    const std::string named = "tls." + std::string(key) + " '" + file + "'";
    // The library does not say why a file cannot be opened.
    if (!std::ifstream(file)) {
      return TlsFault{key, system_error(named + " cannot be read").message +
                               "; write the path of the file, and let this user read it"};
    }
    return TlsFault{key, named + " holds no " + what + " in PEM form: " + error.message() +
                             "; write the path of a file that does"};
  };
  // A key with a passphrase must not make the daemon ask on its terminal.
  context.set_password_callback([](size_t, asio::ssl::context::password_purpose) { return ""; },
                                error);
  if (!tls.ca_file.empty()) {
    context.load_verify_file(tls.ca_file, error);
    if (error) return unusable("ca_file", tls.ca_file, "certificates");
  }
  if (!tls.cert_file.empty()) {
    context.use_certificate_chain_file(tls.cert_file, error);
    if (error) return unusable("cert_file", tls.cert_file, "certificate");
  }
  if (!tls.key_file.empty()) {
    context.use_private_key_file(tls.key_file, asio::ssl::context::pem, error);
    if (error) return unusable("key_file", tls.key_file, "private key without a passphrase");
  }
  // Keys of another kind than the certificate's are taken without a word.
  const bool has_either = !tls.cert_file.empty() || !tls.key_file.empty();
  if (has_either && SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return TlsFault{"key_file", "tls.key_file '" + tls.key_file +
                                    "' does not belong to tls.cert_file '" + tls.cert_file +
                                    "'; give both, and of one pair"};
  }
  return std::nullopt;
}

Status BeastClient::open(const TlsConfig& tls) {
  error_code error;
  tls_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv3 |
                   asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  tls_.set_verify_mode(asio::ssl::verify_peer, error);
  if (error) return Error{"TLS cannot verify certificates: " + error.message()};
  if (tls.ca_file.empty()) {
    tls_.set_default_verify_paths(error);
    if (error) return Error{"the system's certificate authorities: " + error.message()};
  }
  if (const auto fault = use_files(tls, tls_)) return Error{fault->message};
  return Done{};
}

// Runs the context on this thread until the operation that `start` starts has ended.
template <class Start>
error_code BeastClient::await(beast::tcp_stream& socket, milliseconds limit, const Start& start) {
  if (interrupted_()) return asio::error::operation_aborted;
  std::optional<error_code> done;
  socket.expires_after(limit);
  start([&done](const error_code& error) { done = error; });
  bool is_closing = false;
  while (!done) {
    context_->run_one();
    if (!done && !is_closing && interrupted_()) {
      is_closing = true;
      socket.close();
    }
  }
  socket.expires_never();
  return is_closing ? error_code(asio::error::operation_aborted) : *done;
}

// getaddrinfo() cannot be interrupted, so another thread waits in it, which nobody has to wait for.
Result<std::vector<tcp::endpoint>> BeastClient::find(const std::string& host, uint16_t port,
                                                     milliseconds limit) {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return std::vector<tcp::endpoint>{tcp::endpoint(address, port)};
  auto result = std::make_shared<std::optional<Resolved>>();
  std::thread([context = context_, result, host, port] {
    Resolved resolved = resolve_now(host, port);
    asio::post(*context, [result, resolved = std::move(resolved)] { *result = resolved; });
  }).detach();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!result->has_value()) {
    if (interrupted_()) return kInterrupted;
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{"the name '" + host + "' could not be resolved in " +
                   std::to_string(limit.count()) + " ms: check /etc/resolv.conf"};
    }
    context_->run_one_until(deadline);
  }
  if (!(*result)->error.empty()) {
    return Error{"the name '" + host + "' cannot be resolved: " + (*result)->error};
  }
  return std::move((*result)->endpoints);
}

Result<std::vector<std::string>> BeastClient::resolve(const std::string& host, milliseconds time) {
  auto found = find(host, 0, time);
  if (!found) return Error{found.error()};
  std::vector<std::string> addresses;
  for (const tcp::endpoint& endpoint : *found) addresses.push_back(endpoint.address().to_string());
  return addresses;
}

Status BeastClient::connect(beast::tcp_stream& socket, const HttpRequest& request,
                            const HttpLimits& limits) {
  auto found = find(request.url.host, request.url.port, limits.connect);
  if (!found && !request.fallback_ip.empty() && !interrupted_()) {
    found = find(request.fallback_ip, request.url.port, limits.connect);
  }
  if (!found) return Error{found.error()};
  const error_code error = await(socket, limits.connect, [&](auto done) {
    socket.async_connect(*found, [done](const error_code& e, const tcp::endpoint&) { done(e); });
  });
  if (error == asio::error::operation_aborted) return kInterrupted;
  if (error) return Error{"no connection: " + reason(error, limits.connect)};
  error_code ignored;  // without it, small requests wait a little longer
  socket.socket().set_option(tcp::no_delay(true), ignored);
  return Done{};
}

template <class Stream>
Status BeastClient::read_body(Stream& stream, http::response_parser<http::buffer_body>& parser,
                              const HttpSink& sink) {
  beast::tcp_stream& socket = beast::get_lowest_layer(stream);
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    body.more = true;
    error_code error = await(socket, inactivity_, [&](auto done) {
      http::async_read_some(stream, buffer_, parser,
                            [done](const error_code& e, size_t) { done(e); });
    });
    const size_t count = piece_.size() - body.size;
    if (count > 0 && !sink(std::string_view(piece_.data(), count))) return Done{};
    if (error == http::error::need_buffer) continue;
    if (error == asio::error::operation_aborted) return kInterrupted;
    if (error == http::error::end_of_stream && parser.is_done()) break;
    if (error) return Error{reason(error, inactivity_)};
  }
  return Done{};
}

template <class Stream>
Result<HttpResponse> BeastClient::exchange(Stream& stream, const HttpRequest& request,
                                           const HttpLimits& limits, const HttpHead& head,
                                           const HttpSink& sink) {
  beast::tcp_stream& socket = beast::get_lowest_layer(stream);
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.url.target);
  message.set(http::field::host, authority(request.url));
  message.set(http::field::user_agent, "vipgate");
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.body() = request.body;
  message.prepare_payload();
  error_code error = await(socket, limits.answer, [&](auto done) {
    http::async_write(stream, message, [done](const error_code& e, size_t) { done(e); });
  });
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(kHeadBytes);
  parser.body_limit(std::numeric_limits<uint64_t>::max());
  buffer_.clear();
  if (!error) {
    error = await(socket, limits.answer, [&](auto done) {
      http::async_read_header(stream, buffer_, parser,
                              [done](const error_code& e, size_t) { done(e); });
    });
  }
  if (error == asio::error::operation_aborted) return kInterrupted;
  if (error) return Error{"no answer: " + reason(error, limits.answer)};
  HttpResponse response;
  response.status = parser.get().result_int();
  response.location = field(parser.get(), http::field::location);
  response.content_type = field(parser.get(), http::field::content_type);
  response.content_length = parser.content_length().value_or(0);
  error_code ignored;  // an empty address tells as much
  response.peer_ip = socket.socket().remote_endpoint(ignored).address().to_string();
  inactivity_ = limits.inactivity;
  const bool is_stream = sink && response.status == 200;
  if (is_stream && head) head(response);
  const size_t limit = sink ? kErrorBodyBytes : limits.body_bytes;
  bool is_oversize = false;
  const HttpSink collect = [&](std::string_view bytes) {
    is_oversize = bytes.size() > limit - response.body.size();
    if (!is_oversize) response.body += bytes;
    return !is_oversize;
  };
  if (auto status = read_body(stream, parser, is_stream ? sink : collect); !status) {
    return Error{status.error()};
  }
  if (is_oversize && !sink) {
    return Error{"the answer is larger than the limit of " + std::to_string(limit) + " bytes"};
  }
  return response;
}

Result<HttpResponse> BeastClient::call(const HttpRequest& request, const HttpLimits& limits,
                                       const HttpHead& head, const HttpSink& sink) {
  const auto failed = [&](const std::string& why) {
    return Error{(request.url.tls ? "https://" : "http://") + authority(request.url) + ": " + why};
  };
  try {
    if (!request.url.tls) {
      beast::tcp_stream socket(*context_);
      if (auto status = connect(socket, request, limits); !status) return failed(status.error());
      auto response = exchange(socket, request, limits, head, sink);
      return response ? std::move(response) : failed(response.error());
    }
    beast::ssl_stream<beast::tcp_stream> stream(*context_, tls_);
    const std::string& host = request.url.host;
    error_code is_name;
    asio::ip::make_address(host, is_name);
    if (is_name && SSL_set_tlsext_host_name(stream.native_handle(), host.c_str()) != 1) {
      return failed("the host's name is unusable for TLS");
    }
    stream.set_verify_callback(asio::ssl::host_name_verification(host));
    beast::tcp_stream& socket = beast::get_lowest_layer(stream);
    if (auto status = connect(socket, request, limits); !status) return failed(status.error());
    const error_code error = await(socket, limits.connect, [&](auto done) {
      stream.async_handshake(asio::ssl::stream_base::client,
                             [done](const error_code& e) { done(e); });
    });
    if (error == asio::error::operation_aborted) return failed(kInterrupted.message);
    if (error) {
      const long verdict = SSL_get_verify_result(stream.native_handle());
      return failed("TLS: " + reason(error, limits.connect) +
                    (verdict == X509_V_OK
                         ? ""
                         : std::string(": ") + X509_verify_cert_error_string(verdict) +
                               "; check tls.ca_file and the name in the URL"));
    }
    auto response = exchange(stream, request, limits, head, sink);
    return response ? std::move(response) : failed(response.error());
  } catch (const std::exception& e) {
    return failed(e.what());
  }
}

}  // namespace

std::optional<TlsFault> find_tls_fault(const TlsConfig& tls) {
  try {
    asio::ssl::context context(asio::ssl::context::tls_client);
    return use_files(tls, context);
  } catch (const std::exception& e) {
    return TlsFault{"", std::string("TLS cannot be set up: ") + e.what()};
  }
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(const TlsConfig& tls,
                                                       std::function<bool()> interrupted) {
  try {
    auto client = std::make_unique<BeastClient>(std::move(interrupted));
    if (auto status = client->open(tls); !status) return Error{status.error()};
    return std::unique_ptr<HttpClient>(std::move(client));
  } catch (const std::exception& e) {
    return Error{std::string("TLS cannot be set up: ") + e.what()};
  }
}

}  // namespace vipgate
