#include "controlplane/dns/record_gate.h"

#include <algorithm>
#include <iterator>

namespace vipgate {

void RecordGate::want(const DnsRecord& record) {
  Key key{record.owner, record.type};
  Wish& wish = names_[key].wanted[record];
  if (wish.count++ != 0) return;
  fresh_.emplace_back(key, record);
  open_.insert(std::move(key));
}

void RecordGate::unwant(const DnsRecord& record) {
  Key key{record.owner, record.type};
  const auto name = names_.find(key);
  if (name == names_.end()) return;
  const auto wish = name->second.wanted.find(record);
  if (wish == name->second.wanted.end() || --wish->second.count != 0) return;
  name->second.wanted.erase(wish);
  open_.insert(std::move(key));
}

// A name that moves to another VIP keeps the old one until the new one forwards: "no such name"
// would stay in caches for longer.
bool RecordGate::settle(Name& name, uint64_t passed, bool all, Change& change) {
  std::set<DnsRecord> next;
  for (const auto& [record, wish] : name.wanted) {
    const bool is_forwarded = wish.version != 0 && wish.version <= passed;
    if (all || is_forwarded || name.served.contains(record)) next.insert(record);
  }
  if (next.empty() && !name.wanted.empty()) next = name.served;
  std::set_difference(next.begin(), next.end(), name.served.begin(), name.served.end(),
                      std::back_inserter(change.served));
  std::set_difference(name.served.begin(), name.served.end(), next.begin(), next.end(),
                      std::back_inserter(change.withdrawn));
  name.served = std::move(next);
  return name.served.size() == name.wanted.size() &&
         std::equal(name.served.begin(), name.served.end(), name.wanted.begin(),
                    [](const DnsRecord& record, const auto& wish) { return record == wish.first; });
}

RecordGate::Change RecordGate::advance(uint64_t passed, bool all) {
  Change change;
  for (auto key = open_.begin(); key != open_.end();) {
    const auto name = names_.find(*key);
    if (name == names_.end() || settle(name->second, passed, all, change)) {
      if (name != names_.end() && name->second.wanted.empty()) names_.erase(name);
      key = open_.erase(key);
    } else {
      ++key;
    }
  }
  return change;
}

void RecordGate::published(uint64_t version) {
  for (const auto& [key, record] : fresh_) {
    const auto name = names_.find(key);
    if (name == names_.end()) continue;
    const auto wish = name->second.wanted.find(record);
    if (wish != name->second.wanted.end() && wish->second.version == 0) {
      wish->second.version = version;
    }
  }
  fresh_.clear();
}

}  // namespace vipgate
