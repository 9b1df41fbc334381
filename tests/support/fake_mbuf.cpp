#include "tests/support/fake_mbuf.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace vipgate::test {

FakeMbuf::FakeMbuf(std::span<const uint8_t> frame, size_t headroom, size_t room)
    : buffer_(new uint8_t[headroom + std::max(room, frame.size())]), mbuf_(new rte_mbuf) {
  const size_t size = headroom + std::max(room, frame.size());
  std::memset(buffer_.get(), 0xa5, size);
  std::memset(static_cast<void*>(mbuf_.get()), 0, sizeof(rte_mbuf));
  if (!frame.empty()) std::memcpy(buffer_.get() + headroom, frame.data(), frame.size());
  mbuf_->buf_addr = buffer_.get();
  mbuf_->buf_len = static_cast<uint16_t>(size);
  mbuf_->data_off = static_cast<uint16_t>(headroom);
  mbuf_->data_len = static_cast<uint16_t>(frame.size());
  mbuf_->pkt_len = mbuf_->data_len;
  mbuf_->nb_segs = 1;
  mbuf_->refcnt = 1;
}

Bytes FakeMbuf::frame() const {
  if (mbuf_->data_off + mbuf_->data_len > mbuf_->buf_len || mbuf_->pkt_len != mbuf_->data_len) {
    throw std::logic_error("the mbuf's lengths are wrong");
  }
  const uint8_t* start = buffer_.get() + mbuf_->data_off;
  return {start, start + mbuf_->data_len};
}

}  // namespace vipgate::test
