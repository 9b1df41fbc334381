#include "controlplane/http/http_session.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "controlplane/event_log.h"

namespace vipgate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr uint32_t kHeaderBytes = 16 * 1024;
constexpr size_t kFirstRead = 4096;
// What is read ahead: a header and its next body, or a chunk's own line.
constexpr size_t kMostBuffered = 128 * 1024;
// Answers are sent in pieces of so many octets, and each is to be taken within the time that a
// request has to arrive: with 10 s, by who takes 13 KB a second.
constexpr size_t kPiece = 128 * 1024;
// Answers that are longer count, and those that clients have not taken may have so many octets
// in all.
constexpr size_t kLongAnswer = 64 * 1024;
constexpr size_t kMostAnswered = 256u << 20;
// How long a client that still sends has time to read why it is refused.
constexpr auto kLinger = std::chrono::seconds(2);

// So that the kernel has little that a slow client has not taken, and a piece counts as taken when
// it has nearly gone. Where that cannot be had, more is kept there.
void keep_little_unsent(Tcp::socket& socket) {
  const int octets = kPiece;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &octets, sizeof octets);
}

std::string peer_of(const Tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string("unknown") : endpoint.address().to_string();
}

// What a client has sent, for a line of the log: not all of it if it is long.
std::string loggable(std::string_view text) {
  constexpr size_t kMostLogged = 100;
  std::string some(text.substr(0, kMostLogged));
  const auto is_odd = [](char c) { return c <= ' ' || c > '~'; };
  std::replace_if(some.begin(), some.end(), is_odd, '?');
  return text.size() > kMostLogged ? some + "..." : some;
}

// The common name in the certificate that the client has shown; empty: it has shown none. REQUIRES:
// the handshake has verified it.
std::string client_name(SSL* tls) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(tls),
                                                                &X509_free);
  if (certificate == nullptr) return {};
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (length < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  return name;
}

}  // namespace

HttpSession::HttpSession(std::shared_ptr<HttpCore> core, Tcp::socket socket)
    : core_(std::move(core)), peer_(peer_of(socket)), buffer_(kMostBuffered) {
  keep_little_unsent(socket);
  if (core_->tls) {
    tls_.emplace(beast::tcp_stream(std::move(socket)), *core_->tls);
  } else {
    plain_.emplace(std::move(socket));
  }
}

void HttpSession::begin(std::list<std::shared_ptr<HttpSession>>::iterator place) {
  place_ = place;
  if (!tls_) return wait_for_request();
  stream().expires_after(core_->options.request_time);
  auto shaken = then([this](size_t) {
    certificate_ = client_name(tls_->native_handle());
    wait_for_request();
  });
  tls_->async_handshake(asio::ssl::stream_base::server,
                        [shaken = std::move(shaken)](ErrorCode error) { shaken(error, 0); });
}

void HttpSession::end() {
  if (std::exchange(has_ended_, true)) return;
  const auto self = shared_from_this();  // nothing else may hold it while an answer is awaited
  ErrorCode ignored;                     // it may be closed by the other side
  stream().socket().shutdown(Tcp::socket::shutdown_both, ignored);
  stream().close();
  stream_timer_.cancel();
  subscription_.reset();
  core_->answered -= std::exchange(answered_, 0);
  core_->sessions.erase(place_);
  --core_->count;
}

// It is no longer the one that has been silent for longest.
void HttpSession::was_heard() {
  core_->sessions.splice(core_->sessions.end(), core_->sessions, place_);
}

// A connection may be idle for longer than a request may take to arrive.
void HttpSession::wait_for_request() {
  parser_.emplace();
  parser_->header_limit(kHeaderBytes);
  parser_->body_limit(core_->options.body_bytes);
  parser_->get().body().claim = std::make_shared<HttpBodyClaim>(core_->room);
  if (buffer_.size() != 0) return read_header();
  stream().expires_after(core_->options.idle_time);
  with_stream([this](auto& stream) {
    stream.async_read_some(buffer_.prepare(kFirstRead), then([this](size_t length) {
                             buffer_.commit(length);
                             read_header();
                           }));
  });
}

void HttpSession::read_header() {
  was_heard();
  stream().expires_after(core_->options.request_time);
  with_stream([this](auto& stream) {
    http::async_read_header(stream, buffer_, *parser_, then([this](size_t) {
                              was_heard();
                              judge();
                            }));
  });
}

