// A state store in memory, for tests of what is stored.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/store/state_store.h"

namespace vipgate {

class MemoryStore : public StateStore {
 public:
  Result<std::map<std::string, std::string>> load(std::string_view space) override {
    if (!fault.empty()) return Error{fault};
    const auto found = rows.find(std::string(space));
    return found == rows.end() ? std::map<std::string, std::string>() : found->second;
  }
  void write(std::vector<StoreWrite> batch) override {
    ++batches;
    for (StoreWrite& entry : batch) {
      auto& space = rows[entry.space];
      if (entry.value) {
        space.insert_or_assign(entry.key, std::move(*entry.value));
      } else {
        space.erase(entry.key);
      }
    }
  }
  Result<std::set<std::string>> spaces() override {
    if (!fault.empty()) return Error{fault};
    std::set<std::string> names;
    for (const auto& [name, entries] : rows) names.insert(name);
    return names;
  }
  void erase(const std::string& space) override { rows.erase(space); }
  Status flush(int64_t) override { return Done{}; }
  StoreHealth health() const override { return {true, "", 0, waiting}; }
  uint64_t handed() const override { return batches; }
  bool is_stored(uint64_t number) const override { return number + waiting <= batches; }

  std::map<std::string, std::map<std::string, std::string>> rows;
  size_t batches = 0;
  uint64_t waiting = 0;
  std::string fault;  // of load()
};

}  // namespace vipgate
