#include "controlplane/rest/event_hub.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/json_text.h"
#include "common/unix_clock.h"

namespace vipgate {

EventMember::EventMember(std::string_view name_in, std::string_view text)
    : json(json_quote(name_in) + ":" + json_quote(text)) {}

EventMember::EventMember(std::string_view name_in, uint64_t number)
    : json(json_quote(name_in) + ":" + std::to_string(number)) {}

void EventHub::publish(std::string_view type, std::initializer_list<EventMember> members) {
  std::string data = "{\"at_ms\":" + std::to_string(unix_ms());
  for (const EventMember& member : members) data.append(",").append(member.json);
  const std::lock_guard lock(mutex_);
  std::string block = "id: " + life_ + "-" + std::to_string(++events_) +
                      "\nevent: " + std::string(type) + "\ndata: " + data + "}\n\n";
  for (const auto& [listener, sink] : sinks_) sink(block);
  kept_.push_back(std::move(block));
  if (kept_.size() > kKept) kept_.pop_front();
}

std::shared_ptr<void> EventHub::listen(std::string_view last, Sink sink) {
  const std::lock_guard lock(mutex_);
  if (sinks_.size() >= kListeners) return nullptr;
  if (!last.empty()) {
    const uint64_t before = events_ - kept_.size();  // the last one that is not kept
    const auto known = number_of(last);
    if (!known || *known < before) sink("event: missed\ndata: {}\n\n");
    for (uint64_t i = std::max(known.value_or(0), before); i < events_; ++i) {
      sink(kept_[i - before]);
    }
  }
  const uint64_t listener = ++listeners_;
  sinks_.emplace(listener, std::move(sink));
  const auto leave = [hub = shared_from_this(), listener](void*) { hub->forget(listener); };
  return {this, leave};
}

std::optional<uint64_t> EventHub::number_of(std::string_view id) const {
  const size_t dash = life_.size();
  if (!id.starts_with(life_) || id.size() <= dash || id[dash] != '-') return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data() + dash + 1, id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size() || number > events_) return std::nullopt;
  return number;
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
