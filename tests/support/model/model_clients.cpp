// The model's clients of services with affinity, which keep their real.
#include <algorithm>

#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {
namespace {

// One of the service's own that takes new flows.
bool takes_clients(const ServiceSpec& service, const RealSpec& real) {
  const bool is_own = std::any_of(service.reals.begin(), service.reals.end(),
                                  [&](const RealSpec& each) { return each.id == real.id; });
  return is_own && real.state == RealState::kUp && real.weight != 0;
}

}  // namespace

// The real that the client's last flows went to; null: any.
const RealSpec* ReferenceModel::client_real(const ServiceSpec& service, const Wire& wire) const {
  const auto found = clients_.find({wire.source, service.flow_id});
  if (service.admission.affinity_s == 0 || found == clients_.end()) return nullptr;
  if (now_ > found->second.deadline) return nullptr;
  const RealSpec* real = find_real(found->second.real);
  return real != nullptr && takes_clients(service, *real) ? real : nullptr;
}

// A new flow of the client has gone to the real.
void ReferenceModel::keep_client(const ServiceSpec& service, const Wire& wire, RealId real) {
  if (service.admission.affinity_s == 0 || !takes_clients(service, *find_real(real))) return;
  clients_[{wire.source, service.flow_id}] = {real, now_ + service.admission.affinity_s * 4u};
}

// Any packet to the service shows that the client is there.
void ReferenceModel::note_client(const ServiceSpec& service, const Wire& wire) {
  const auto found = clients_.find({wire.source, service.flow_id});
  if (service.admission.affinity_s == 0 || found == clients_.end()) return;
  if (now_ <= found->second.deadline) {
    found->second.deadline = now_ + service.admission.affinity_s * 4u;
  }
}

}  // namespace vipgate::test::model
