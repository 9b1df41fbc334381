#include "dataplane/page_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

#include "common/huge_mapping.h"

namespace vipgate {

PageMemory::PageMemory(size_t bytes) {
  // Small tables keep to small pages: one huge page each would cost more than it saves.
  if (bytes >= kHugePage) {
    size_ = in_huge_pages(bytes);
    data_ = map_huge_pages(size_);
    return;
  }
  if (bytes == 0) return;
  void* const found =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) throw std::bad_alloc();
  data_ = found;
  size_ = bytes;
}

PageMemory::~PageMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

void PageMemory::populate() {
  if (data_ == nullptr || madvise(data_, size_, MADV_POPULATE_WRITE) == 0) return;
  // A kernel before 5.14, or one that has not so much: as far as it goes, page by page, by writes
  // that change nothing.
  constexpr size_t kPage = 4096;
  for (size_t at = 0; at < size_; at += kPage) {
    __atomic_fetch_or(static_cast<uint8_t*>(data_) + at, uint8_t{0}, __ATOMIC_RELAXED);
  }
}

PageMemory::PageMemory(PageMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace vipgate
