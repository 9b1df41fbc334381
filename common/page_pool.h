// Memory for much that is read at random: blocks of some kilobytes that lie in huge pages, where
// the kernel gives them. Over a hundred megabytes of small pages each read waits for the TLB about
// as long as for the memory itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace vipgate {

// Blocks are taken where they fit best, and what is given back joins its free neighbours; a mapping
// of which all is free goes back to the kernel. May be called by any thread: who gives a block back
// is whoever has seen the last of it.
class PagePool {
 public:
  // Of the addresses of blocks, and of their sizes.
  static constexpr size_t kAlignment = 64;

  PagePool() = default;
  // REQUIRES: every block has been given back.
  ~PagePool() = default;
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // Throws std::bad_alloc. REQUIRES: bytes != 0
  uint8_t* take(size_t bytes);
  // `bytes`: as they were asked for.
  void give_back(uint8_t* block, size_t bytes);
  // All that is mapped.
  size_t mapped_bytes() const;

 private:
  using Extents = std::map<uint8_t*, size_t>;  // by where they begin

  void add_free(uint8_t* at, size_t bytes);
  void remove_free(Extents::iterator extent);

  mutable std::mutex mutex_;
  Extents mappings_;
  Extents free_;
  std::set<std::pair<size_t, uint8_t*>> by_size_;  // of free_
};

// A block of a pool, which it keeps alive; without a pool, of the heap, as small tables are.
class PoolBlock {
 public:
  PoolBlock() = default;
  PoolBlock(std::shared_ptr<PagePool> pool, size_t bytes);
  ~PoolBlock();
  PoolBlock(PoolBlock&& other) noexcept
      : pool_(std::move(other.pool_)),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  PoolBlock& operator=(PoolBlock&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  PoolBlock(const PoolBlock&) = delete;
  PoolBlock& operator=(const PoolBlock&) = delete;

  uint8_t* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<PagePool> pool_;
  uint8_t* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace vipgate
