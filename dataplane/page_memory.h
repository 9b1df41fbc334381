// Zeroed memory for the big tables: huge pages where the kernel gives them, without a reservation.
#pragma once

#include <cstddef>

namespace vipgate {

// Owns one anonymous mapping. The kernel is asked for transparent huge pages, which matter from a
// million flows on; where they are off, ordinary pages serve.
class PageMemory {
 public:
  PageMemory() = default;
  // Throws std::bad_alloc when the memory is not to be had: at start only.
  explicit PageMemory(size_t bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;

  // Has the kernel give all pages now: else it gives each one, or each two megabytes, to the first
  // packet that comes there, which waits. Those of the memory node of the calling thread.
  void populate();

  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace vipgate
