#include "controlplane/dns_sockets/dns_stream.h"

#include <algorithm>

namespace vipgate {

void DnsStream::append(std::vector<uint8_t>& out, std::span<const uint8_t> message) {
  out.push_back(static_cast<uint8_t>(message.size() >> 8));
  out.push_back(static_cast<uint8_t>(message.size()));
  out.insert(out.end(), message.begin(), message.end());
}

void DnsStream::take_reply(std::span<const uint8_t> reply) {
  --forwarded_;
  append(replies_, reply);
}

bool DnsStream::answer(std::vector<uint8_t>& out) {
  constexpr size_t kLength = 2;
  out.insert(out.end(), replies_.begin(), replies_.end());
  replies_ = {};
  size_t at = 0;
  bool are_queries = true;
  while (are_queries && out.size() < kEnough && forwarded_ < kMostForwarded &&
         waiting_.size() - at >= kLength) {
    const size_t length = size_t{waiting_[at]} << 8 | waiting_[at + 1];
    if (waiting_.size() - at < kLength + length) break;
    std::copy_n(waiting_.data() + at + kLength, length, scratch_.data());
    at += kLength + length;
    const DnsStreamAnswer answer = answer_(scratch_, length, client_);
    if (answer.is_for_others) {
      ++forwarded_;
      const size_t known = answer.length == 0 ? length : answer.length;
      forward_(std::span<const uint8_t>(scratch_).first(known), answer);
    } else if (answer.length == 0) {
      are_queries = false;
      break;
    } else {
      append(out, std::span<const uint8_t>(scratch_).first(answer.length));
    }
    ++queries_;
  }
  if (at == waiting_.size() || !are_queries) {
    waiting_ = {};  // many connections wait: none keeps what it once needed
  } else {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(at));
  }
  return are_queries;
}

}  // namespace vipgate
