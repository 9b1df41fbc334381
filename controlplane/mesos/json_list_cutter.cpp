#include "controlplane/mesos/json_list_cutter.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>

namespace vipgate {
namespace {

constexpr size_t kBlock = 64;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// One bit for each of 64 octets.
struct Block {
  uint64_t quotes;
  uint64_t backslashes;
  uint64_t opening;  // { and [
  uint64_t closing;  // } and ]
};

Block look_at(const char* octets) {
  const auto* vectors = reinterpret_cast<const __m256i*>(octets);
  const __m256i first = _mm256_loadu_si256(vectors);
  const __m256i second = _mm256_loadu_si256(vectors + 1);
  // [ and { differ in the bit of 0x20 alone, as do ] and }.
  const __m256i folded_first = _mm256_or_si256(first, _mm256_set1_epi8(0x20));
  const __m256i folded_second = _mm256_or_si256(second, _mm256_set1_epi8(0x20));
  const auto equal = [](__m256i a, __m256i b, char c) {
    const __m256i sought = _mm256_set1_epi8(c);
    const auto mask = [&](__m256i octets32) {
      return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(octets32, sought)));
    };
    return mask(a) | uint64_t{mask(b)} << 32;
  };
  return {equal(first, second, '"'), equal(first, second, '\\'),
          equal(folded_first, folded_second, '{'), equal(folded_first, folded_second, '}')};
}

// Each bit becomes the parity of those up to it: from a quote on until before the next, ones.
uint64_t prefix_parity(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

uint64_t first_bits(size_t count) {
  return count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

}  // namespace

size_t JsonListCutter::take(std::string_view octets, const UseItem& use) {
  size_t at = 0;
  while (at < octets.size() && !is_broken_) {
    if (list_ < 0) {
      at += take_frame(octets.substr(at));
      continue;
    }
    const char c = octets[at];
    if (scanned_ == 0) {
      const bool is_separator = c == ',';
      const bool is_end = c == ']';
      if (is_separator || is_end || is_space(c)) {
        is_broken_ = (is_separator && expected_ != Expected::kSeparator) ||
                     (is_end && expected_ == Expected::kItem);
        if (is_separator) expected_ = Expected::kItem;
        if (is_end) close();
        ++at;
        continue;
      }
      is_broken_ = expected_ == Expected::kSeparator;
      if (is_broken_) break;
    }
    const size_t length = item_end(octets.substr(at));
    if (length == 0) return at;
    use(list_, octets.substr(at, length));
    scanned_ = 0;
    expected_ = Expected::kSeparator;
    at += length;
  }
  // Of what makes no sense nothing need be kept.
  return octets.size();
}

// Up to the beginning of a list that is cut out, or all.
size_t JsonListCutter::take_frame(std::string_view octets) {
  for (size_t at = 0; at < octets.size(); ++at) {
    const char c = octets[at];
    frame_ += c;
    if (is_in_text_) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == '"') {
        is_in_text_ = false;
        text_end_ = frame_.size() - 1;
      }
      continue;
    }
    switch (c) {
      case '"':
        is_in_text_ = true;
        text_at_ = frame_.size();
        break;
      case ':':
        key_.assign(frame_, text_at_, text_end_ - text_at_);
        break;
      case '{':
      case '[':
        open(c);
        break;
      case '}':
      case ']':
        close();
        break;
      default:
        break;
    }
    if (list_ >= 0 || is_broken_) return at + 1;
  }
  return octets.size();
}

void JsonListCutter::open(char bracket) {
  is_broken_ = outer_.size() == kMaxJsonDepth;
  if (is_broken_) return;
  const bool is_outermost = outer_.empty();
  outer_.push_back(path_.size());
  if (!is_outermost) path_.append(1, '/').append(key_);
  key_.clear();
  if (bracket != '[') return;
  list_ = list_at_(path_);
  expected_ = Expected::kItemOrEnd;
}

void JsonListCutter::close() {
  if (list_ >= 0) frame_ += ']';
  list_ = -1;
  is_broken_ = is_broken_ || outer_.empty();
  if (is_broken_) return;
  path_.resize(outer_.back());
  outer_.pop_back();
}

// How long the item is that begins with the first octet; 0: its end is not there yet.
size_t JsonListCutter::item_end(std::string_view octets) {
  if (scanned_ == 0) {
    depth_ = 0;
    is_in_text_ = is_escaped_ = false;
  }
  return octets[0] == '{' || octets[0] == '[' ? end_of_nested(octets) : end_of_plain(octets);
}

// Those of `count` octets that a backslash stands before, which does not itself stand behind one.
uint64_t JsonListCutter::escaped_in(uint64_t backslashes, size_t count) {
  uint64_t escaped = is_escaped_ ? 1 : 0;
  is_escaped_ = false;
  backslashes &= ~escaped;
  while (backslashes != 0) {
    const auto at = static_cast<size_t>(std::countr_zero(backslashes));
    if (at + 1 == count) {
      is_escaped_ = true;
      break;
    }
    escaped |= uint64_t{2} << at;
    backslashes &= ~(uint64_t{3} << at);
  }
  return escaped;
}

// A block at a time. The brackets of one are counted, not looked at one by one, unless there are
// enough of them to close the item.
size_t JsonListCutter::end_of_nested(std::string_view octets) {
  while (scanned_ < octets.size()) {
    const size_t count = std::min(kBlock, octets.size() - scanned_);
    const uint64_t present = first_bits(count);
    Block block = look_at(octets.data() + scanned_);
    uint64_t quotes = block.quotes & present;
    const uint64_t backslashes = block.backslashes & present;
    if (backslashes != 0 || is_escaped_) quotes &= ~escaped_in(backslashes, count);
    const uint64_t texts = prefix_parity(quotes) ^ (is_in_text_ ? ~uint64_t{0} : 0);
    uint64_t opening = block.opening & present & ~texts;
    uint64_t closing = block.closing & present & ~texts;
    const auto closing_count = static_cast<size_t>(std::popcount(closing));
    if (closing_count < depth_) {
      depth_ += static_cast<size_t>(std::popcount(opening)) - closing_count;
    } else {
      for (uint64_t brackets = opening | closing; brackets != 0; brackets &= brackets - 1) {
        const auto at = static_cast<size_t>(std::countr_zero(brackets));
        const bool is_opening = (opening >> at & 1) != 0;
        depth_ = is_opening ? depth_ + 1 : depth_ - 1;
        if (depth_ != 0) continue;
        is_in_text_ = false;
        return scanned_ + at + 1;
      }
    }
    is_in_text_ = is_in_text_ != (std::popcount(quotes) % 2 != 0);
    scanned_ += count;
  }
  return 0;
}

// Of a number, a word or a text: up to what separates it from the next.
size_t JsonListCutter::end_of_plain(std::string_view octets) {
  for (; scanned_ < octets.size(); ++scanned_) {
    const char c = octets[scanned_];
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (is_in_text_ && c == '\\') {
      is_escaped_ = true;
    } else if (c == '"') {
      is_in_text_ = !is_in_text_;
    } else if (!is_in_text_ && (c == ',' || c == ']' || is_space(c))) {
      return scanned_;
    }
  }
  return 0;
}

}  // namespace vipgate
