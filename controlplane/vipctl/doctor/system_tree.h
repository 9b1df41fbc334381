// What /proc and /sys tell of a machine, below a root that may be another directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vipgate {

class SystemTree {
 public:
  // `root`: "" for this machine.
  explicit SystemTree(std::string root) : root_(std::move(root)) {}

  // The text of a file without the white space at its end; nothing: there is none, or none to read.
  std::optional<std::string> text(const std::string& path) const;
  std::optional<int64_t> number(const std::string& path) const;
  bool exists(const std::string& path) const;
  // The names in a directory, sorted; none if there is no such directory.
  std::vector<std::string> names(const std::string& path) const;
  // The last part of what a symbolic link points to; empty: there is none.
  std::string link_name(const std::string& path) const;
  // Of the processes whose name (comm) is `name`.
  std::vector<std::string> processes(const std::string& name) const;

 private:
  std::string root_;
};

// Of a line as in /sys ("0-3,8"), ascending; what is no such list is empty.
std::vector<int> cpus_of(const std::string& list);
// "1-3,8"
std::string cpu_list(const std::vector<int>& cpus);

}  // namespace vipgate
