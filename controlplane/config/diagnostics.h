// Errors about a text file, each with its position; one user, on one thread.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/config.h"

namespace vipgate {

class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  // `message` says what is wrong and what would be right, without a final full stop.
  void error(SourcePosition position, std::string message);

  bool ok() const { return errors_.empty(); }
  // So many errors that looking for more helps nobody: readers may stop.
  bool full() const { return errors_.size() >= kMaxKept; }

  struct Entry {
    SourcePosition position;
    std::string message;
  };
  // In the order in which they were found.
  const std::vector<Entry>& entries() const { return errors_; }

  // "file:line:column: message" lines in the order of the file, at most 20, and how many more.
  std::string text() const;

 private:
  static constexpr size_t kMaxKept = 1000;
  static constexpr size_t kMaxShown = 20;

  std::string file_;
  std::vector<Entry> errors_;
};

}  // namespace vipgate
