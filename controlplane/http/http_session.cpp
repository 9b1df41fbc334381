#include "controlplane/http/http_session.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace vipgate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

constexpr uint32_t kHeaderBytes = 16 * 1024;
constexpr size_t kFirstRead = 4096;

std::string peer_of(const Tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string("unknown") : endpoint.address().to_string();
}

}  // namespace

HttpSession::HttpSession(std::shared_ptr<HttpCore> core, Tcp::socket socket)
    : core_(std::move(core)), peer_(peer_of(socket)) {
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
  tls_->async_handshake(asio::ssl::stream_base::server,
                        then([this](size_t) { wait_for_request(); }));
}

void HttpSession::end() {
  if (std::exchange(has_ended_, true)) return;
  const auto self = shared_from_this();  // nothing else may hold it while an answer is awaited
  ErrorCode ignored;                     // it may be closed by the other side
  stream().socket().shutdown(Tcp::socket::shutdown_both, ignored);
  stream().close();
  stream_timer_.cancel();
  subscription_.reset();
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
                              expect();
                            }));
  });
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
  auto message = parser_->release();
  keep_alive_ = message.keep_alive();
  is_chunked_ = message.version() >= 11;
  is_head_ = message.method() == http::verb::head;
  ApiRequest request;
  request.method = std::string(message.method_string());
  request.content_type = std::string(message[http::field::content_type]);
  request.accept = std::string(message[http::field::accept]);
  request.if_match = std::string(message[http::field::if_match]);
  request.if_none_match = std::string(message[http::field::if_none_match]);
  request.last_event_id = std::string(message["Last-Event-ID"]);
  request.who = peer_;
  const auto authorization = message[http::field::authorization];
  request.role =
      role_of(core_->options.tokens, {authorization.data(), authorization.size()}, request.who);
  const auto host = message[http::field::host];
  if (core_->options.tokens.empty() && !core_->options.is_for_any_host &&
      !is_for_loopback({host.data(), host.size()})) {
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
void HttpSession::refuse(ErrorCode error) {
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
  response_->keep_alive(keep_alive_);
  shared_body_ = is_head_ ? nullptr : from.shared_body;
  // That of a 304 would be of what it leaves out (RFC 9110 8.6).
  if (response_->result() != http::status::not_modified) {
    response_->content_length(from.shared_body ? from.shared_body->size() : from.body.size());
  }
  if (!is_head_) response_->body() = std::move(from.body);
  stream().expires_after(core_->options.request_time);
  with_stream([this](auto& stream) {
    serializer_.emplace(*response_);
    // The length of a HEAD's answer is that of the body which it leaves out.
    if (is_head_) {
      http::async_write_header(stream, *serializer_, then([this](size_t) { finish_answer(); }));
    } else if (shared_body_ != nullptr) {
      http::async_write_header(stream, *serializer_, then([this](size_t) { write_shared(); }));
    } else {
      http::async_write(stream, *serializer_, then([this](size_t) { finish_answer(); }));
    }
  });
}

void HttpSession::write_shared() {
  with_stream([this](auto& stream) {
    asio::async_write(stream, asio::buffer(*shared_body_), then([this](size_t) {
                        shared_body_.reset();
                        finish_answer();
                      }));
  });
}

void HttpSession::finish_answer() {
  if (!keep_alive_) return end();
  wait_for_request();
}

}  // namespace vipgate
