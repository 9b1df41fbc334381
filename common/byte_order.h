// Strong big-endian integers: the type says that the bytes are in network order.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>

namespace vipgate {

static_assert(std::endian::native == std::endian::little, "written for little-endian hosts");

// What lies at `at`, at any alignment.
template <class T>
T load(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
constexpr T byte_swap(T value) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}

// An integer stored in network byte order, at any alignment. `raw()` is the stored bytes read as a
// host integer: for hashing, comparing and copying only.
template <class T>
class [[gnu::packed]] BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr explicit BigEndian(T host) : raw_(byte_swap(host)) {}
  static constexpr BigEndian from_raw(T raw) {
    BigEndian value;
    value.raw_ = raw;
    return value;
  }
  constexpr T host() const { return byte_swap(raw_); }
  constexpr T raw() const { return raw_; }
  friend constexpr bool operator==(BigEndian, BigEndian) = default;
  friend constexpr auto operator<=>(BigEndian a, BigEndian b) { return a.host() <=> b.host(); }

 private:
  T raw_ = 0;
};

using Be16 = BigEndian<uint16_t>;
using Be32 = BigEndian<uint32_t>;

}  // namespace vipgate
