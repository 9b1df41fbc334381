// The part of SnapshotBuilder that makes what services have of their own beside rows, and shares it
// with the snapshot before where nothing of it has changed.
#include <algorithm>
#include <map>
#include <utility>

#include "common/snapshot_builder.h"

namespace vipgate {

// Shared with the snapshot before where the rules are the same; null: there are none.
std::shared_ptr<const Admission> SnapshotBuilder::admission(const ServiceSpec& service) const {
  if (service.admission.are_empty()) return nullptr;
  const ServiceSpec* before = known(service.index);
  if (before != nullptr && before->admission == service.admission) {
    return previous_->service_info(service.index).admission;
  }
  return std::make_shared<Admission>(service.admission);
}

// The same of the reals that connection ids name; null: there are none.
std::shared_ptr<const QuicReals> SnapshotBuilder::quic_reals(const ServiceSpec& service) const {
  if (!service.is_quic) return nullptr;
  std::map<uint32_t, const RealSpec*> by_id;
  for (const RealSpec& real : service.reals) {
    if (real.quic_id == 0) continue;
    const RealSpec*& known = by_id[real.quic_id];
    if (known == nullptr || real.state == RealState::kUp) known = &real;
  }
  if (by_id.empty()) return nullptr;
  std::vector<std::pair<uint32_t, RealId>> entries;
  entries.reserve(by_id.size());
  for (const auto& [id, real] : by_id) entries.emplace_back(id, real->id);
  if (known(service.index) != nullptr) {
    const auto& before = previous_->service_info(service.index).quic_reals;
    const auto is_there = [&](const auto& entry) {
      const RealId* real = before->find(entry.first);
      return real != nullptr && *real == entry.second;
    };
    if (before != nullptr && before->size() == entries.size() &&
        std::all_of(entries.begin(), entries.end(), is_there)) {
      return before;
    }
  }
  return std::make_shared<QuicReals>(QuicReals::build(entries));
}

}  // namespace vipgate
