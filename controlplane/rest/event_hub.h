// What happens at a gateway, for those who listen: server-sent events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace vipgate {

// A member of an event's object: a name, and a text or a number.
struct EventMember {
  EventMember(std::string_view name_in, std::string_view text);
  EventMember(std::string_view name_in, const char* text)
      : EventMember(name_in, std::string_view(text)) {}
  EventMember(std::string_view name_in, uint64_t number);

  std::string json;  // "name":value
};

// May be called by any thread. Events have ids, "LIFE-N" with N from 1 on; the last ones are kept
// for who comes back. Lives as long as any of its listeners' handles.
class EventHub : public std::enable_shared_from_this<EventHub> {
 public:
  // `life`: another one for each process.
  explicit EventHub(std::string life) : life_(std::move(life)) {}

  static constexpr size_t kKept = 512;
  static constexpr size_t kListeners = 64;
  // Gets blocks of a text/event-stream (WHATWG HTML 9.2.6), by the thread that publishes; must not
  // block, nor call the hub.
  using Sink = std::function<void(const std::string& block)>;

  // As {"at_ms":…,MEMBERS}: Unix time.
  void publish(std::string_view type, std::initializer_list<EventMember> members = {});

  // From now on, until the handle goes; those after the id `last` that are kept come first, and
  // "missed" before them if there were more. Empty: none. Null: there are kListeners.
  std::shared_ptr<void> listen(std::string_view last, Sink sink);
  bool is_full();

 private:
  void forget(uint64_t listener);
  // Of an id of this life; nothing: it is none.
  std::optional<uint64_t> number_of(std::string_view id) const;

  const std::string life_;
  std::mutex mutex_;
  uint64_t events_ = 0;           // so far
  std::deque<std::string> kept_;  // blocks, the last one that of events_
  uint64_t listeners_ = 0;        // that ever were
  std::map<uint64_t, Sink> sinks_;
};

}  // namespace vipgate
