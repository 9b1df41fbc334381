// A gateway that follows Mesos clusters, without a loop, packets or a disk.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/mesos_feed.h"
#include "controlplane/monotonic_clock.h"
#include "tests/controlplane/feeds/memory_store.h"
#include "tests/controlplane/loop/fake_dataplane.h"
#include "tests/controlplane/mesos/mesos_source_fixture.h"

namespace vipgate {

class MesosFeedFixture : public ::testing::Test {
 protected:
  // Serves what `store_` has, and begins to follow the clusters that the configuration names.
  void start(const std::string& configuration) {
    auto parsed = parse_config(configuration, "test.yaml");
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    config_ = *parsed;
    allocator_ = std::make_unique<VipAllocator>(config_.named_vips);
    reconciler_ = std::make_unique<Reconciler>(
        config_, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    feed_ = std::make_unique<MesosFeed>(config_, *allocator_, MesosFeed::Lookups{}, store_,
                                        *reconciler_, pacer_);
    feed_->restore();
    ASSERT_TRUE(reconciler_->apply(config_, 0).ok());
    ASSERT_TRUE(reconciler_->tick(0).ok());
    ASSERT_TRUE(feed_->start(monotonic_ms()).ok());
  }

  uint64_t counter(const std::string& sought) const {
    for (const auto& [name, value] : feed_->counters()) {
      if (name == sought) return value;
    }
    ADD_FAILURE() << sought << " is no counter";
    return 0;
  }

  Config config_;
  MemoryStore store_;
  FakeDataplane dataplane_;
  CommitPacer pacer_;
  std::unique_ptr<VipAllocator> allocator_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<MesosFeed> feed_;
};

}  // namespace vipgate
