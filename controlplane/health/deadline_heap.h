// A priority queue of deadlines that can be moved: one per small number, the nearest on top.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vipgate {

// A binary heap that knows where each item lies. A value; ties come in no particular order.
class DeadlineHeap {
 public:
  struct Item {
    int64_t deadline_ms;
    uint32_t id;
  };

  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  // REQUIRES: !empty()
  const Item& top() const { return items_.front(); }

  // Gives `id` this deadline, whether it had one or not.
  void set(uint32_t id, int64_t deadline_ms) {
    if (id >= position_.size()) position_.resize(id + size_t{1}, kAbsent);
    if (position_[id] == kAbsent) {
      position_[id] = items_.size();
      items_.push_back({deadline_ms, id});
    } else {
      items_[position_[id]].deadline_ms = deadline_ms;
    }
    sift_down(sift_up(position_[id]));
  }

  void erase(uint32_t id) {
    if (id >= position_.size() || position_[id] == kAbsent) return;
    const size_t hole = position_[id];
    position_[id] = kAbsent;
    const Item last = items_.back();
    items_.pop_back();
    if (hole == items_.size()) return;
    put(hole, last);
    sift_down(sift_up(hole));
  }

 private:
  static constexpr size_t kAbsent = SIZE_MAX;

  void put(size_t at, const Item& item) {
    items_[at] = item;
    position_[item.id] = at;
  }
  size_t sift_up(size_t at) {
    const Item item = items_[at];
    for (; at > 0 && item.deadline_ms < items_[(at - 1) / 2].deadline_ms; at = (at - 1) / 2) {
      put(at, items_[(at - 1) / 2]);
    }
    put(at, item);
    return at;
  }
  void sift_down(size_t at) {
    const Item item = items_[at];
    for (size_t child; (child = 2 * at + 1) < items_.size(); at = child) {
      if (child + 1 < items_.size() && items_[child + 1].deadline_ms < items_[child].deadline_ms) {
        ++child;
      }
      if (item.deadline_ms <= items_[child].deadline_ms) break;
      put(at, items_[child]);
    }
    put(at, item);
  }

  std::vector<Item> items_;
  std::vector<size_t> position_;  // by id
};

}  // namespace vipgate
