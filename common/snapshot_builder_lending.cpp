// The part of SnapshotBuilder that lends a service without reals the ring of another one:
// ServiceSpec::fallback.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "common/live_reals.h"
#include "common/snapshot_builder.h"

namespace vipgate {

// Whoever falls back on a service that changes or goes changes with it.
void SnapshotBuilder::add_borrowers(SnapshotUpdate& update) const {
  if (borrowers_.empty()) return;
  std::set<uint32_t> seen(update.removed.begin(), update.removed.end());
  for (const ServiceSpec& service : update.changed) seen.insert(service.index);
  std::vector<uint32_t> lenders(seen.begin(), seen.end());
  while (!lenders.empty()) {
    const auto found = borrowers_.find(lenders.back());
    lenders.pop_back();
    if (found == borrowers_.end()) continue;
    for (const uint32_t index : found->second) {
      if (!seen.insert(index).second) continue;
      ServiceSpec& again = update.changed.emplace_back(*services_[index]);
      // What its rows were counts as long as it does now: nobody has said that it no longer should.
      again.drops_previous_rows = !previous_->service(index).has_previous_rows;
      lenders.push_back(index);
    }
  }
}

// A service without reals that accept flows gets the ring of its fallback, or of that one's.
void SnapshotBuilder::lend_rings(const SnapshotUpdate& update, Rings& rings) const {
  const auto borrows = [](const ServiceSpec& service) { return service.fallback != kNone; };
  if (std::none_of(update.changed.begin(), update.changed.end(), borrows)) return;
  std::unordered_map<uint32_t, size_t> positions;  // in `changed`, by index
  for (size_t i = 0; i < update.changed.size(); ++i) positions[update.changed[i].index] = i;
  const std::set<uint32_t> removed(update.removed.begin(), update.removed.end());
  const Rings own = rings;
  for (size_t i = 0; i < update.changed.size(); ++i) {
    uint32_t from = update.changed[i].fallback;
    while (rings[i] == nullptr && from != kNone) {
      const ServiceSpec* lender = nullptr;
      if (const auto changed = positions.find(from); changed != positions.end()) {
        lender = &update.changed[changed->second];
        rings[i] = own[changed->second];
      } else if (!removed.contains(from) && known(from) != nullptr) {
        lender = known(from);
        if (!live_reals(*lender).empty()) rings[i] = previous_->service_info(from).ring;
      }
      from = lender != nullptr ? lender->fallback : kNone;
    }
  }
}

}  // namespace vipgate
