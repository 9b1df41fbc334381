// The part of SnapshotBuilder that looks beyond the present rows: at those before, which packets
// without a flow go by, and at those to come, which say what flows need an entry.
#include <algorithm>
#include <map>
#include <utility>

#include "common/live_reals.h"
#include "common/maglev.h"
#include "common/row_moves.h"
#include "common/snapshot_builder.h"

namespace vipgate {
namespace {

// A `fullnat` flow of another gateway has a SNAT address of that one: no row can keep it alive. UDP
// does not tell old flows from new ones, which a real that has come is to get at once.
bool goes_by_previous_rows(const ServiceSpec& service) {
  return service.mode != Mode::kFullnat && has_connections(service.protocol);
}

// Those that will accept flows, as live_reals() orders them.
std::vector<RingKey::Real> later_reals(const ServiceSpec& service,
                                       std::span<const RealSpec* const> live) {
  std::map<std::pair<IpAddress, uint16_t>, uint32_t> weights;
  for (const RealSpec* real : live) weights[{real->address, real->port}] = real->weight;
  for (const ComingReal& real : service.coming) weights[{real.address, real.port}] = real.weight;
  std::vector<RingKey::Real> reals;
  reals.reserve(weights.size());
  for (const auto& [endpoint, weight] : weights) {
    reals.push_back({endpoint.first, endpoint.second, weight});
  }
  return reals;
}

bool has_real(const Snapshot& snapshot, RealId id) {
  const uint32_t page = id.index() / kPageSize;
  if (page >= snapshot.real_pages.size()) return false;
  return snapshot.real_pages[page]->entries[id.index() % kPageSize].generation == id.generation();
}

// Has rows, but of another service's reals.
bool borrows(const ServiceSpec& service) {
  return service.fallback != kNone && live_reals(service).empty();
}

}  // namespace

// Of the same service; null: it is new.
const ServiceInfo* SnapshotBuilder::info_before(const ServiceSpec& service) const {
  const ServiceSpec* before = known(service.index);
  if (before == nullptr || before->vip != service.vip || before->port != service.port ||
      before->extent != service.extent || before->protocol != service.protocol) {
    return nullptr;
  }
  return &previous_->service_info(service.index);
}

// Whether the rows before have to be joined with those before them.
bool SnapshotBuilder::set_previous(const ServiceSpec& service,
                                   const std::shared_ptr<const ServiceRing>& ring, Moves& moves) {
  const ServiceInfo* before = info_before(service);
  const bool counts = goes_by_previous_rows(service);
  if (before == nullptr || !(counts || has_gue_hops(service))) return false;
  const bool drops = service.drops_previous_rows;
  // As long as there are no rows at all, those before them stay.
  if (before->ring == ring || before->ring == nullptr) {
    moves.previous = drops && !has_gue_hops(service) ? nullptr : before->previous;
    moves.previous_counts = counts && !drops && moves.previous != nullptr;
    return false;
  }
  moves.previous_counts = counts;
  moves.previous = before->ring;
  if (counts) moved_.push_back(service.index);
  return !drops && before->previous != nullptr && ring != nullptr;
}

// `snapshot`: the one that is made, which has its reals already. Those of the rows long ago may be
// another service's, which this one fell back on.
void SnapshotBuilder::join_rows_before(const ServiceSpec& service, const ServiceRing& ring,
                                       const Snapshot& snapshot, Moves& moves) const {
  const ServiceInfo& before = *info_before(service);
  std::vector<RealId> known;
  known.reserve(before.previous->reals.size());
  for (const RealId id : before.previous->reals) {
    if (has_real(snapshot, id)) known.push_back(id);
  }
  moves.previous = join_previous(before.previous, before.ring, ring, known);
}

// Whether the rows that may move are those of the snapshot before, so that they are taken over.
bool SnapshotBuilder::keeps_moving_rows(const ServiceSpec& service,
                                        const std::shared_ptr<const ServiceRing>& ring,
                                        const Moves& moves) const {
  const ServiceInfo* before = info_before(service);
  if (before == nullptr) return false;
  const ServiceSpec& spec = *known(service.index);
  const ServiceEntry& entry = previous_->service(service.index);
  return before->ring == ring && spec.tracks_when_needed && spec.coming == service.coming &&
         spec.maglev_rows == service.maglev_rows &&
         entry.has_previous_rows == moves.previous_counts &&
         (!moves.previous_counts || before->previous == moves.previous);
}

void SnapshotBuilder::make_later_rings(const std::vector<ServiceSpec>& changed, const Rings& rings,
                                       std::vector<Moves>& moves) {
  std::vector<RingKey> keys;
  std::vector<std::pair<size_t, std::shared_ptr<ServiceRing>>> made;  // as `keys`
  for (size_t i = 0; i < changed.size(); ++i) {
    const ServiceSpec& service = changed[i];
    if (!service.tracks_when_needed || rings[i] == nullptr || service.coming.empty()) continue;
    if (keeps_moving_rows(service, rings[i], moves[i])) continue;
    const std::vector<const RealSpec*> live = live_reals(service);
    if (live.empty()) continue;  // borrowed: all rows may move
    RingKey key{.rows = 0, .reals = later_reals(service, live)};
    key.rows = service.maglev_rows != 0 ? service.maglev_rows : maglev_rows_auto(key.reals.size());
    auto ring = std::make_shared<ServiceRing>();
    // Both are in one order, and all that are live are in the key.
    auto next = live.begin();
    for (const RingKey::Real& real : key.reals) {
      const bool is_live =
          next != live.end() && (*next)->address == real.address && (*next)->port == real.port;
      ring->reals.push_back(is_live ? (*next++)->id : RealId{});
    }
    keys.push_back(std::move(key));
    made.emplace_back(i, std::move(ring));
  }
  if (keys.empty()) return;
  size_t built = 0;
  const auto tables = tables_.get(keys, built);
  stats_.rings_built += built;
  for (size_t k = 0; k < tables.size(); ++k) {
    made[k].second->rows = tables[k].rows;
    moves[made[k].first].later = std::move(made[k].second);
  }
}

// What costs time is done by the runner, and only for services that need it.
std::vector<SnapshotBuilder::Moves> SnapshotBuilder::make_moves(
    const std::vector<ServiceSpec>& changed, const Rings& rings, const Snapshot& snapshot) {
  std::vector<Moves> moves(changed.size());
  moved_.clear();
  std::vector<size_t> jobs;
  for (size_t i = 0; i < changed.size(); ++i) {
    if (set_previous(changed[i], rings[i], moves[i])) jobs.push_back(i);
  }
  if (!jobs.empty()) {
    runner_(jobs.size(), [&](size_t k) {
      const size_t i = jobs[k];
      join_rows_before(changed[i], *rings[i], snapshot, moves[i]);
    });
  }
  make_later_rings(changed, rings, moves);
  jobs.clear();
  for (size_t i = 0; i < changed.size(); ++i) {
    const ServiceSpec& service = changed[i];
    if (!service.tracks_when_needed || rings[i] == nullptr) continue;
    if (keeps_moving_rows(service, rings[i], moves[i])) {
      moves[i].moving = previous_->service_info(service.index).moving_rows;
    } else if (borrows(service)) {
      // All will move as soon as the service has a real of its own.
      moves[i].moving =
          std::make_shared<const RowBits>((rings[i]->rows->size() + 63) / 64, ~uint64_t{0});
    } else if (moves[i].previous_counts || moves[i].later != nullptr) {
      jobs.push_back(i);
    }
  }
  if (!jobs.empty()) {
    runner_(jobs.size(), [&](size_t k) {
      const size_t i = jobs[k];
      RowBits bits((rings[i]->rows->size() + 63) / 64);
      if (moves[i].previous_counts) mark_moves(*rings[i], *moves[i].previous, bits);
      if (moves[i].later != nullptr) mark_moves(*rings[i], *moves[i].later, bits);
      const bool none =
          std::all_of(bits.begin(), bits.end(), [](uint64_t word) { return word == 0; });
      if (!none) moves[i].moving = std::make_shared<const RowBits>(std::move(bits));
    });
  }
  return moves;
}

}  // namespace vipgate
