// YAML text as a tree of plain nodes, each with its position. The only door to yaml-cpp, which by
// itself loses positions, reads 0123 as octal and lets repeated keys pass.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/config/diagnostics.h"

namespace vipgate {

// Longer texts are refused.
inline constexpr size_t kMaxYamlBytes = 256u << 20;

// Immutable once made. An alias shares its anchor's node, so a tree is a small DAG.
struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes or a block scalar: text, never a number or a word
  SourcePosition position;
  std::string scalar;
  // List: the items. Map: key, value, key, value, …
  std::vector<std::shared_ptr<const YamlNode>> children;
};
using YamlNodePtr = std::shared_ptr<const YamlNode>;

// Reads exactly one document; an empty text is a null node. On an error, says so in `diagnostics`
// and returns nullptr. Never throws; input that is too big, too deep or not UTF-8 text is an error.
YamlNodePtr read_yaml(std::string_view text, Diagnostics& diagnostics);

// A step from a node to its child: a map's key or a list's index.
using YamlStep = std::variant<std::string_view, size_t>;

// The value under `key`, or nullptr. The first one where the key is repeated.
const YamlNode* find_key(const YamlNode& map, std::string_view key);

// Where the node at `path` stands; where a step is missing, the position of the last node that is
// there (a value that comes from a default is blamed on the map that it belongs to).
SourcePosition position_at(const YamlNode& root, std::initializer_list<YamlStep> path);

// What the node is, for messages: "a list", "a map", "nothing", "text".
std::string_view kind_name(const YamlNode& node);

}  // namespace vipgate
