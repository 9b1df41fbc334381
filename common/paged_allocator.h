// Memory of containers that the packet path reads at random: in huge pages, with that of all other
// such containers of the process.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "common/page_pool.h"

namespace vipgate {

// Never destroyed: containers may outlive all that has an order at the end of a program.
PagePool& packet_path_pages();

// AddressSanitizer knows of heap blocks alone when they end.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kArePagesOfHeap = true;
#elif defined(__has_feature)
inline constexpr bool kArePagesOfHeap = __has_feature(address_sanitizer);
#else
inline constexpr bool kArePagesOfHeap = false;
#endif

// As standard containers and std::allocate_shared() take it. May be used by any thread.
template <class T>
struct PagedAllocator {
  static_assert(alignof(T) <= PagePool::kAlignment);
  using value_type = T;

  PagedAllocator() = default;
  template <class Other>
  PagedAllocator(const PagedAllocator<Other>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(size_t count) {
    if constexpr (kArePagesOfHeap) {
      return static_cast<T*>(
          ::operator new (count * sizeof(T), std::align_val_t{PagePool::kAlignment}));
    } else {
      return reinterpret_cast<T*>(packet_path_pages().take(count * sizeof(T)));
    }
  }
  void deallocate(T* at, size_t count) {
    if constexpr (kArePagesOfHeap) {
      ::operator delete (at, std::align_val_t{PagePool::kAlignment});
    } else {
      packet_path_pages().give_back(reinterpret_cast<uint8_t*>(at), count * sizeof(T));
    }
  }
  friend bool operator==(const PagedAllocator&, const PagedAllocator&) { return true; }
};

template <class T, class... Arguments>
std::shared_ptr<T> make_paged(Arguments&&... arguments) {
  return std::allocate_shared<T>(PagedAllocator<T>(), std::forward<Arguments>(arguments)...);
}

}  // namespace vipgate
