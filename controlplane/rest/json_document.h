// JSON as the tree of nodes that the configuration's reader takes, so that what stands in a file
// and what comes by the API is read by the same code, and refused with the same words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

// Exactly one JSON value (RFC 8259). A node's position is its number in the text, for fields_at();
// texts in quotes are `quoted`. On an error, says so in `diagnostics` and returns nullptr.
YamlNodePtr read_json(std::string_view text, Diagnostics& diagnostics);

// The tree as JSON without spaces. Scalars that are not quoted and read as JSON numbers, true or
// false, are those; all others are texts.
std::string to_json(const YamlNode& node);

// Where in the tree the node of each position is: "services[3].reals[0].port"; empty: the root, or
// no node has it. Costs one look through the tree, however many they are.
std::vector<std::string> fields_at(const YamlNode& root,
                                   const std::vector<SourcePosition>& positions);

}  // namespace vipgate
