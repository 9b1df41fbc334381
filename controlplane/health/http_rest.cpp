#include "controlplane/health/http_rest.h"

#include <algorithm>
#include <optional>

namespace vipgate {
namespace {

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Without the line's end; `text` goes on behind it.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool lists(std::string_view value, std::string_view option) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    if (equals_ignoring_case(trimmed(value.substr(0, comma)), option)) return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

// Nothing: it is no number, or above the limit.
std::optional<size_t> parse_length(std::string_view text) {
  if (text.empty()) return std::nullopt;
  size_t length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<size_t>(c - '0');
    if (length > HttpRest::kMaxRestBytes) return std::nullopt;
  }
  return length;
}

int hex_value(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

HttpRest::HttpRest(std::string_view head, int status) {
  // HTTP/1.0 closes, and 101 is another protocol from here on.
  if (!take_line(head).starts_with("HTTP/1.1") || status < 200) return;
  std::optional<size_t> length;
  bool is_chunked = false;
  while (!head.empty()) {
    const std::string_view line = take_line(head);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    // A name has no blanks; a line that begins with one continues another (5.2).
    if (colon == 0 || line.find_first_of(" \t") < colon) return;
    const std::string_view name = line.substr(0, colon);
    if (colon == line.npos) return;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equals_ignoring_case(name, "connection")) {
      if (lists(value, "close")) return;
    } else if (equals_ignoring_case(name, "content-length")) {
      if (length) return;
      if (!(length = parse_length(value))) return;
    } else if (equals_ignoring_case(name, "transfer-encoding")) {
      if (is_chunked || !equals_ignoring_case(value, "chunked")) return;
      is_chunked = true;
    }
  }
  if (status == 204 || status == 304) {
    state_ = State::kDone;  // without a body, whatever is said of its length (6.3)
  } else if (is_chunked) {
    // Both is an error, or an attempt to smuggle an answer in (6.3).
    if (!length) state_ = State::kChunkSize;
  } else if (length) {
    left_ = *length;
    state_ = left_ > 0 ? State::kLength : State::kDone;
  }
}

Exchange::Rest HttpRest::take(std::span<const uint8_t> bytes) {
  for (const uint8_t byte : bytes) {
    if (state_ == State::kOver) break;
    state_ = ++taken_ > kMaxRestBytes ? State::kOver : next(byte);
  }
  if (state_ == State::kOver) return Exchange::Rest::kUnusable;
  return state_ == State::kDone ? Exchange::Rest::kNone : Exchange::Rest::kMore;
}

HttpRest::State HttpRest::next(uint8_t byte) {
  const bool is_line_end = byte == '\n';
  switch (state_) {
    case State::kOver:
    case State::kDone:  // a byte that nobody asked for
      return State::kOver;
    case State::kLength:
      return --left_ > 0 ? State::kLength : State::kDone;
    case State::kChunkSize:
      if (const int digit = hex_value(byte); digit >= 0) {
        left_ = left_ * 16 + static_cast<size_t>(digit);
        has_digit_ = true;
        return left_ <= kMaxRestBytes ? State::kChunkSize : State::kOver;
      }
      if (!has_digit_) return State::kOver;
      has_digit_ = false;
      [[fallthrough]];
    case State::kChunkLine:
      if (!is_line_end) return State::kChunkLine;
      return left_ > 0 ? State::kChunk : State::kTrailer;
    case State::kChunk:
      return --left_ > 0 ? State::kChunk : State::kChunkEnd;
    case State::kChunkEnd:
      if (is_line_end) return State::kChunkSize;
      return byte == '\r' ? State::kChunkEnd : State::kOver;
    case State::kTrailer:
      if (is_line_end) return State::kDone;
      return byte == '\r' ? State::kTrailer : State::kTrailerInLine;
    case State::kTrailerInLine:
      return is_line_end ? State::kTrailer : State::kTrailerInLine;
  }
  return State::kOver;
}

}  // namespace vipgate
