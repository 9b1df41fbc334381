// Files that a command line names.
#pragma once

#include <optional>
#include <string>

namespace vipgate {

// The content of a file, or with "-" of standard input; nothing: it cannot be read.
std::optional<std::string> read_whole_file(const std::string& file);

}  // namespace vipgate
