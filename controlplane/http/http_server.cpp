#include "controlplane/http/http_server.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <charconv>
#include <csignal>
#include <deque>
#include <list>
#include <optional>
#include <thread>
#include <utility>

namespace vipgate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr uint32_t kHeaderBytes = 16 * 1024;
constexpr size_t kFirstRead = 4096;
// What may wait for a client that takes a stream; one that is slower is given up.
constexpr size_t kMostStreamed = 1u << 20;
// A stream that has nothing to say says so, to find out whether somebody listens.
constexpr auto kStreamPause = std::chrono::seconds(15);
// After the system had no descriptor for a connection.
constexpr auto kHttpAcceptPause = std::chrono::milliseconds(100);

class HttpSession;

// What the sessions share; they and their answers may outlive the server.
struct HttpCore {
  HttpCore(HttpServerOptions options_in, HttpRouter router_in)
      : options(std::move(options_in)), router(std::move(router_in)) {}

  const HttpServerOptions options;
  const HttpRouter router;
  asio::io_context io{1};
  std::optional<asio::ssl::context> tls;
  Tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  std::list<std::shared_ptr<HttpSession>> sessions;  // silent for longest first; its thread's
  std::atomic<size_t> count{0};
};

// Who a token is of; nobody, if of none. Takes as long for every token of the same length.
ApiRole role_of(const HttpServerOptions& options, std::string_view header, std::string& who) {
  if (options.tokens.empty()) return ApiRole::kAdmin;
  constexpr std::string_view kBearer = "Bearer ";
  if (header.size() <= kBearer.size() ||
      !beast::iequals({header.data(), kBearer.size()}, {kBearer.data(), kBearer.size()})) {
    return ApiRole::kNobody;
  }
  header.remove_prefix(kBearer.size());
  const auto digest = [](std::string_view text) {
    std::array<uint8_t, SHA256_DIGEST_LENGTH> octets;
    SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), octets.data());
    return octets;
  };
  const auto given = digest(header);
  ApiRole role = ApiRole::kNobody;
  for (const HttpToken& token : options.tokens) {
    const auto known = digest(token.token);
    if (CRYPTO_memcmp(given.data(), known.data(), known.size()) != 0) continue;
    role = token.role;
    who = token.name;
  }
  return role;
}

// RFC 9112 7.1.
std::string http_chunk(const std::string& piece) {
  char digits[2 * sizeof(size_t)];
  const auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr;
  return std::string(digits, end) + "\r\n" + piece + "\r\n";
}

