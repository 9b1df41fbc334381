// Options of a TCP header (RFC 9293 3.1), and changes of single words of it.
#pragma once

#include <cstring>

#include "common/checksum.h"
#include "common/headers.h"

namespace vipgate {

struct TcpOption {
  static constexpr uint8_t kEnd = 0, kNop = 1;
  static constexpr uint8_t kMss = 2;   // RFC 9293 3.7.1
  static constexpr uint8_t kSack = 5;  // RFC 2018
  static constexpr uint8_t kToa = 254;
};

// Where the option of this kind begins, with its kind and its length, of which at least two bytes
// and at most those of the header are there. Null: there is none, or what comes before it is
// malformed.
inline uint8_t* find_tcp_option(TcpHeader& tcp, uint8_t kind) {
  auto* const start = reinterpret_cast<uint8_t*>(&tcp);
  const auto length = static_cast<size_t>(tcp.header_length());
  for (size_t at = sizeof(TcpHeader); at + 1 < length && start[at] != TcpOption::kEnd;) {
    if (start[at] == TcpOption::kNop) {
      ++at;
      continue;
    }
    const size_t size = start[at + 1];
    if (size < 2 || at + size > length) return nullptr;
    if (start[at] == kind) return start + at;
    at += size;
  }
  return nullptr;
}

// Writes `after` to `at`, anywhere in the header, and makes the checksum follow (RFC 1624).
template <class Word>
void replace_tcp_word(TcpHeader& tcp, void* at, Word after) {
  const uint16_t delta = checksum_delta(at, &after, sizeof after);
  std::memcpy(at, &after, sizeof after);
  // At an odd place a byte is in the other half of its 16-bit word.
  const bool is_odd = (static_cast<uint8_t*>(at) - reinterpret_cast<uint8_t*>(&tcp)) % 2 != 0;
  tcp.checksum =
      Be16::from_raw(checksum_apply(tcp.checksum.raw(), is_odd ? byte_swap(delta) : delta));
}

}  // namespace vipgate
