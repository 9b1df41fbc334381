// Server-sent events (WHATWG HTML, 9.2), as far as Marathon uses them: the data of each event.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

// Takes a stream in pieces of any size. Owned and called by one thread.
class SseDecoder {
 public:
  // `max_event`: a larger one ends the stream.
  explicit SseDecoder(size_t max_event) : max_event_(max_event) {}

  void feed(std::string_view bytes) { pending_.append(bytes); }
  // The data of the next event, its lines joined by a line feed; nothing: more has to be fed.
  // Comments, and events without data, are passed over.
  Result<std::optional<std::string>> next();

 private:
  size_t max_event_;
  std::string pending_;
  size_t position_ = 0;  // in pending_: the line that is next
  std::string data_;     // of the event that is being read
  bool has_data_ = false;
};

}  // namespace vipgate