// What the header says is enough to refuse a request: its body is not waited for.
void HttpSession::judge() {
  const auto& message = parser_->get();
  keep_alive_ = message.keep_alive();
  is_chunked_ = message.version() >= 11;
  is_head_ = message.method() == http::verb::head;
  if (auto problem = framing_problem(message.base())) return reject(std::move(*problem));
  const HttpTarget target = target_of(message.base());
  const HttpServerOptions& options = core_->options;
  if (options.tokens.empty() && !options.is_for_any_host && !is_for_loopback(target.host)) {
    return reject(http_problem(
        403, "without tokens only requests for localhost or its address are answered"));
  }
  target_ = target.path;
  request_ = {};
  request_.method = std::string(message.method_string());
  request_.content_type = std::string(message[http::field::content_type]);
  request_.accept = std::string(message[http::field::accept]);
  request_.accept_encoding = std::string(message[http::field::accept_encoding]);
  request_.if_match = std::string(message[http::field::if_match]);
  request_.if_none_match = std::string(message[http::field::if_none_match]);
  request_.last_event_id = std::string(message["Last-Event-ID"]);
  request_.peer = peer_;
  request_.who = peer_;
  const auto authorization = message[http::field::authorization];
  request_.role =
      role_of(core_->options.tokens, {{authorization.data(), authorization.size()}, certificate_},
              request_.who);
  if (!options.is_for_any_host) {
    if (auto problem = foreign_problem(message.base(), target, core_->tls.has_value())) {
      log_refusal("it is sent for a page of another site", 403);
      return reject(std::move(*problem));
    }
  }
  std::optional<ApiResponse> refusal;
  if (request_.role != ApiRole::kAdmin || !parser_->is_done()) {
    refusal = core_->router.refusal(request_, target_);
  }
  if (refusal && (refusal->status == 401 || refusal->status == 403)) {
    const bool shows_some = !authorization.empty() || !certificate_.empty();
    log_refusal(request_.role == ApiRole::kReader ? "who asks may only read"
                : shows_some                      ? "its credentials are not known"
                                                  : "it shows no credentials",
                refusal->status);
  }
  if (parser_->is_done()) return dispatch();
  if (refusal) return reject(std::move(*refusal));
  expect();
}

// Who tries tokens is seen, and what nobody meant to be without one.
void HttpSession::log_refusal(std::string_view why, int status) {
  const auto left_out = core_->refusals.take(std::chrono::steady_clock::now());
  if (!left_out) return;
  ApiRequest by_reader = request_;
  by_reader.role = ApiRole::kReader;
  const auto also = core_->router.refusal(std::move(by_reader), target_);
  const std::string_view wanted = also && also->status == 403 ? "admin" : "read";
  const std::string method = loggable(request_.method);
  const std::string path = loggable(std::string_view(target_).substr(0, target_.find('?')));
  log_event(spdlog::level::warn, "api_refused",
            {{"peer", peer_},
             {"who", request_.role == ApiRole::kNobody ? std::string() : request_.who},
             {"wanted", wanted},
             {"method", method},
             {"path", path},
             {"status", status},
             {"left_out", *left_out}},
            "api: {}: {} {} is refused: {}", peer_, method, path, why);
}

// RFC 9110 10.1.1.
void HttpSession::expect() {
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
  continue_.emplace(http::status::continue_, parser_->get().version());
  with_stream([this](auto& stream) {
    http::async_write(stream, *continue_, then([this](size_t) { read_body(); }));
  });
}

void HttpSession::read_body() {
  stream().expires_after(core_->options.request_time);
  with_stream([this](auto& stream) {
    http::async_read(stream, buffer_, *parser_, then([this](size_t) {
                       was_heard();
                       dispatch();
                     }));
  });
}

void HttpSession::dispatch() {
  auto body = parser_->release().body();
  request_.body = std::move(body.text);
  request_.claim = std::move(body.claim);
  stream().expires_never();
  core_->router.route(
      std::exchange(request_, {}), target_,
      [weak_core = std::weak_ptr(core_), weak = weak_from_this()](ApiResponse response) {
        const auto core = weak_core.lock();
        if (core == nullptr) return;
        asio::post(core->io, [weak, response = std::move(response)]() mutable {
          if (const auto self = weak.lock()) self->answer(std::move(response));
        });
      });
}

