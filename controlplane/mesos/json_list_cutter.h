// Cuts the items of known lists out of a JSON document while its octets arrive, so that each can be
// read as soon as it is there and need not be kept. What is left is the frame: the document with
// these lists empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vipgate {

// How deep a document may be nested: no state of a cluster comes near it.
constexpr size_t kMaxJsonDepth = 128;

// A plain state machine for one document. Every octet may be hostile: what is cut out is balanced,
// and else to be checked by whoever reads it, as is the frame.
class JsonListCutter {
 public:
  // The number of the list that these keys lead to ("/subscribed/get_state/get_tasks/tasks"), or a
  // negative one if it is to stay in the frame.
  using ListAt = std::function<int(std::string_view path)>;
  using UseItem = std::function<void(int list, std::string_view item)>;

  explicit JsonListCutter(ListAt list_at) : list_at_(std::move(list_at)) {}

  // `octets`: from the first one on that was not taken before. Returns how many were taken now; the
  // others are the beginning of an item.
  // REQUIRES: 64 octets can be read after them; so they can after each item.
  size_t take(std::string_view octets, const UseItem& use);

  // Whether no list is left open, and nothing was found where it cannot be.
  [[nodiscard]] bool is_whole() const { return !is_broken_ && list_ < 0; }
  // For whoever parses it: it may grow by padding.
  std::string& frame() { return frame_; }

 private:
  enum class Expected : uint8_t { kItemOrEnd, kItem, kSeparator };

  size_t take_frame(std::string_view octets);
  void open(char bracket);
  void close();
  size_t item_end(std::string_view octets);
  size_t end_of_nested(std::string_view octets);
  size_t end_of_plain(std::string_view octets);
  uint64_t escaped_in(uint64_t backslashes, size_t count);

  ListAt list_at_;
  std::string frame_;
  bool is_broken_ = false;

  // In the frame.
  std::string path_;
  std::vector<size_t> outer_;  // lengths of the paths around
  size_t text_at_ = 0;         // the last text, from here
  size_t text_end_ = 0;        // up to here
  std::string key_;            // of what comes next

  // In a list that is cut out.
  int list_ = -1;
  Expected expected_ = Expected::kItemOrEnd;
  // Of the item that is not whole yet: how much was looked at, and what is open there.
  size_t scanned_ = 0;
  size_t depth_ = 0;

  // In both: within a text, and behind a backslash that concerns the next octet.
  bool is_in_text_ = false;
  bool is_escaped_ = false;
};

}  // namespace vipgate
