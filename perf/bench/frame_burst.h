// A burst of packets, which lie in memory as a NIC would leave them.
#pragma once

#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/fastpath/pipeline.h"
#include "perf/bench/packet_setup.h"
#include "perf/bench/report_packets.h"

namespace vipgate {

template <class F>
class BurstOf {
 public:
  BurstOf() : mbufs_(kBurst), buffers_(new uint8_t[kBurst * kStride]) {
    for (uint16_t i = 0; i < kBurst; ++i) {
      rte_mbuf& mbuf = mbufs_[i];
      std::memset(static_cast<void*>(&mbuf), 0, sizeof mbuf);
      mbuf.buf_addr = buffers_.get() + i * kStride;
      mbuf.buf_len = kStride;
      mbuf.nb_segs = 1;
      pointers_[i] = &mbuf;
    }
  }
  BurstOf(const BurstOf&) = delete;
  BurstOf& operator=(const BurstOf&) = delete;

  // Copies a burst in, as I/O would. REQUIRES: kBurst frames begin at `first`.
  void copy_in(std::span<const F> frames, size_t first) {
    for (uint16_t i = 0; i < kBurst; ++i) {
      rte_mbuf& mbuf = mbufs_[i];
      mbuf.data_off = kHeadroom;
      mbuf.data_len = sizeof(F);
      mbuf.pkt_len = sizeof(F);
      std::memcpy(buffers_.get() + i * kStride + kHeadroom, &frames[first + i], sizeof(F));
    }
    benchmark::ClobberMemory();
  }
  rte_mbuf** mbufs() { return pointers_; }
  const F& frame(uint16_t i) const { return *rte_pktmbuf_mtod(pointers_[i], const F*); }

 private:
  static constexpr size_t kStride = 256;
  static constexpr size_t kHeadroom = 128;

  std::vector<rte_mbuf> mbufs_;
  rte_mbuf* pointers_[kBurst];
  std::unique_ptr<uint8_t[]> buffers_;
};
using FrameBurst = BurstOf<Frame>;

}  // namespace vipgate
