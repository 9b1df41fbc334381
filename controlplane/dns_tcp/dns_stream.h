// DNS messages in a stream of octets: each follows its length in two octets (RFC 1035 4.2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/addresses.h"

namespace vipgate {

// Writes the reply to the query that lies in the first `length` octets over it, and returns the
// reply's length; 0: there is none. All of `message` may be written.
using AnswerDns =
    std::function<size_t(std::span<uint8_t> message, size_t length, const IpAddress& client)>;

// One side of a connection: queries in, replies out, in the order of the queries. Pipelined and
// split as they come (RFC 7766 6.2.1, 8). Owned and called by one thread.
class DnsStream {
 public:
  // No more replies are made while so many octets wait to be sent.
  static constexpr size_t kEnough = 16 << 10;

  // `scratch`: room for a message and what its answer writes beyond, shared by connections.
  DnsStream(const AnswerDns& answer, const IpAddress& client, std::span<uint8_t> scratch)
      : answer_(answer), client_(client), scratch_(scratch) {}

  void take(std::span<const uint8_t> octets) {
    waiting_.insert(waiting_.end(), octets.begin(), octets.end());
  }

  // Appends replies to `out`, until it has kEnough octets or no whole query is left. False: what
  // has come is no query, and what follows cannot be trusted to be one.
  bool answer(std::vector<uint8_t>& out);

  uint64_t queries() const { return queries_; }

 private:
  const AnswerDns& answer_;
  IpAddress client_;
  std::span<uint8_t> scratch_;
  std::vector<uint8_t> waiting_;
  uint64_t queries_ = 0;
};

}  // namespace vipgate
