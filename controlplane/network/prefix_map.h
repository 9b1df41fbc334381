// What is known of prefixes, found by the longest ones that an address lies in.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <utility>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/config/config.h"

namespace vipgate {

// A value; of both families. A look-up costs a step for each length of prefix in use.
template <class T>
class PrefixMap {
 public:
  T& operator[](const IpPrefix& prefix) {
    const auto [at, is_new] = entries_.try_emplace(key_of(prefix));
    if (is_new) ++count(prefix.address.family(), prefix.length);
    return at->second;
  }
  const T* find(const IpPrefix& prefix) const {
    const auto at = entries_.find(key_of(prefix));
    return at == entries_.end() ? nullptr : &at->second;
  }
  void erase(const IpPrefix& prefix) {
    if (entries_.erase(key_of(prefix)) != 0) --count(prefix.address.family(), prefix.length);
  }
  // Those that the address lies in and that are longer than `above` bits, the longest first, until
  // visit(prefix, value) returns true.
  template <class Visit>
  void visit(const IpAddress& address, int above, const Visit& visit) const {
    if (entries_.empty()) return;
    const auto& counts = counts_[address.is_v4() ? 0 : 1];
    for (int length = address.bits(); length > above; --length) {
      if (counts[static_cast<size_t>(length)] == 0) continue;
      const auto at = entries_.find(key_of({address, length}));
      if (at != entries_.end() && visit(IpPrefix{at->first.second, length}, at->second)) return;
    }
  }
  // Length of the longest one that the address lies in; -1: in none.
  int longest(const IpAddress& address) const {
    int found = -1;
    visit(address, -1, [&](const IpPrefix& prefix, const T&) {
      found = prefix.length;
      return true;
    });
    return found;
  }
  template <class Each>
  void for_each(const Each& each) const {
    for (const auto& [key, value] : entries_) each(IpPrefix{key.second, key.first}, value);
  }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

 private:
  using Key = std::pair<int, IpAddress>;  // length, and the address with zeros behind it
  static Key key_of(const IpPrefix& prefix) { return {prefix.length, range_of(prefix).first}; }
  size_t& count(int family, int length) {
    return counts_[family == 4 ? 0 : 1][static_cast<size_t>(length)];
  }

  std::map<Key, T> entries_;
  std::array<std::array<size_t, 129>, 2> counts_{};  // by family and length
};

// Prefixes of which something has changed.
using ChangedPrefixes = PrefixMap<Done>;

}  // namespace vipgate
