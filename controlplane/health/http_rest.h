// What follows the head of an HTTP/1.1 answer on its connection (RFC 9112, 6 and 9): just enough to
// know whether the next question may go over the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "controlplane/health/exchange.h"

namespace vipgate {

// A value; used by the health checker's thread. Takes in no more than kMaxRestBytes, and keeps
// nothing of it. Whatever is unusual about an answer makes its connection unusable.
class HttpRest {
 public:
  static constexpr size_t kMaxRestBytes = 16'384;

  // Nothing may follow on this connection.
  HttpRest() = default;
  // `head`: from the status line to the empty line, both included.
  HttpRest(std::string_view head, int status);

  Exchange::Rest take(std::span<const uint8_t> bytes);

 private:
  enum class State : uint8_t {
    kOver,
    kDone,
    kLength,         // left_ bytes of a body
    kChunkSize,      // digits of a chunk's size, which left_ becomes
    kChunkLine,      // the rest of that line: extensions
    kChunk,          // left_ bytes of a chunk
    kChunkEnd,       // its CRLF
    kTrailer,        // at the beginning of a line
    kTrailerInLine,  // within a line that is not empty
  };
  State next(uint8_t byte);

  State state_ = State::kOver;
  bool has_digit_ = false;
  size_t left_ = 0;
  size_t taken_ = 0;
};

}  // namespace vipgate
