// One connection of the API's server, and what all of them share. Of http_server.cpp alone.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/http/http_body.h"
#include "controlplane/http/http_request.h"
#include "controlplane/http/http_server.h"
#include "controlplane/http/refusal_pacer.h"

namespace vipgate {

class HttpSession;
class StreamSink;

// What the sessions share; they and their answers may outlive the server.
struct HttpCore {
  HttpCore(HttpServerOptions options_in, HttpRouter router_in)
      : options(std::move(options_in)),
        router(std::move(router_in)),
        room(std::make_shared<HttpBodyRoom>(2 * options.body_bytes)) {}

  const HttpServerOptions options;
  const HttpRouter router;
  const std::shared_ptr<HttpBodyRoom> room;
  boost::asio::io_context io{1};
  std::optional<boost::asio::ssl::context> tls;
  boost::asio::ip::tcp::acceptor acceptor{io};
  boost::asio::steady_timer pause{io};
  std::list<std::shared_ptr<HttpSession>> sessions;  // silent for longest first; its thread's
  std::atomic<size_t> count{0};
  RefusalPacer refusals;
  size_t answered = 0;  // octets of long answers that clients have not taken yet
};

// All of it runs on the server's thread.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(std::shared_ptr<HttpCore> core, boost::asio::ip::tcp::socket socket);

  // `place`: where it stands in HttpCore::sessions.
  void begin(std::list<std::shared_ptr<HttpSession>>::iterator place);
  void end();

 private:
  using ErrorCode = boost::system::error_code;
  using Plain = boost::beast::tcp_stream;

  Plain& stream() { return tls_ ? boost::beast::get_lowest_layer(*tls_) : *plain_; }
  // With the stream that is there.
  template <class Use>
  void with_stream(Use use) {
    if (tls_) {
      use(*tls_);
    } else {
      use(*plain_);
    }
  }
  // What is to be told that an operation is done: goes on with `next(length)`, but not if it has
  // failed, nor when the session has ended meanwhile: it may have been done before that. Of one
  // type for all: each would have all of Beast's and Asio's templates compiled anew.
  using Done = std::function<void(ErrorCode, size_t)>;
  template <class Next>
  Done then(Next next) {
    return [self = shared_from_this(), next = std::move(next)](ErrorCode error, size_t length) {
      if (self->has_ended_) return;
      if (error) return self->refuse(error);
      next(length);
    };
  }
  void was_heard();

  void wait_for_request();
  void read_header();
  void judge();
  // REQUIRES: request_ is what the header says.
  void log_refusal(std::string_view why, int status);
  void expect();
  void read_body();
  void dispatch();
  void refuse(ErrorCode error);
  // With the end of the connection: what comes next is in doubt, or not wanted.
  void reject(ApiResponse with);
  void linger();
  void discard();
  void answer(ApiResponse from);
  void make_room(size_t octets);
  void write_shared(size_t from);
  void finish_answer();

  friend class StreamSink;
  void begin_stream(ApiResponse from);
  void subscribe(const ApiResponse& from);
  void wait_for_end();
  void push(std::string framed);
  void finish_stream();
  void write_piece();
  void arm_stream(std::chrono::milliseconds time);

  const std::shared_ptr<HttpCore> core_;
  const std::string peer_;
  std::optional<Plain> plain_;  // one of the two
  std::optional<boost::beast::ssl_stream<Plain>> tls_;
  std::string certificate_;  // of the client: its common name
  boost::beast::flat_buffer buffer_;
  ApiRequest request_;  // that is being read
  std::string target_;
  std::optional<boost::beast::http::request_parser<HttpCountedBody>> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::empty_body>> continue_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>>
      serializer_;
  std::shared_ptr<const std::string> shared_body_;  // that is being sent
  // Of a stream.
  boost::asio::steady_timer stream_timer_{core_->io};
  std::shared_ptr<void> subscription_;
  std::deque<std::string> pieces_;  // that wait; the first one is being written
  // Octets of them, and of those that are on their way here from other threads.
  const std::shared_ptr<std::atomic<size_t>> waiting_ = std::make_shared<std::atomic<size_t>>(0);
  std::string idle_piece_;  // as it is sent; empty: none
  bool is_writing_ = true;  // the header first
  bool is_whole_ = false;   // nothing comes after `pieces_`
  std::list<std::shared_ptr<HttpSession>>::iterator place_;
  size_t answered_ = 0;  // its part of HttpCore::answered
  bool keep_alive_ = false;
  bool lingers_ = false;
  bool is_head_ = false;
  bool is_chunked_ = false;  // the client knows chunks
  bool has_ended_ = false;
};

}  // namespace vipgate
