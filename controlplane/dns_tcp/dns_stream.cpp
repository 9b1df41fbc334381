#include "controlplane/dns_tcp/dns_stream.h"

#include <algorithm>

namespace vipgate {

bool DnsStream::answer(std::vector<uint8_t>& out) {
  constexpr size_t kLength = 2;
  size_t at = 0;
  bool are_queries = true;
  while (are_queries && out.size() < kEnough && waiting_.size() - at >= kLength) {
    const size_t length = size_t{waiting_[at]} << 8 | waiting_[at + 1];
    if (waiting_.size() - at < kLength + length) break;
    std::copy_n(waiting_.data() + at + kLength, length, scratch_.data());
    at += kLength + length;
    const size_t reply = answer_(scratch_, length, client_);
    if (reply == 0) {
      are_queries = false;
      break;
    }
    ++queries_;
    out.push_back(static_cast<uint8_t>(reply >> 8));
    out.push_back(static_cast<uint8_t>(reply));
    out.insert(out.end(), scratch_.begin(), scratch_.begin() + static_cast<ptrdiff_t>(reply));
  }
  if (at == waiting_.size()) {
    waiting_ = {};  // many connections wait: none keeps what it once needed
  } else {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(at));
  }
  return are_queries;
}

}  // namespace vipgate
