// FlatMap: a hash map that is built once and then only read. It lives in a Snapshot; any thread may
// read it. Open addressing with linear probing, at most half full, keys and values side by side: a
// usual look-up touches one cache line. Copies share the slots, so that a snapshot whose map did
// not change has the one of the snapshot before.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/hash.h"
#include "common/paged_allocator.h"
#include "common/prefetch.h"

namespace vipgate {

// Hashes the key's bytes. Without a secret, as the keys in the map come from the configuration.
template <class Key>
struct FlatHash {
  static_assert(std::has_unique_object_representations_v<Key>,
                "padding bytes would be hashed: name and zero them");

  static uint64_t hash(const Key& key) {
    constexpr size_t kWords = (sizeof(Key) + 7) / 8;
    uint64_t words[kWords] = {};
    std::memcpy(words, &key, sizeof(Key));
    if constexpr (kWords == 1) return keyed_hash(words[0], PreparedSecret(HashSecret{}));
    return keyed_hash(words, sizeof words, PreparedSecret(HashSecret{}));
  }
};

// Key: trivially copyable, comparable, default-constructible. Value: copyable and
// default-constructible.
template <class Key, class Value, class Hasher = FlatHash<Key>>
class FlatMap {
 public:
  // A key, and its value from now on; nothing: the key is gone.
  using Change = std::pair<Key, std::optional<Value>>;

  FlatMap() = default;

  // REQUIRES: the keys are unique.
  [[nodiscard]] static FlatMap build(std::span<const std::pair<Key, Value>> entries) {
    FlatMap map;
    if (entries.empty()) return map;
    Slots slots(std::bit_ceil(entries.size() * 2));
    for (const auto& [key, value] : entries) {
      [[maybe_unused]] const bool is_new = map.put(slots, key, value);
      assert(is_new && "FlatMap keys must be unique");
    }
    map.keep(std::move(slots));
    return map;
  }

  // This map with the changes, in their order. Costs a copy of the slots, and a new layout only
  // when they have become too full or too empty.
  [[nodiscard]] FlatMap with(std::span<const Change> changes) const {
    if (changes.empty()) return *this;
    FlatMap map;
    map.size_ = size_;
    map.has_blank_ = has_blank_;
    map.blank_value_ = blank_value_;
    const size_t most = size_ + changes.size();
    Slots slots;
    if (storage_ != nullptr && most * 2 <= storage_->size() && most * 16 >= storage_->size()) {
      slots = *storage_;
    } else {
      slots.resize(std::bit_ceil(most * 2));
      if (storage_ != nullptr) {
        for (const Slot& slot : *storage_) {
          if (!(slot.key == Key{})) place(slots, slot.key) = slot;
        }
      }
    }
    for (const auto& [key, value] : changes) {
      if (value) {
        map.put(slots, key, *value);
      } else {
        map.remove(slots, key);
      }
    }
    map.keep(std::move(slots));
    return map;
  }

  [[nodiscard]] static uint64_t hash(const Key& key) { return Hasher::hash(key); }

  // Brings in the line where find() begins.
  void prefetch(uint64_t hash) const { prefetch_line(slots_ + (hash & mask_)); }

  // nullptr when the key is absent. Valid as long as the map. REQUIRES: hash == FlatMap::hash(key).
  [[nodiscard]] const Value* find(const Key& key, uint64_t hash) const noexcept {
    if (slots_ == nullptr) return nullptr;
    if (key == Key{}) [[unlikely]] {
      return has_blank_ ? &blank_value_ : nullptr;
    }
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return &slot.value;
      if (slot.key == Key{}) return nullptr;
    }
  }

  [[nodiscard]] const Value* find(const Key& key) const noexcept { return find(key, hash(key)); }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t slot_count() const { return storage_ == nullptr ? 0 : storage_->size(); }

  // Calls visit(key, value) once per entry, in no order that means anything.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    if (has_blank_) visit(Key{}, blank_value_);
    if (storage_ == nullptr) return;
    for (const Slot& slot : *storage_) {
      if (!(slot.key == Key{})) visit(slot.key, slot.value);
    }
  }

  // Whether both read the same slots.
  [[nodiscard]] bool shares_with(const FlatMap& other) const { return slots_ == other.slots_; }

 private:
  static_assert(std::is_trivially_copyable_v<Key>);

  struct PlainSlot {
    Key key;
    Value value;
  };
  // A slot whose size is a power of two up to a cache line is aligned to it, so none straddles two
  // lines; other sizes are left as they are, since padding would cost more lines.
  static constexpr size_t kAlignment =
      sizeof(PlainSlot) <= 64 && std::has_single_bit(sizeof(PlainSlot)) ? sizeof(PlainSlot)
                                                                        : alignof(PlainSlot);

  // The blank key, Key{}, marks a free slot: an entry with that key lives in blank_value_.
  struct alignas(kAlignment) Slot {
    Key key{};
    Value value{};
  };
  static_assert(sizeof(Slot) == sizeof(PlainSlot));

  using Slots = std::vector<Slot, PagedAllocator<Slot>>;

  // The slot that has the key, or the free one where it belongs.
  static Slot& place(Slots& slots, const Key& key) {
    const size_t mask = slots.size() - 1;
    size_t at = hash(key) & mask;
    while (!(slots[at].key == Key{}) && !(slots[at].key == key)) at = (at + 1) & mask;
    return slots[at];
  }

  // Whether the key was not there yet.
  bool put(Slots& slots, const Key& key, const Value& value) {
    bool is_new = false;
    if (key == Key{}) {
      is_new = !has_blank_;
      has_blank_ = true;
      blank_value_ = value;
    } else {
      Slot& slot = place(slots, key);
      is_new = slot.key == Key{};
      slot.key = key;
      slot.value = value;
    }
    if (is_new) ++size_;
    return is_new;
  }

  // Moves those behind the key up, so that no look-up stops at the gap.
  void remove(Slots& slots, const Key& key) {
    if (key == Key{}) {
      if (has_blank_) --size_;
      has_blank_ = false;
      blank_value_ = Value{};
      return;
    }
    Slot& found = place(slots, key);
    if (found.key == Key{}) return;
    --size_;
    const size_t mask = slots.size() - 1;
    auto gap = static_cast<size_t>(&found - slots.data());
    for (size_t at = (gap + 1) & mask; !(slots[at].key == Key{}); at = (at + 1) & mask) {
      const size_t home = hash(slots[at].key) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = slots[at];
      gap = at;
    }
    slots[gap] = Slot{};
  }

  void keep(Slots slots) {
    storage_ = std::make_shared<const Slots>(std::move(slots));
    slots_ = storage_->data();
    mask_ = storage_->size() - 1;
  }

  const Slot* slots_ = nullptr;
  size_t mask_ = 0;
  size_t size_ = 0;
  bool has_blank_ = false;
  Value blank_value_{};
  std::shared_ptr<const Slots> storage_;
};

}  // namespace vipgate