// What could not be read is told why, if anybody listens still.
void HttpSession::refuse(ErrorCode error) {
  if (lingers_) return end();
  is_head_ = false;
  if (error == http::error::header_limit) {
    return reject(http_problem(431, "the header has more than 16384 octets"));
  }
  if (error == http::error::body_limit) {
    return reject(http_problem(
        413, "the body has more than " + std::to_string(core_->options.body_bytes) + " octets"));
  }
  if (error == boost::system::errc::not_enough_memory) {
    return reject(
        http_problem(503, "other requests hold all the room that bodies have; repeat it"));
  }
  const bool is_malformed =
      error.category() == http::make_error_code(http::error::bad_method).category();
  if (!is_malformed || error == http::error::end_of_stream ||
      error == http::error::partial_message) {
    return end();
  }
  reject(http_problem(400, "this is no HTTP/1.1 request: " + error.message()));
}

void HttpSession::reject(ApiResponse with) {
  keep_alive_ = false;
  lingers_ = true;
  // Also what has come of its body.
  parser_.reset();
  answer(std::move(with));
}

// Were the connection closed while something of the client's is unread, the kernel would reset it,
// and the client might never read the answer (RFC 9112 9.6).
void HttpSession::linger() {
  ErrorCode ignored;  // the client may have closed it
  stream().socket().shutdown(Tcp::socket::shutdown_send, ignored);
  stream().expires_after(kLinger);
  buffer_.clear();
  discard();
}

void HttpSession::discard() {
  stream().async_read_some(buffer_.prepare(kFirstRead), then([this](size_t) { discard(); }));
}

void HttpSession::answer(ApiResponse from) {
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
  if (!is_head_ && from.body.size() > kLongAnswer) make_room(from.body.size());
  response_->keep_alive(keep_alive_);
  shared_body_ = is_head_ ? nullptr : from.shared_body;
  // That of a 304 would be of what it leaves out (RFC 9110 8.6).
  if (response_->result() != http::status::not_modified) {
    response_->content_length(from.shared_body ? from.shared_body->size() : from.body.size());
  }
  if (shared_body_ == nullptr && from.body.size() > kPiece && !is_head_) {
    shared_body_ = std::make_shared<const std::string>(std::move(from.body));
  }
  if (!is_head_ && shared_body_ == nullptr) response_->body() = std::move(from.body);
  stream().expires_after(core_->options.request_time);
  with_stream([this](auto& stream) {
    serializer_.emplace(*response_);
    // The length of a HEAD's answer is that of the body which it leaves out.
    if (is_head_) {
      http::async_write_header(stream, *serializer_, then([this](size_t) { finish_answer(); }));
    } else if (shared_body_ != nullptr) {
      http::async_write_header(stream, *serializer_, then([this](size_t) { write_shared(0); }));
    } else {
      http::async_write(stream, *serializer_, then([this](size_t) { finish_answer(); }));
    }
  });
}

// Who has not taken a long answer for longest gives way.
void HttpSession::make_room(size_t octets) {
  const auto self = shared_from_this();
  auto& sessions = core_->sessions;
  for (auto next = sessions.begin(); next != sessions.end();) {
    if (core_->answered + octets <= kMostAnswered) break;
    const auto session = *next++;
    if (session->answered_ != 0) session->end();
  }
  answered_ = octets;
  core_->answered += octets;
}

// Who takes nothing for too long is given up; who is slow is not, however long all of it takes.
void HttpSession::write_shared(size_t from) {
  if (from >= shared_body_->size()) {
    shared_body_.reset();
    return finish_answer();
  }
  stream().expires_after(core_->options.request_time);
  const size_t length = std::min(kPiece, shared_body_->size() - from);
  with_stream([&](auto& stream) {
    asio::async_write(stream, asio::buffer(shared_body_->data() + from, length),
                      then([this, next = from + length](size_t) {
                        was_heard();
                        write_shared(next);
                      }));
  });
}

void HttpSession::finish_answer() {
  core_->answered -= std::exchange(answered_, 0);
  response_.reset();
  if (lingers_) return linger();
  if (!keep_alive_) return end();
  wait_for_request();
}

}  // namespace vipgate
