#include "common/huge_mapping.h"

#include <sys/mman.h>

#include <new>

namespace vipgate {

// A page too much is mapped, and what stands over at both ends is given back.
uint8_t* map_huge_pages(size_t bytes) {
  void* const found =
      mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<uint8_t*>(found);
  const size_t before = -reinterpret_cast<uintptr_t>(begin) % kHugePage;
  uint8_t* const at = begin + before;
  if (before != 0) munmap(begin, before);
  munmap(at + bytes, kHugePage - before);
  // An error means that the kernel has no transparent huge pages.
  static_cast<void>(madvise(at, bytes, MADV_HUGEPAGE));
  return at;
}

}  // namespace vipgate
