#include "common/wide_services.h"

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace vipgate {

WidePorts::WidePorts(std::span<const PortClaim> claims) {
  // Where claims begin and end, from the left to the right, with those that hold in between: the
  // first of them has it.
  using Rank = std::tuple<uint32_t, uint32_t, uint32_t>;  // ports, first, service
  struct Edges {
    std::vector<Rank> begin, end;
  };
  std::map<uint32_t, Edges> edges;
  for (const PortClaim& claim : claims) {
    const uint32_t first = key_of(claim.first, claim.protocol);
    const uint32_t last = key_of(claim.last, claim.protocol);
    const Rank rank{last - first, first, claim.service};
    edges[first].begin.push_back(rank);
    edges[last + 1].end.push_back(rank);
  }
  std::set<Rank> holding;
  for (auto edge = edges.begin(); edge != edges.end(); ++edge) {
    for (const Rank& rank : edge->second.end) holding.erase(rank);
    for (const Rank& rank : edge->second.begin) holding.insert(rank);
    if (holding.empty()) continue;
    const uint32_t service = std::get<2>(*holding.begin());
    const uint32_t last = std::next(edge)->first - 1;
    if (!spans_.empty() && spans_.back().service == service &&
        spans_.back().last + 1 == edge->first) {
      spans_.back().last = last;
    } else {
      spans_.push_back({edge->first, last, service});
    }
  }
}

template <class Address>
WideServices<Address> WideServices<Address>::with(std::span<const Change> changes) const {
  using Map = FlatMap<Address, Ports>;
  std::map<int, std::vector<typename Map::Change>, std::greater<>> by_length;
  for (const Change& change : changes) {
    std::optional<Ports> ports;
    if (change.ports != nullptr) ports = change.ports;
    by_length[change.length].emplace_back(masked(change.address, change.length), ports);
  }
  std::map<int, Map, std::greater<>> maps;
  for (const Level& level : levels_) maps.emplace(level.length, level.prefixes);
  for (const auto& [length, of_length] : by_length) maps[length] = maps[length].with(of_length);
  WideServices result;
  for (auto& [length, map] : maps) {
    if (map.size() != 0) result.levels_.push_back({length, std::move(map)});
  }
  return result;
}

template class WideServices<Ipv4Address>;
template class WideServices<Ipv6Address>;

}  // namespace vipgate
