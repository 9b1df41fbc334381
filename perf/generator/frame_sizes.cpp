#include "perf/generator/frame_sizes.h"

#include <charconv>
#include <string>

namespace vipgate::generator {

Result<std::vector<uint16_t>> parse_frame_sizes(std::string_view text, int family) {
  const uint16_t least = smallest_frame(family);
  if (text.empty()) return std::vector<uint16_t>{least};
  if (text == "imix") {
    return std::vector<uint16_t>{least, 594,   least, least, 594, least,
                                 1518,  least, 594,   least, 594, least};
  }
  std::vector<uint16_t> sizes;
  for (size_t at = 0; at <= text.size();) {
    const std::string_view part = text.substr(at, text.find(',', at) - at);
    uint16_t size = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc{} || end != part.data() + part.size() || size < least ||
        size > kLargestFrame) {
      return Error{"--sizes: '" + std::string(part) +
                   "' is no size of a frame: give imix, or numbers from " + std::to_string(least) +
                   " to 1518 with commas, for IPv" + std::to_string(family)};
    }
    sizes.push_back(size);
    at += part.size() + 1;
  }
  return sizes;
}

}  // namespace vipgate::generator