// Whether the request was made for this machine: a page of another site whose name was made to lead
// here (DNS rebinding) names its own host.
bool is_for_loopback(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    host = host.substr(0, colon);
  }
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// One connection. All of it runs on the server's thread.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(std::shared_ptr<HttpCore> core, Tcp::socket socket)
      : core_(std::move(core)), peer_(peer_of(socket)) {
    if (core_->tls) {
      tls_.emplace(beast::tcp_stream(std::move(socket)), *core_->tls);
    } else {
      plain_.emplace(std::move(socket));
    }
  }

  void begin(std::list<std::shared_ptr<HttpSession>>::iterator place) {
    place_ = place;
    if (!tls_) return wait_for_request();
    stream().expires_after(core_->options.request_time);
    tls_->async_handshake(asio::ssl::stream_base::server,
                          [self = shared_from_this()](error_code error) {
                            if (error || self->has_ended_) return self->end();
                            self->wait_for_request();
                          });
  }

  // What was done before may be told of still: whoever is told looks at has_ended_ first.
  void end() {
    if (std::exchange(has_ended_, true)) return;
    const auto self = shared_from_this();  // nothing else may hold it while an answer is awaited
    error_code ignored;                    // it may be closed by the other side
    stream().socket().shutdown(Tcp::socket::shutdown_both, ignored);
    stream().close();
    stream_timer_.cancel();
    subscription_.reset();
    core_->sessions.erase(place_);
    --core_->count;
  }

 private:
  static std::string peer_of(const Tcp::socket& socket) {
    error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    return error ? std::string("unknown") : endpoint.address().to_string();
  }

  beast::tcp_stream& stream() { return tls_ ? beast::get_lowest_layer(*tls_) : *plain_; }
  // With the stream that is there.
  template <class Use>
  void with_stream(Use use) {
    if (tls_) {
      use(*tls_);
    } else {
      use(*plain_);
    }
  }
  // It is no longer the one that has been silent for longest.
  void was_heard() { core_->sessions.splice(core_->sessions.end(), core_->sessions, place_); }

  // A connection may be idle for longer than a request may take to arrive.
  void wait_for_request() {
    parser_.emplace();
    parser_->header_limit(kHeaderBytes);
    parser_->body_limit(core_->options.body_bytes);
    if (buffer_.size() != 0) return read_header();
    stream().expires_after(core_->options.idle_time);
    with_stream([this](auto& stream) {
      stream.async_read_some(buffer_.prepare(kFirstRead),
                             [self = shared_from_this()](error_code error, size_t length) {
                               if (error || self->has_ended_) return self->end();
                               self->buffer_.commit(length);
                               self->read_header();
                             });
    });
  }

  void read_header() {
    was_heard();
    stream().expires_after(core_->options.request_time);
    with_stream([this](auto& stream) {
      http::async_read_header(stream, buffer_, *parser_,
                              [self = shared_from_this()](error_code error, size_t) {
                                if (error || self->has_ended_) return self->refuse(error);
                                self->was_heard();
                                self->expect();
                              });
    });
  }

  // RFC 9110 10.1.1.
  void expect() {
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
    continue_.emplace(http::status::continue_, parser_->get().version());
    with_stream([this](auto& stream) {
      http::async_write(stream, *continue_, [self = shared_from_this()](error_code error, size_t) {
        if (error || self->has_ended_) return self->end();
        self->read_body();
      });
    });
  }

  void read_body() {
    stream().expires_after(core_->options.request_time);
    with_stream([this](auto& stream) {
      http::async_read(stream, buffer_, *parser_,
                       [self = shared_from_this()](error_code error, size_t) {
                         if (error || self->has_ended_) return self->refuse(error);
                         self->was_heard();
                         self->dispatch();
                       });
    });
  }

  void dispatch() {
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    is_chunked_ = message.version() >= 11;
    is_head_ = message.method() == http::verb::head;
    ApiRequest request;
    request.method = std::string(message.method_string());
    request.content_type = std::string(message[http::field::content_type]);
    request.if_match = std::string(message[http::field::if_match]);
    request.last_event_id = std::string(message["Last-Event-ID"]);
    request.who = peer_;
    const auto authorization = message[http::field::authorization];
    request.role =
        role_of(core_->options, {authorization.data(), authorization.size()}, request.who);
    const auto host = message[http::field::host];
    if (core_->options.tokens.empty() && !is_for_loopback({host.data(), host.size()})) {
      return answer(http_problem(
          403, "without tokens only requests for localhost or its address are answered"));
    }
    request.body = std::move(message.body());
    stream().expires_never();
    const std::string target(message.target());
    core_->router.route(
        std::move(request), target,
        [weak_core = std::weak_ptr(core_), weak = weak_from_this()](ApiResponse response) {
          const auto core = weak_core.lock();
          if (core == nullptr) return;
          asio::post(core->io, [weak, response = std::move(response)]() mutable {
            if (const auto self = weak.lock()) self->answer(std::move(response));
          });
        });
  }

  // What could not be read is told why, if anybody listens still.
  void refuse(error_code error) {
    if (has_ended_) return;
    keep_alive_ = false;
    is_head_ = false;
    if (error == http::error::header_limit) {
      return answer(http_problem(431, "the header has more than 16384 octets"));
    }
    if (error == http::error::body_limit) {
      return answer(http_problem(
          413, "the body has more than " + std::to_string(core_->options.body_bytes) + " octets"));
    }
    const bool is_malformed =
        error.category() == http::make_error_code(http::error::bad_method).category();
    if (!is_malformed || error == http::error::end_of_stream ||
        error == http::error::partial_message) {
      return end();
    }
    answer(http_problem(400, "this is no HTTP/1.1 request: " + error.message()));
  }

  void answer(ApiResponse from) {
    if (has_ended_) return;
    was_heard();
    response_.emplace(static_cast<http::status>(from.status), 11);
    const std::string_view reason = http_reason(from.status);
    response_->reason({reason.data(), reason.size()});
    response_->set(http::field::server, "vipgate");
    response_->set(http::field::content_type, from.content_type);
    response_->set(http::field::cache_control, "no-store");
    response_->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : from.headers) response_->set(name, value);
    if (from.stream && !is_head_) return begin_stream(std::move(from));
    response_->keep_alive(keep_alive_);
    response_->content_length(from.body.size());
    if (!is_head_) response_->body() = std::move(from.body);
    stream().expires_after(core_->options.request_time);
    with_stream([this](auto& stream) {
      serializer_.emplace(*response_);
      // The length of a HEAD's answer is that of the body which it leaves out.
      const auto done = [self = shared_from_this()](error_code error, size_t) {
        if (error || self->has_ended_ || !self->keep_alive_) return self->end();
        self->wait_for_request();
      };
      if (is_head_) {
        http::async_write_header(stream, *serializer_, done);
      } else {
        http::async_write(stream, *serializer_, done);
      }
    });
  }

  // In chunks; for an older client the end of the connection is the end of the body (RFC 9112 6.3).
  void begin_stream(ApiResponse from) {
    response_->keep_alive(false);
    response_->chunked(is_chunked_);
    stream().expires_never();  // stream_timer_ stands for it
    serializer_.emplace(*response_);
    arm_stream(core_->options.request_time);
    with_stream([this, &from](auto& stream) {
      http::async_write_header(
          stream, *serializer_,
          [self = shared_from_this(), from = std::move(from)](error_code error, size_t) {
            if (error || self->has_ended_) return self->end();
            self->subscribe(from);
          });
    });
  }

  void subscribe(const ApiResponse& from) {
    is_writing_ = false;
    arm_stream(kStreamPause);
    wait_for_end();
    const auto core = std::weak_ptr(core_);
    subscription_ = from.stream([core, weak = weak_from_this()](const std::string& piece) {
      const auto alive = core.lock();
      if (alive == nullptr) return;
      asio::post(alive->io, [weak, piece] {
        if (const auto self = weak.lock()) self->push(piece);
      });
    });
    if (subscription_ == nullptr) end();
  }

  // A client that takes a stream has nothing more to say but that it goes.
  void wait_for_end() {
    with_stream([this](auto& stream) {
      stream.async_read_some(buffer_.prepare(kFirstRead),
                             [self = shared_from_this()](error_code error, size_t) {
                               if (error || self->has_ended_) return self->end();
                               self->wait_for_end();
                             });
    });
  }

  void push(const std::string& piece) {
    if (has_ended_) return;
    pieces_.push_back(is_chunked_ ? http_chunk(piece) : piece);
    waiting_ += pieces_.back().size();
    if (waiting_ > kMostStreamed) return end();
    if (!is_writing_) write_piece();
  }

  void write_piece() {
    is_writing_ = true;
    arm_stream(core_->options.request_time);
    with_stream([this](auto& stream) {
      asio::async_write(stream, asio::buffer(pieces_.front()),
                        [self = shared_from_this()](error_code error, size_t) {
                          if (error || self->has_ended_) return self->end();
                          self->was_heard();
                          self->waiting_ -= self->pieces_.front().size();
                          self->pieces_.pop_front();
                          if (!self->pieces_.empty()) return self->write_piece();
                          self->is_writing_ = false;
                          self->arm_stream(kStreamPause);
                        });
    });
  }

  // Until a piece is taken, or until the next comment is due.
  void arm_stream(std::chrono::milliseconds time) {
    stream_timer_.expires_after(time);
    stream_timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
      const auto self = weak.lock();
      if (cancelled || self == nullptr || self->has_ended_) return;
      if (self->is_writing_) return self->end();
      self->push(":\n\n");
    });
  }

  const std::shared_ptr<HttpCore> core_;
  const std::string peer_;
  std::optional<beast::tcp_stream> plain_;  // one of the two
  std::optional<beast::ssl_stream<beast::tcp_stream>> tls_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::empty_body>> continue_;
  std::optional<http::response<http::string_body>> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  // Of a stream.
  asio::steady_timer stream_timer_{core_->io};
  std::shared_ptr<void> subscription_;
  std::deque<std::string> pieces_;  // that wait; the first one is being written
  size_t waiting_ = 0;              // octets of them
  bool is_writing_ = true;          // the header first
  std::list<std::shared_ptr<HttpSession>>::iterator place_;
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool is_chunked_ = false;  // the client knows chunks
  bool has_ended_ = false;
};

