#include "dataplane/page_memory.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace vipgate {

PageMemory::PageMemory(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  // Small tables keep to small pages: one huge page each would cost more than it saves.
  size_ = bytes < kHugePage ? bytes : (bytes + kHugePage - 1) / kHugePage * kHugePage;
  if (size_ == 0) return;
  data_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw std::bad_alloc();
  }
  // Advice only: an error means that the kernel has no transparent huge pages.
  if (size_ >= kHugePage) static_cast<void>(madvise(data_, size_, MADV_HUGEPAGE));
}

PageMemory::~PageMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

PageMemory::PageMemory(PageMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace vipgate
