// How what is served changes while random traffic runs.
#include <algorithm>
#include <utility>

#include "tests/support/model/random_traffic.h"
#include "tests/support/test_net.h"

namespace vipgate::test::model {
namespace {

RealId next_generation(RealId id) {
  return {id.index(), id.generation() % RealId::kMaxGeneration + 1};
}

}  // namespace

// That of the same endpoint, or one that was never given out.
uint32_t RandomTraffic::return_id(const SnapshotSpec& spec, const ServiceSpec& service,
                                  const RealSpec& real) {
  for (const ServiceSpec& other : spec.services) {
    if (other.protocol != service.protocol) continue;
    for (const RealSpec& each : other.reals) {
      const bool is_same = each.address == real.address && each.port == real.port;
      if (is_same && each.return_flow_id != 0) return each.return_flow_id;
    }
  }
  return next_return_++ + (is_wide(real.return_flow_id) ? kWideFlowId : 0);
}

// Takes the service's fallback away, or gives it one: no chains, so no circles.
void RandomTraffic::change_fallback(SnapshotSpec& spec, ServiceSpec& service) {
  service.fallback = kNone;
  service.no_real = one_in(2) ? NoReal::kDrop : NoReal::kReject;
  const auto leans_on = [&](const ServiceSpec& each) { return each.fallback == service.index; };
  if (one_in(4) || std::any_of(spec.services.begin(), spec.services.end(), leans_on)) return;
  for (const ServiceSpec& other : spec.services) {
    const bool may_be = other.index != service.index && other.fallback == kNone &&
                        other.mode == service.mode && other.protocol == service.protocol &&
                        other.vip.family() == service.vip.family();
    if (!may_be || one_in(4)) continue;
    service.no_real = NoReal::kFallback;
    service.fallback = other.index;
    if (service.snat_count == 0) {
      service.snat_first = other.snat_first;
      service.snat_count = other.snat_count;
    }
    if (one_in(2)) return;
    // So that it is needed at once, until all are up again.
    const RealState state = one_in(2) ? RealState::kDown : RealState::kDraining;
    for (RealSpec& real : service.reals) real.state = state;
    return;
  }
}

// What says how rows were and will be, not how they are; or how many there are.
void RandomTraffic::change_rows(ServiceSpec& service) {
  switch (below(3)) {
    case 0:
      service.drops_previous_rows = !service.drops_previous_rows;
      break;
    case 1:
      service.maglev_rows = service.maglev_rows == 251 ? 257 : 251;
      break;
    default: {
      const RealSpec& known = service.reals[below(static_cast<uint32_t>(service.reals.size()))];
      service.coming.clear();
      if (one_in(3)) break;
      service.coming.push_back({known.address, known.port, 1 + below(3)});
      if (one_in(2)) {
        service.coming.push_back(
            {known.address.is_v4() ? ip("10.1.0.9") : ip("fd01::9"), known.port, 1});
      }
      break;
    }
  }
}

void RandomTraffic::change(SnapshotSpec& spec) {
  if (one_in(8)) {
    spec.transit_ports = below(4);
    spec.transit_to_kernel = one_in(2);
    return;
  }
  if (!removed_.empty() && one_in(2) && next_service_ < kServiceSlots) {
    ServiceSpec service = removed_.back();
    removed_.pop_back();
    // One that comes back has new ids: the old ones may still be held by flows.
    service.index = next_service_++;
    service.flow_id = is_wide(service.flow_id) ? kWideFlowId + service.index : service.index + 1;
    for (RealSpec& real : service.reals) {
      real.id = next_generation(real.id);
      if (real.return_flow_id != 0) real.return_flow_id = return_id(spec, service, real);
    }
    spec.services.push_back(service);
    return;
  }
  const uint32_t at = below(static_cast<uint32_t>(spec.services.size()));
  if (one_in(8) && spec.services.size() > 4) {
    removed_.push_back(spec.services[at]);
    spec.services.erase(spec.services.begin() + at);
    return;
  }
  ServiceSpec& service = spec.services[at];
  if (one_in(6)) return change_fallback(spec, service);
  if (service.reals.empty()) {
    service.no_real = one_in(2) ? NoReal::kDrop : NoReal::kReject;
    return;
  }
  if (one_in(4)) {
    change_rows(service);
    return;
  }
  if (service.admission.affinity_s != 0 && one_in(6)) {
    service.admission.affinity_s = static_cast<uint16_t>(1 + below(60));
    return;
  }
  if (service.is_quic && one_in(8)) {
    std::swap(service.reals.front().quic_id, service.reals.back().quic_id);
    return;
  }
  RealSpec& real = service.reals[below(static_cast<uint32_t>(service.reals.size()))];
  switch (below(6)) {
    case 0:
    case 1:
      real.state = static_cast<RealState>(below(3));
      break;
    case 2:
      real.weight = below(4);
      break;
    case 3:
      real.resolved = !one_in(2);
      break;
    case 4:
      // Gone, and another one in its place: the index is the same, the generation is not.
      real.id = next_generation(real.id);
      break;
    default:
      for (RealSpec& each : service.reals) {
        each.state = RealState::kUp;
        each.weight = 1;
        each.resolved = true;
      }
      break;
  }
}

}  // namespace vipgate::test::model
