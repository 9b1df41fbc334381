// The model's flows of l2dsr: their packets leave as they came, and only the client's are seen. Of
// tunnels, whose flows are the same, the headers have tests of their own.
#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {

ReferenceModel::Expectation ReferenceModel::judge_direct(const In& in, const ServiceSpec& service) {
  const Wire& wire = in.wire;
  const FlowKey key{{wire.source, wire.source_port},
                    {wire.destination, wire.destination_port},
                    wire.protocol,
                    service.flow_id};
  note_client(service, wire);
  Flow* flow = live_flow(key);
  const bool starts_anew = flow != nullptr && flow->state == State::kClosing && wire.has_flag(kSyn);
  if (wire.ttl == 0) {
    if (flow != nullptr && !starts_anew) follow_client_alone(*flow, wire);
    return drop(DropReason::kTtlExpired);
  }
  if (flow == nullptr) return judge_new_direct_flow(in, service, key);
  const RealSpec* real = find_real(flow->real);
  const RealSpec* named = named_real(in, service);
  if (real == nullptr || real->state == RealState::kDown ||
      (real->state == RealState::kDraining && starts_anew) || (named != nullptr && named != real)) {
    forget(key);
    if (wire.has_flag(kRst) || wire.is_later) return drop(DropReason::kNoFlow);
    return judge_new_direct_flow(in, service, key);
  }
  follow_client_alone(*flow, wire);
  Expectation expected = forwarded_directly(in, *real);
  if (flow->worker != in.observed.worker) {
    expected.problem = "a flow's packets must all be one worker's";
  }
  return expected;
}

ReferenceModel::Expectation ReferenceModel::judge_new_direct_flow(const In& in,
                                                                  const ServiceSpec& service,
                                                                  const FlowKey& key) {
  const Wire& wire = in.wire;
  const RowReals rows = balancer_(service, key);
  const ServiceSpec* taker = taker_of(service);
  const RealSpec* real = real_before(wire, service, rows);
  const RealSpec* named = named_real(in, service);
  if (real == nullptr && taker == nullptr && named == nullptr) {
    // A reset is never answered (RFC 9293 3.10.7.1).
    return wire.has_flag(kRst) ? drop(DropReason::kNoReal) : judge_refusal(in, service);
  }
  if (role_of(wire.source) != Role::kNobody) return drop(DropReason::kMartianSource);
  const bool begins_nothing = wire.has_flag(kRst) || wire.is_later;
  if (named != nullptr) {
    real = named;
  } else {
    if (!begins_nothing && is_full(in, service)) {
      return judge_refusal(in, service, DropReason::kConnectionLimit);
    }
    if (const RealSpec* kept = client_real(service, wire)) real = kept;
    if (real == nullptr) real = real_now(rows, *taker);
    if (real == nullptr) return {.kind = "forward", .problem = kWrongRows};
    if (!begins_nothing) keep_client(service, wire, real->id);
  }
  // All rows of a service that has fallen back on another's reals will move again.
  const bool is_tracked =
      !service.tracks_when_needed || rows.may_move || taker != &service || rows.now != real->id;
  if (is_tracked && !begins_nothing) {
    Flow flow;
    flow.real = real->id;
    flow.mode = service.mode;
    flow.service = service.index;
    flow.state = service.protocol == Protocol::kUdp ? State::kOneWay : State::kEmbryonic;
    flow.worker = in.observed.worker;
    touch(flow);
    add(key, flow);
  }
  return forwarded_directly(in, *real);
}

ReferenceModel::Expectation ReferenceModel::forwarded_directly(const In& in,
                                                               const RealSpec& real) const {
  if (!real.resolved) return drop(DropReason::kNextHopUnresolved);
  const PortEntry& port = spec_.ports[real.out_port];
  return {.kind = "forward",
          .port = real.out_port,
          .real = real.id,
          .out = relink(in.frame, in.wire, {real.next_hop, port.mac, port.vlan})};
}

// Answered, once the client goes on; over, when it finishes or resets.
void ReferenceModel::follow_client_alone(Flow& flow, const Wire& wire) const {
  if (wire.kind == Kind::kUdp) return set_state(flow, wire.is_later ? flow.state : State::kReplied);
  if (wire.has_flag(kFin) || wire.has_flag(kRst)) return set_state(flow, State::kClosing);
  if (wire.has_flag(kSyn)) {
    if (flow.state == State::kClosing) flow.state = State::kEmbryonic;
  } else if (flow.state == State::kEmbryonic && wire.has_flag(kAck)) {
    flow.state = State::kEstablished;
  }
  touch(flow);
}

}  // namespace vipgate::test::model
