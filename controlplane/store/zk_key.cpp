#include "controlplane/store/zk_key.h"

namespace vipgate {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string zk_node_from_key(std::string_view key) {
  constexpr const char* kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-_.:[]@";
  if (key.empty()) return "%";
  const bool dots = key.find_first_not_of('.') == std::string_view::npos;
  std::string node;
  for (const char c : key) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!dots && (alphanumeric || kPlain.find(c) != std::string_view::npos)) {
      node += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      node += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return node;
}

std::string zk_key_from_node(std::string_view node) {
  if (node == "%") return "";
  std::string key;
  for (size_t i = 0; i < node.size(); ++i) {
    if (node[i] == '%' && i + 2 < node.size()) {
      const int high = hex_value(node[i + 1]);
      const int low = hex_value(node[i + 2]);
      if (high >= 0 && low >= 0) {
        key += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    key += node[i];
  }
  return key;
}

}  // namespace vipgate
