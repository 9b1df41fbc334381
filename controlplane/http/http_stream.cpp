// Answers of a session that go on: pieces are written as they come.
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "controlplane/http/http_session.h"

namespace vipgate {
namespace {

// What may wait for a client that takes a stream: for one that is slower nothing more is kept.
constexpr size_t kMostStreamed = 1u << 20;
// Of it, for what must come: that is not for pieces that may be left out.
constexpr size_t kLeftForMusts = 1u << 16;
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

std::string http_framed(const std::string& piece, bool is_chunked) {
  return is_chunked ? http_chunk(piece) : piece;
}

}  // namespace

// What a stream's source has of the session: any thread may use it, whatever has become of that.
class StreamSink : public ApiSink {
 public:
  StreamSink(const std::shared_ptr<HttpCore>& core, const std::shared_ptr<HttpSession>& session)
      : core_(core),
        session_(session),
        waiting_(session->waiting_),
        is_chunked_(session->is_chunked_) {}

  void write(const std::string& piece) override {
    if (piece.empty()) return;  // as a chunk it would be the last one
    std::string framed = http_framed(piece, is_chunked_);
    waiting_->fetch_add(framed.size(), std::memory_order_relaxed);
    on_session([framed = std::move(framed)](HttpSession& session) mutable {
      session.push(std::move(framed));
    });
  }
  bool offer(const std::string& piece) override {
    const size_t waiting = waiting_->load(std::memory_order_relaxed);
    if (waiting + piece.size() > kMostStreamed - kLeftForMusts) return false;
    write(piece);
    return true;
  }
  void finish() override {
    on_session([](HttpSession& session) { session.finish_stream(); });
  }

 private:
  template <class Work>
  void on_session(Work work) {
    const auto core = core_.lock();
    if (core == nullptr) return;
    boost::asio::post(core->io, [weak = session_, work = std::move(work)]() mutable {
      if (const auto session = weak.lock()) work(*session);
    });
  }

  const std::weak_ptr<HttpCore> core_;
  const std::weak_ptr<HttpSession> session_;
  const std::shared_ptr<std::atomic<size_t>> waiting_;
  const bool is_chunked_;
};

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
  if (!from.idle_piece.empty()) idle_piece_ = http_framed(from.idle_piece, is_chunked_);
  subscription_ = from.stream(std::make_shared<StreamSink>(core_, shared_from_this()));
  if (subscription_ == nullptr) end();
}

// A client that takes a stream has nothing more to say but that it goes.
void HttpSession::wait_for_end() {
  with_stream([this](auto& stream) {
    stream.async_read_some(buffer_.prepare(kMostUnasked), then([this](size_t) { wait_for_end(); }));
  });
}

// REQUIRES: its octets are in `waiting_` already.
void HttpSession::push(std::string framed) {
  if (has_ended_ || is_whole_) return;
  if (*waiting_ > kMostStreamed) return end();
  pieces_.push_back(std::move(framed));
  if (!is_writing_) write_piece();
}

void HttpSession::finish_stream() {
  if (has_ended_ || is_whole_) return;
  // RFC 9112 7.1: a chunk of no octets, and no trailer.
  if (is_chunked_) pieces_.emplace_back("0\r\n\r\n");
  is_whole_ = true;
  if (is_writing_) return;
  if (pieces_.empty()) return end();
  write_piece();
}

void HttpSession::write_piece() {
  is_writing_ = true;
  arm_stream(core_->options.request_time);
  with_stream([this](auto& stream) {
    boost::asio::async_write(stream, boost::asio::buffer(pieces_.front()), then([this](size_t) {
                               was_heard();
                               const size_t size = pieces_.front().size();
                               pieces_.pop_front();
                               if (is_whole_ && pieces_.empty()) return end();
                               *waiting_ -= size;
                               if (!pieces_.empty()) return write_piece();
                               is_writing_ = false;
                               arm_stream(kStreamPause);
                             }));
  });
}

// Until a piece is taken, or until it is time to ask whether somebody listens.
void HttpSession::arm_stream(std::chrono::milliseconds time) {
  stream_timer_.expires_after(time);
  stream_timer_.async_wait([weak = weak_from_this()](ErrorCode cancelled) {
    const auto self = weak.lock();
    if (cancelled || self == nullptr || self->has_ended_) return;
    if (self->is_writing_) return self->end();
    if (self->idle_piece_.empty()) return;
    *self->waiting_ += self->idle_piece_.size();
    self->push(self->idle_piece_);
  });
}

}  // namespace vipgate
