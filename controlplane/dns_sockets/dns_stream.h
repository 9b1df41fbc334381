// DNS messages in a stream of octets: each follows its length in two octets (RFC 1035 4.2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/addresses.h"
#include "common/dns_forwarding.h"

namespace vipgate {

// Writes the reply to the query that lies in the first `length` octets over it. All of `message`
// may be written.
using AnswerDns = std::function<DnsStreamAnswer(std::span<uint8_t> message, size_t length,
                                                const IpAddress& client)>;

// Asks others the query, as `answer` has taken it apart, or, where that has written a reply, what
// is missing there: `query` is what stands in the query's place. The reply comes later, by
// DnsStream::take_reply().
using ForwardDns =
    std::function<void(std::span<const uint8_t> query, const DnsStreamAnswer& answer)>;

// One side of a connection: queries in, replies out, in the order of the queries but for those that
// others answer, whose replies come as they come (RFC 7766 6.2.1.1, 7). Pipelined and split as they
// come (8). Owned and called by one thread.
class DnsStream {
 public:
  // No more replies are made while so many octets wait to be sent.
  static constexpr size_t kEnough = 16 << 10;
  // Nor while so many queries wait for others.
  static constexpr size_t kMostForwarded = 16;

  // `scratch`: room for a message and what its answer writes beyond, shared by connections.
  DnsStream(const AnswerDns& answer, ForwardDns forward, const IpAddress& client,
            std::span<uint8_t> scratch)
      : answer_(answer), forward_(std::move(forward)), client_(client), scratch_(scratch) {}

  void take(std::span<const uint8_t> octets) {
    waiting_.insert(waiting_.end(), octets.begin(), octets.end());
  }

  // Appends replies to `out`, until it has kEnough octets or no whole query is left, or as many as
  // may wait for others. False: what has come is no query, and what follows cannot be trusted to be
  // one.
  bool answer(std::vector<uint8_t>& out);

  // What others have answered; answer() gives it out.
  void take_reply(std::span<const uint8_t> reply);

  // Queries that wait for others.
  size_t forwarded() const { return forwarded_; }
  uint64_t queries() const { return queries_; }

 private:
  static void append(std::vector<uint8_t>& out, std::span<const uint8_t> message);

  const AnswerDns& answer_;
  ForwardDns forward_;
  IpAddress client_;
  std::span<uint8_t> scratch_;
  std::vector<uint8_t> waiting_;
  std::vector<uint8_t> replies_;  // of others
  size_t forwarded_ = 0;
  uint64_t queries_ = 0;
};

}  // namespace vipgate
