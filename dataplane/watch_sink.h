// Where a watch writes: a file, or the output of who asked for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"
#include "common/watch.h"

namespace vipgate {

// Takes whole blocks or lines. Used by one thread.
class WatchSink {
 public:
  // Replaces the file if it exists.
  static Result<std::unique_ptr<WatchSink>> to_file(const std::string& path);
  // `output` outlives it. `lost` counts what finds no room there.
  static std::unique_ptr<WatchSink> to_output(WatchOutput& output, std::atomic<uint64_t>& lost);
  virtual ~WatchSink() = default;

  virtual Status write(std::string_view whole) = 0;
  // What may be lost where there is no room for it.
  virtual Status offer(std::string_view whole) = 0;
  // So that others can read what has been written so far.
  virtual Status flush() = 0;
  // What has been written is there for certain only after this has succeeded.
  virtual Status close() = 0;
};

}  // namespace vipgate
