#include "common/row_moves.h"

#include <algorithm>
#include <unordered_map>

#include "common/maglev.h"

namespace vipgate {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;

using Positions = std::unordered_map<uint32_t, uint32_t>;  // by RealId::value()

Positions positions_of(std::span<const RealId> reals) {
  Positions positions;
  positions.reserve(reals.size());
  for (uint32_t i = 0; i < reals.size(); ++i) positions.emplace(reals[i].value(), i);
  return positions;
}

// Where the reals of `ring` stand in `positions`.
std::vector<uint32_t> places_of(const ServiceRing& ring, const Positions& positions) {
  std::vector<uint32_t> places;
  places.reserve(ring.reals.size());
  for (const RealId id : ring.reals) {
    const auto found = positions.find(id.value());
    places.push_back(found == positions.end() ? kNowhere : found->second);
  }
  return places;
}

}  // namespace

std::shared_ptr<const ServiceRing> join_previous(const std::shared_ptr<const ServiceRing>& older,
                                                 const std::shared_ptr<const ServiceRing>& before,
                                                 const ServiceRing& now,
                                                 std::span<const RealId> known) {
  const size_t rows = now.rows->size();
  if (older->rows->size() != rows || before->rows->size() != rows) return before;
  auto joined = std::make_shared<ServiceRing>();
  joined->reals = before->reals;
  Positions positions = positions_of(joined->reals);
  const Positions still_known = positions_of(known);
  for (const RealId id : older->reals) {
    if (!still_known.contains(id.value())) continue;
    const auto position = static_cast<uint32_t>(joined->reals.size());
    if (positions.emplace(id.value(), position).second) joined->reals.push_back(id);
  }
  if (joined->reals.size() > kMaglevRealsMax) return before;

  std::vector<uint32_t> older_places = places_of(*older, positions);
  for (size_t i = 0; i < older_places.size(); ++i) {
    if (!still_known.contains(older->reals[i].value())) older_places[i] = kNowhere;
  }
  const std::vector<uint32_t> now_places = places_of(*before, positions_of(now.reals));
  MaglevRows table(*before->rows);
  for (size_t row = 0; row < rows; ++row) {
    if (now_places[table[row]] != (*now.rows)[row]) continue;
    const uint32_t place = older_places[(*older->rows)[row]];
    if (place != kNowhere) table[row] = static_cast<uint16_t>(place);
  }
  joined->rows = std::make_shared<const MaglevRows>(std::move(table));
  return joined;
}

void mark_moves(const ServiceRing& now, const ServiceRing& other, RowBits& bits) {
  const size_t rows = now.rows->size();
  if (other.rows->size() != rows) {
    std::fill(bits.begin(), bits.end(), ~uint64_t{0});
    return;
  }
  const std::vector<uint32_t> places = places_of(other, positions_of(now.reals));
  for (size_t row = 0; row < rows; ++row) {
    const bool moves = places[(*other.rows)[row]] != (*now.rows)[row];
    bits[row / 64] |= uint64_t{moves} << (row % 64);
  }
}

}  // namespace vipgate
