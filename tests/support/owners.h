// Who owns which flow in tests: by a key that is as good as random, and always the same.
#pragma once

#include "dataplane/fastpath/flow_owners.h"

namespace vipgate::test {

inline ToeplitzHash::Key owner_key() {
  ToeplitzHash::Key key{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>((i * i + 4) * 151 + 77);
  return key;
}

inline FlowOwners owners_of_flows(uint32_t workers) { return FlowOwners(owner_key(), workers); }

}  // namespace vipgate::test
