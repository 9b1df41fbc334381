// Short octet strings, packed: names and record data by the hundred thousand, without the overhead
// that an allocation of each would have.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace vipgate {

// Owned and called by one thread. A string lies where it was put until it is freed.
class OctetPool {
 public:
  static constexpr size_t kMaxLength = 0x10000;

  // REQUIRES: octets.size() <= kMaxLength
  uint32_t put(std::string_view octets) {
    const uint32_t handle = take(units(octets.size()));
    std::memcpy(at(handle), octets.data(), octets.size());
    return handle;
  }
  // `length` is that of the string.
  void free(uint32_t handle, size_t length) {
    const size_t size = units(length);
    if (free_.size() <= size) free_.resize(size + 1, kNone);
    std::memcpy(at(handle), &free_[size], sizeof handle);
    free_[size] = handle;
  }
  std::string_view get(uint32_t handle, size_t length) const {
    return {chunks_[handle / kChunkUnits].get() + handle % kChunkUnits * kUnit, length};
  }
  size_t memory_bytes() const {
    return chunks_.size() * kChunkUnits * kUnit + free_.capacity() * sizeof(uint32_t);
  }

 private:
  static constexpr size_t kUnit = 8;
  static constexpr uint32_t kChunkUnits = 1 << 15;
  static constexpr uint32_t kNone = 0xffffffff;
  static_assert(kMaxLength <= kUnit * kChunkUnits);

  // An empty string takes a unit too, so that its handle is one.
  static size_t units(size_t length) { return length == 0 ? 1 : (length + kUnit - 1) / kUnit; }
  char* at(uint32_t handle) {
    return chunks_[handle / kChunkUnits].get() + handle % kChunkUnits * kUnit;
  }
  uint32_t take(size_t size) {
    if (size < free_.size() && free_[size] != kNone) {
      const uint32_t handle = free_[size];
      std::memcpy(&free_[size], at(handle), sizeof handle);
      return handle;
    }
    if (chunks_.empty() || used_ + size > kChunkUnits) {
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(kUnit * kChunkUnits));
      used_ = 0;
    }
    const auto handle = static_cast<uint32_t>((chunks_.size() - 1) * kChunkUnits + used_);
    used_ += size;
    return handle;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t used_ = 0;             // units of the last chunk
  std::vector<uint32_t> free_;  // by size in units: the first of a list through the strings
};

}  // namespace vipgate
