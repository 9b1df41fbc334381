#include "dataplane/fastpath/watcher.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "tests/support/fake_mbuf.h"
#include "tests/support/packet_builder.h"

namespace vipgate::test::watcher_test {
namespace {

// Room for one record, and what came of it.
class WatcherTest : public ::testing::Test {
 protected:
  WatcherTest() {
    WatchOptions options;
    options.packets = 10;
    options.snaplen_bytes = kSnaplen;
    watch_ = std::make_unique<Watch>(1, options);
    for (auto* ring : {&free_, &full_}) {
      ring->reset(static_cast<rte_ring*>(
          std::aligned_alloc(RTE_CACHE_LINE_SIZE, static_cast<size_t>(rte_ring_get_memsize(2)))));
      rte_ring_init(ring->get(), "watcher", 2, RING_F_SP_ENQ | RING_F_SC_DEQ);
    }
    watch_->lanes[0].free = free_.get();
    watch_->lanes[0].full = full_.get();
    rte_ring_enqueue(free_.get(), new (memory_) WatchRecord);
    watcher_.start(*watch_);
  }
  // A packet that is forwarded at once; `begin` is called while it is in hand.
  template <class Begin>
  void forward(Begin begin) {
    FakeMbuf packet(PacketBuilder()
                        .eth("02:00:00:00:00:01", "02:00:00:00:00:02")
                        .ipv4("192.0.2.1", "11.0.0.1")
                        .tcp(1, 80)
                        .build());
    rte_mbuf* packets[] = {packet.get()};
    watcher_.begin_turn();
    watcher_.received(packets, 1, 0);
    begin();
    watcher_(packet.get(), {.kind = Verdict::Kind::kForward});
    watcher_.leaving(packets, 1, 1);
    watcher_.flushed();
  }

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  static constexpr uint32_t kSnaplen = 128;
  alignas(WatchRecord) std::byte memory_[sizeof(WatchRecord) + kSnaplen];
  std::unique_ptr<rte_ring, Free> free_, full_;
  std::unique_ptr<Watch> watch_;
  Watcher watcher_{0};
};

TEST_F(WatcherTest, APacketThatCameBeforeTheWatchBeganIsNotFollowedFromItsEnd) {
  forward([&] { watch_->is_active = true; });
  EXPECT_EQ(watch_->taken, 0u);
  forward([] {});
  EXPECT_EQ(watch_->taken, 1u);
  void* first = nullptr;
  ASSERT_EQ(rte_ring_dequeue(full_.get(), &first), 0);
  EXPECT_EQ(static_cast<WatchRecord*>(first)->stage, WatchStage::kReceived);
}

}  // namespace
}  // namespace vipgate::test::watcher_test
