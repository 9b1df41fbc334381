#include "common/page_pool.h"

#include <sys/mman.h>

#include <new>

#include "common/huge_mapping.h"
#include "common/paged_allocator.h"

namespace vipgate {
namespace {

constexpr size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

PagePool& packet_path_pages() {
  static auto* const kPool = new PagePool();
  return *kPool;
}

uint8_t* PagePool::take(size_t bytes) {
  bytes = round_up(bytes, kAlignment);
  const std::lock_guard lock(mutex_);
  auto best = by_size_.lower_bound({bytes, nullptr});
  if (best == by_size_.end()) {
    const size_t mapped = in_huge_pages(bytes);
    uint8_t* const at = map_huge_pages(mapped);
    mappings_.emplace(at, mapped);
    add_free(at, mapped);
    best = by_size_.lower_bound({bytes, nullptr});
  }
  const auto [size, at] = *best;
  remove_free(free_.find(at));
  if (size != bytes) add_free(at + bytes, size - bytes);
  return at;
}

void PagePool::give_back(uint8_t* block, size_t bytes) {
  bytes = round_up(bytes, kAlignment);
  const std::lock_guard lock(mutex_);
  // Mappings may lie side by side, but each is given to the kernel by itself.
  const auto after = free_.find(block + bytes);
  if (after != free_.end() && !mappings_.contains(after->first)) {
    bytes += after->second;
    remove_free(after);
  }
  const auto next = free_.lower_bound(block);
  if (next != free_.begin() && !mappings_.contains(block)) {
    const auto before = std::prev(next);
    if (before->first + before->second == block) {
      block = before->first;
      bytes += before->second;
      remove_free(before);
    }
  }
  const auto mapping = mappings_.find(block);
  if (mapping != mappings_.end() && mapping->second == bytes) {
    munmap(block, bytes);
    mappings_.erase(mapping);
  } else {
    add_free(block, bytes);
  }
}

size_t PagePool::mapped_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t bytes = 0;
  for (const auto& [at, size] : mappings_) bytes += size;
  return bytes;
}

void PagePool::add_free(uint8_t* at, size_t bytes) {
  free_.emplace(at, bytes);
  by_size_.emplace(bytes, at);
}

void PagePool::remove_free(Extents::iterator extent) {
  by_size_.erase({extent->second, extent->first});
  free_.erase(extent);
}

PoolBlock::PoolBlock(std::shared_ptr<PagePool> pool, size_t bytes)
    : pool_(std::move(pool)), bytes_(bytes) {
  data_ =
      pool_ != nullptr
          ? pool_->take(bytes)
          : static_cast<uint8_t*>(::operator new (bytes, std::align_val_t{PagePool::kAlignment}));
}

PoolBlock::~PoolBlock() {
  if (data_ == nullptr) return;
  if (pool_ != nullptr) {
    pool_->give_back(data_, bytes_);
  } else {
    ::operator delete (data_, std::align_val_t{PagePool::kAlignment});
  }
}

}  // namespace vipgate
