#include "controlplane/rest/event_hub.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace vipgate {

void EventHub::publish(std::string_view type, const std::string& members) {
  const auto at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::lock_guard lock(mutex_);
  std::string block = "id: " + std::to_string(++events_) + "\nevent: " + std::string(type) +
                      "\ndata: {\"at_ms\":" + std::to_string(at_ms.count()) +
                      (members.empty() ? "" : ",") + members + "}\n\n";
  for (const auto& [listener, sink] : sinks_) sink(block);
  kept_.push_back(std::move(block));
  if (kept_.size() > kKept) kept_.pop_front();
}

std::shared_ptr<void> EventHub::listen(uint64_t last, Sink sink) {
  const std::lock_guard lock(mutex_);
  if (sinks_.size() >= kListeners) return nullptr;
  const uint64_t before = events_ - kept_.size();  // the last one that is not kept
  // A number of an earlier process may be above all of ours.
  if (last != 0) {
    if (last < before || last > events_) sink("event: missed\ndata: {}\n\n");
    const uint64_t skipped = last > events_ ? 0 : std::max(last, before) - before;
    for (size_t i = skipped; i < kept_.size(); ++i) sink(kept_[i]);
  }
  const uint64_t listener = ++listeners_;
  sinks_.emplace(listener, std::move(sink));
  const auto leave = [hub = shared_from_this(), listener](void*) { hub->forget(listener); };
  return {this, leave};
}

bool EventHub::is_full() {
  const std::lock_guard lock(mutex_);
  return sinks_.size() >= kListeners;
}

void EventHub::forget(uint64_t listener) {
  Sink gone;  // ends without the lock
  const std::lock_guard lock(mutex_);
  const auto at = sinks_.find(listener);
  if (at == sinks_.end()) return;
  gone = std::move(at->second);
  sinks_.erase(at);
}

}  // namespace vipgate
