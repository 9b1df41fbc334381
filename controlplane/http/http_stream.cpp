// Answers of a session that go on: pieces are written as they come.
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "controlplane/http/http_session.h"

namespace vipgate {
namespace {

// What may wait for a client that takes a stream; one that is slower is given up.
constexpr size_t kMostStreamed = 1u << 20;
// Octets that are read at a time of what a client of a stream says, which is nothing of use.
constexpr size_t kMostUnasked = 4096;
// A stream that has nothing to say says so, to find out whether somebody listens.
constexpr auto kStreamPause = std::chrono::seconds(15);

// RFC 9112 7.1.
std::string http_chunk(const std::string& piece) {
  char digits[2 * sizeof(size_t)];
  const auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr;
  return std::string(digits, end) + "\r\n" + piece + "\r\n";
}

}  // namespace

// In chunks; for an older client the end of the connection is the end of the body (RFC 9112 6.3).
void HttpSession::begin_stream(ApiResponse from) {
  response_->keep_alive(false);
  response_->chunked(is_chunked_);
  stream().expires_never();  // stream_timer_ stands for it
  serializer_.emplace(*response_);
  arm_stream(core_->options.request_time);
  with_stream([this, &from](auto& stream) {
    boost::beast::http::async_write_header(
        stream, *serializer_, then([this, from = std::move(from)](size_t) { subscribe(from); }));
  });
}

void HttpSession::subscribe(const ApiResponse& from) {
  is_writing_ = false;
  arm_stream(kStreamPause);
  wait_for_end();
  const auto core = std::weak_ptr(core_);
  subscription_ = from.stream([core, weak = weak_from_this()](const std::string& piece) {
    const auto alive = core.lock();
    if (alive == nullptr) return;
    boost::asio::post(alive->io, [weak, piece] {
      if (const auto self = weak.lock()) self->push(piece);
    });
  });
  if (subscription_ == nullptr) end();
}

// A client that takes a stream has nothing more to say but that it goes.
void HttpSession::wait_for_end() {
  with_stream([this](auto& stream) {
    stream.async_read_some(buffer_.prepare(kMostUnasked), then([this](size_t) { wait_for_end(); }));
  });
}

void HttpSession::push(const std::string& piece) {
  if (has_ended_) return;
  pieces_.push_back(is_chunked_ ? http_chunk(piece) : piece);
  waiting_ += pieces_.back().size();
  if (waiting_ > kMostStreamed) return end();
  if (!is_writing_) write_piece();
}

void HttpSession::write_piece() {
  is_writing_ = true;
  arm_stream(core_->options.request_time);
  with_stream([this](auto& stream) {
    boost::asio::async_write(stream, boost::asio::buffer(pieces_.front()), then([this](size_t) {
                               was_heard();
                               waiting_ -= pieces_.front().size();
                               pieces_.pop_front();
                               if (!pieces_.empty()) return write_piece();
                               is_writing_ = false;
                               arm_stream(kStreamPause);
                             }));
  });
}

// Until a piece is taken, or until the next comment is due.
void HttpSession::arm_stream(std::chrono::milliseconds time) {
  stream_timer_.expires_after(time);
  stream_timer_.async_wait([weak = weak_from_this()](ErrorCode cancelled) {
    const auto self = weak.lock();
    if (cancelled || self == nullptr || self->has_ended_) return;
    if (self->is_writing_) return self->end();
    self->push(":\n\n");
  });
}

}  // namespace vipgate
