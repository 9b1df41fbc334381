#include "dataplane/page_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/huge_mapping.h"

namespace vipgate::page_memory_test {
namespace {

// How many of the memory's pages the kernel has given.
size_t pages_given(const PageMemory& memory) {
  std::vector<unsigned char> pages(memory.size() / static_cast<size_t>(getpagesize()));
  EXPECT_EQ(mincore(memory.data(), memory.size(), pages.data()), 0);
  return static_cast<size_t>(
      std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(PageMemory, HasNoPageUntilItIsTouchedAndAllOnceItIsPopulated) {
  constexpr size_t kBytes = 4 << 20;
  PageMemory memory(kBytes);
  EXPECT_EQ(pages_given(memory), 0u);
  memory.populate();
  EXPECT_EQ(pages_given(memory), kBytes / static_cast<size_t>(getpagesize()));
}

// Else a kernel that does not align mappings itself has no huge page for such a table.
TEST(PageMemory, LargeTablesBeginOnAHugePageAndFillThem) {
  std::vector<PageMemory> memories;
  for (const size_t bytes : {kHugePage, kHugePage + 1, 3 * kHugePage, kHugePage}) {
    memories.emplace_back(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memories.back().data()) % kHugePage, 0u);
    EXPECT_EQ(memories.back().size() % kHugePage, 0u);
    EXPECT_GE(memories.back().size(), bytes);
    // To its last byte.
    static_cast<uint8_t*>(memories.back().data())[memories.back().size() - 1] = 1;
  }
  EXPECT_EQ(PageMemory(kHugePage - 1).size(), kHugePage - 1);
}

TEST(PageMemory, PopulatingKeepsWhatIsThereAndTheRestZero) {
  PageMemory memory(4096);
  auto* const bytes = static_cast<uint8_t*>(memory.data());
  bytes[7] = 9;
  memory.populate();
  EXPECT_EQ(bytes[7], 9);
  bytes[7] = 0;
  EXPECT_TRUE(std::all_of(bytes, bytes + memory.size(), [](uint8_t byte) { return byte == 0; }));
}

TEST(PageMemory, NoMemoryAtAllCanBePopulated) {
  PageMemory memory;
  memory.populate();
  EXPECT_EQ(memory.data(), nullptr);
}

}  // namespace
}  // namespace vipgate::page_memory_test
