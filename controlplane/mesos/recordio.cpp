#include "controlplane/mesos/recordio.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

namespace vipgate {
namespace {

constexpr size_t kSmallBuffer = size_t{64} << 10;
// A buffer that grew beyond this for one record is given back after it.
constexpr size_t kKeptBuffer = size_t{4} << 20;
constexpr size_t kMaxDigits = 20;

}  // namespace

void RecordIoDecoder::reallocate(size_t capacity) {
  // realloc() moves the pages of a large block instead of copying them.
  char* grown = static_cast<char*>(std::realloc(buffer_.get(), capacity + kPadding));
  if (grown == nullptr) throw std::bad_alloc();
  (void)buffer_.release();
  buffer_.reset(grown);
  // The padding is read, though not used.
  std::memset(grown + capacity, 0, kPadding);
  capacity_ = capacity;
}

// At once, not when the next octets come: that may take as long as a heartbeat.
void RecordIoDecoder::give_back() {
  if (begin_ != end_ || count_) return;
  begin_ = end_ = 0;
  if (capacity_ <= kKeptBuffer) return;
  buffer_.reset();
  capacity_ = 0;
}

std::span<char> RecordIoDecoder::prepare(size_t octets) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (capacity_ - end_ < octets && begin_ > 0) {
    // At most once for each run of records that was given out, since begin_ is zero from here on.
    std::memmove(buffer_.get(), buffer_.get() + begin_, waiting());
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ < octets) {
    // Doubling bounds the copying by the size of the stream. The count is not believed beyond
    // that: memory comes with data only.
    reallocate(std::max({kSmallBuffer, end_ + octets, 2 * capacity_}));
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

void RecordIoDecoder::feed(std::string_view octets) {
  if (octets.empty()) return;
  std::memcpy(prepare(octets.size()).data(), octets.data(), octets.size());
  commit(octets.size());
}

Status RecordIoDecoder::read_count() {
  const char* from = buffer_.get() + begin_;
  const size_t looked = std::min(waiting(), kMaxDigits + 1);
  const auto* line_feed = static_cast<const char*>(std::memchr(from, '\n', looked));
  const char* to = line_feed != nullptr ? line_feed : from + looked;
  const bool is_digits =
      std::all_of(from, to, [](char octet) { return octet >= '0' && octet <= '9'; });
  if (!is_digits || line_feed == from || (line_feed == nullptr && looked > kMaxDigits)) {
    return Error{"the event stream has no record length where one must be; it has to be read anew"};
  }
  if (line_feed == nullptr) return Done{};
  size_t count = 0;
  const bool is_number = std::from_chars(from, to, count).ec == std::errc();
  is_oversize_ = !is_number || count > max_record_;
  if (is_oversize_) {
    return Error{"the event stream has a record of " + std::string(from, to) +
                 " octets, more than the limit of " + std::to_string(max_record_)};
  }
  begin_ += static_cast<size_t>(to - from) + 1;
  count_ = count;
  return Done{};
}

Result<std::optional<std::string_view>> RecordIoDecoder::next() {
  while (error_.empty()) {
    if (!count_) {
      if (waiting() == 0) {
        give_back();
        return std::optional<std::string_view>();
      }
      if (auto status = read_count(); !status) error_ = status.error();
      if (!error_.empty()) break;
      if (!count_) return std::optional<std::string_view>();
    }
    if (waiting() < *count_) return std::optional<std::string_view>();
    const std::string_view record(buffer_.get() + begin_, *count_);
    begin_ += *count_;
    count_.reset();
    if (!record.empty()) return std::optional(record);
  }
  return Error{error_};
}

}  // namespace vipgate
