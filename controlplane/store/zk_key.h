// Keys as names of znodes, which have no slash and are neither empty nor dots alone.
#pragma once

#include <string>
#include <string_view>

namespace vipgate {

// Percent-encodes whatever is not a letter, a digit or one of - _ . : [ ] @
std::string zk_node_from_key(std::string_view key);
// The reverse. What is no such name is taken as it is: it is nobody's key.
std::string zk_key_from_node(std::string_view node);

}  // namespace vipgate