void accept_next(const std::shared_ptr<HttpCore>& core) {
  core->acceptor.async_accept([core](error_code error, Tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      core->pause.expires_after(kHttpAcceptPause);
      core->pause.async_wait([core](error_code stopped) {
        if (!stopped) accept_next(core);
      });
      return;
    }
    if (core->sessions.size() >= core->options.connections) core->sessions.front()->end();
    const auto session = std::make_shared<HttpSession>(core, std::move(socket));
    ++core->count;
    session->begin(core->sessions.insert(core->sessions.end(), session));
    accept_next(core);
  });
}

Status use_certificate(HttpCore& core) {
  const HttpServerOptions& options = core.options;
  if (options.cert_file.empty()) return Done{};
  error_code error;
  asio::ssl::context& tls = core.tls.emplace(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1);
  tls.use_certificate_chain_file(options.cert_file, error);
  if (error) return Error{options.cert_file + ": no certificate chain: " + error.message()};
  tls.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) return Error{options.key_file + ": no key of the certificate: " + error.message()};
  return Done{};
}

Status listen(HttpCore& core) {
  const HttpServerOptions& options = core.options;
  error_code error;
  const std::string where = endpoint_to_string(options.address, options.port);
  const Tcp::endpoint endpoint(asio::ip::make_address(to_string(options.address)), options.port);
  core.acceptor.open(endpoint.protocol(), error);
  if (!error) core.acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    core.acceptor.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) core.acceptor.bind(endpoint, error);
  if (!error) core.acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error{"cannot listen at " + where + ": " + error.message()};
  return Done{};
}

}  // namespace

struct HttpServer::Parts {
  std::shared_ptr<HttpCore> core;
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      HttpRouter router) {
  auto core = std::make_shared<HttpCore>(std::move(options), std::move(router));
  if (auto status = use_certificate(*core); !status) return Error{status.error()};
  if (auto status = listen(*core); !status) return Error{status.error()};
  accept_next(core);
  auto parts = std::make_unique<Parts>();
  parts->core = core;
  parts->thread = std::thread([core] {
    pthread_setname_np(pthread_self(), "vg-http");
    core->io.run();
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

HttpServer::~HttpServer() {
  // Then there is nothing left to wait for, and the thread ends.
  asio::post(parts_->core->io, [core = parts_->core] {
    error_code ignored;  // it is given up in any case
    core->acceptor.close(ignored);
    core->pause.cancel();
    while (!core->sessions.empty()) core->sessions.front()->end();
  });
  parts_->thread.join();
}

uint16_t HttpServer::port() const { return parts_->core->acceptor.local_endpoint().port(); }

size_t HttpServer::connections() const { return parts_->core->count; }

}  // namespace vipgate
