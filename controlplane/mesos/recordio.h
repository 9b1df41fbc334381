// RecordIO, the framing of Mesos' event streams: a decimal count of octets, a line feed, and so
// many octets, again and again.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

// Takes a stream in pieces of any size and gives back its records. Records stay where they were
// read to: a record of hundreds of megabytes is copied only when its buffer has to grow, and a
// count that is not followed by data costs no memory. Owned and called by one thread.
class RecordIoDecoder {
 public:
  // So many octets after a record can always be read, as the JSON parser wants; their values mean
  // nothing.
  static constexpr size_t kPadding = 64;

  // `max_record`: a longer record ends the stream.
  explicit RecordIoDecoder(size_t max_record) : max_record_(max_record) {}

  // Room for at least `octets` more, to be read into; what was read is then told to commit().
  // Views that next() gave are invalid from here on, and once next() has given nothing.
  std::span<char> prepare(size_t octets);
  // REQUIRES: `octets` is not more than prepare() gave.
  void commit(size_t octets) { end_ += octets; }
  // prepare(), copy and commit().
  void feed(std::string_view octets);

  // The next record that is complete; nothing: more has to be read. Empty records are passed over.
  // An error cannot be recovered from, since nobody knows where the next record begins: the
  // connection has to be dropped, and every further call gives the same error.
  Result<std::optional<std::string_view>> next();

  // Whether it ended with a record longer than it may be.
  [[nodiscard]] bool is_oversize() const { return is_oversize_; }

  // What is there of a record that is not whole yet, from the first octet on that was not dropped;
  // nothing: none has begun. Octets after it can be read as after a record.
  [[nodiscard]] std::string_view begun() const {
    return count_ ? std::string_view(buffer_.get() + begin_, end_ - begin_) : std::string_view();
  }
  // How much of that record is not there yet.
  [[nodiscard]] size_t missing() const { return count_ ? *count_ - waiting() : 0; }
  // Lets go of the first octets of begun(): next() gives the record without them.
  // REQUIRES: next() has given nothing, and there are so many.
  void drop(size_t octets) {
    begin_ += octets;
    *count_ -= octets;
  }

  // Octets that were read and are not part of a record that was given out.
  [[nodiscard]] size_t waiting() const { return end_ - begin_; }
  [[nodiscard]] size_t memory_bytes() const { return capacity_; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  // Reads the count at begin_, if all of it is there.
  Status read_count();
  void reallocate(size_t capacity);
  // Lets go of what one large record has made the buffer grow to, if it is empty.
  void give_back();

  size_t max_record_;
  std::unique_ptr<char, Free> buffer_;
  size_t capacity_ = 0;  // without the padding
  size_t begin_ = 0;
  size_t end_ = 0;
  std::optional<size_t> count_;  // of the record that begins at begin_
  std::string error_;
  bool is_oversize_ = false;
};

}  // namespace vipgate
