// FlatMap: a hash map that is built once and then only read. It lives in a Snapshot; any thread may
// read it. Open addressing with linear probing, at most half full, keys and values side by side: a
// usual look-up touches one cache line.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/hash.h"

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
    if constexpr (kWords == 1) return keyed_hash(words[0], HashSecret{});
    return keyed_hash(words, sizeof words, HashSecret{});
  }
};

// Key: trivially copyable, comparable, default-constructible. Value: copyable and
// default-constructible.
template <class Key, class Value, class Hasher = FlatHash<Key>>
class FlatMap {
 public:
  FlatMap() = default;

  // REQUIRES: the keys are unique.
  [[nodiscard]] static FlatMap build(std::span<const std::pair<Key, Value>> entries) {
    FlatMap map;
    if (entries.empty()) return map;
    map.slots_.resize(std::bit_ceil(entries.size() * 2));
    map.mask_ = map.slots_.size() - 1;
    for (const auto& [key, value] : entries) map.insert(key, value);
    map.size_ = entries.size();
    return map;
  }

  [[nodiscard]] static uint64_t hash(const Key& key) { return Hasher::hash(key); }

  // Brings in the line where find() begins.
  void prefetch(uint64_t hash) const { __builtin_prefetch(slots_.data() + (hash & mask_)); }

  // nullptr when the key is absent. Valid as long as the map. REQUIRES: hash == FlatMap::hash(key).
  [[nodiscard]] const Value* find(const Key& key, uint64_t hash) const noexcept {
    if (slots_.empty()) return nullptr;
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

  // Calls visit(key, value) once per entry, in no order that means anything.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    if (has_blank_) visit(Key{}, blank_value_);
    for (const Slot& slot : slots_) {
      if (!(slot.key == Key{})) visit(slot.key, slot.value);
    }
  }

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

  void insert(const Key& key, const Value& value) {
    if (key == Key{}) {
      assert(!has_blank_ && "FlatMap keys must be unique");
      has_blank_ = true;
      blank_value_ = value;
      return;
    }
    size_t at = hash(key) & mask_;
    while (!(slots_[at].key == Key{})) {
      assert(!(slots_[at].key == key) && "FlatMap keys must be unique");
      at = (at + 1) & mask_;
    }
    slots_[at].key = key;
    slots_[at].value = value;
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t size_ = 0;
  bool has_blank_ = false;
  Value blank_value_{};
};

}  // namespace vipgate
