#include "controlplane/vipctl/whole_file.h"

#include <fstream>
#include <iostream>
#include <iterator>

namespace vipgate {

std::optional<std::string> read_whole_file(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream stream(file);
  if (!stream) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

}  // namespace vipgate
