// Fetching memory before it is read or written.
#pragma once

namespace vipgate {

// In assembly: GCC 12 takes a function that does nothing but __builtin_prefetch for one without any
// effect, and leaves out the calls of it before it could inline them. Any address will do.
[[gnu::always_inline]] inline void prefetch_line(const void* at) {
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const volatile char*>(at)));
}

}  // namespace vipgate
