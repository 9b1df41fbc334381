// Watches the state store: says in the log when it fails and when it is well again, and takes over
// what other gateways have decided.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/naming/vip_allocator.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// Owned by the control loop, called by the control thread. The references outlive this.
class StoreFeed : public LoopClient {
 public:
  StoreFeed(StateStore& store, VipAllocator& allocator) : store_(store), allocator_(allocator) {}

  [[nodiscard]] int fd() const override { return store_.fd(); }
  void process(int64_t now_ms) override;
  void act(int64_t now_ms) override;
  [[nodiscard]] int64_t next_deadline_ms() const override;
  [[nodiscard]] NamedCounters counters() const override;

 private:
  StateStore& store_;
  VipAllocator& allocator_;
  std::string reported_;  // the problem that the log has
  int64_t next_look_ms_ = 0;
};

}  // namespace vipgate
