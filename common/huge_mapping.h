// Mappings of huge pages, for tables that are read at random.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vipgate {

inline constexpr size_t kHugePage = size_t{2} << 20;

// What `bytes` take of them.
constexpr size_t in_huge_pages(size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

// Zeroed memory that begins on a huge page, so that the kernel can make it of nothing else: before
// 6.7 it does not align mappings itself, and makes no huge page of what lies at both ends of one,
// which of 2 MB is all. Advice only: where there are no transparent huge pages, small ones serve.
// To be given back by munmap(), as a whole. Throws std::bad_alloc. REQUIRES: `bytes` is a multiple
// of kHugePage, and not 0.
[[nodiscard]] uint8_t* map_huge_pages(size_t bytes);

}  // namespace vipgate
