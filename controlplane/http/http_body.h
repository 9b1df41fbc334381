// The body of a request as it arrives, counted against what all connections together may hold.
#pragma once

#include <atomic>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace vipgate {

// What each request may hold beside it, so that short ones come through whoever has the room.
inline constexpr size_t kFreeBody = 16 * 1024;

// Room for bodies: of those that arrive, and of those that nobody has dealt with yet.
struct HttpBodyRoom {
  explicit HttpBodyRoom(size_t most_in) : most(most_in) {}

  const size_t most;
  std::atomic<size_t> taken{0};
};

// What one request has taken of it, which it gives back at its end; on any thread.
class HttpBodyClaim {
 public:
  explicit HttpBodyClaim(std::shared_ptr<HttpBodyRoom> room) : room_(std::move(room)) {}
  ~HttpBodyClaim() { room_->taken -= taken_; }
  HttpBodyClaim(const HttpBodyClaim&) = delete;
  HttpBodyClaim& operator=(const HttpBodyClaim&) = delete;

  // So many octets more. False: there is no room left for them.
  bool take(size_t octets) {
    length_ += octets;
    const size_t needed = length_ > kFreeBody ? length_ - kFreeBody - taken_ : 0;
    if ((room_->taken += needed) > room_->most) {
      room_->taken -= needed;
      return false;
    }
    taken_ += needed;
    return true;
  }

 private:
  const std::shared_ptr<HttpBodyRoom> room_;
  size_t length_ = 0;
  size_t taken_ = 0;  // of the room
};

// A Body of Boost.Beast. Unlike its string_body it takes memory for what has come, not for what the
// header promises.
struct HttpCountedBody {
  struct value_type {  // NOLINT(readability-identifier-naming): Beast's name
    std::string text;
    std::shared_ptr<HttpBodyClaim> claim;  // REQUIRES: is set before the body is read
  };

  class reader {  // NOLINT(readability-identifier-naming): Beast's name
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<uint64_t>&, boost::system::error_code& error) { error = {}; }

    // Fails with not_enough_memory where there is no room.
    template <class Buffers>
    size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      size_t length = 0;
      for (const auto piece : boost::beast::buffers_range_ref(buffers)) {
        if (!body_.claim->take(piece.size())) {
          error = make_error_code(boost::system::errc::not_enough_memory);
          return length;
        }
        body_.text.append(static_cast<const char*>(piece.data()), piece.size());
        length += piece.size();
      }
      return length;
    }

    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

}  // namespace vipgate
