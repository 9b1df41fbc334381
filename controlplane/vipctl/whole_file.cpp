#include "controlplane/vipctl/whole_file.h"

#include <fstream>
#include <iostream>

namespace vipgate {
namespace {

// Nothing: it opens, but cannot be read, as a directory.
std::optional<std::string> rest_of(std::istream& stream) {
  std::string text;
  char part[4096];
  while (stream.read(part, sizeof part) || stream.gcount() != 0) {
    text.append(part, static_cast<size_t>(stream.gcount()));
  }
  return stream.bad() ? std::nullopt : std::optional(std::move(text));
}

}  // namespace

std::optional<std::string> read_whole_file(const std::string& file) {
  if (file == "-") return rest_of(std::cin);
  std::ifstream stream(file);
  return stream ? rest_of(stream) : std::nullopt;
}

}  // namespace vipgate
