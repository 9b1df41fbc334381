// The model's flows: how they begin, what they remember, when they end.
#include <algorithm>

#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {
namespace {

// Its ports cannot be changed: the checksum needs the whole packet.
bool is_sctp_fragment(const Wire& wire) { return wire.kind == Kind::kSctp && wire.is_fragment; }

bool takes_flows(const RealSpec& real) { return real.state == RealState::kUp && real.weight != 0; }

}  // namespace

// The first of the service and its fallbacks that has a real for a new flow; null: there is none.
const ServiceSpec* ReferenceModel::taker_of(const ServiceSpec& service) const {
  const ServiceSpec* taker = &service;
  while (std::none_of(taker->reals.begin(), taker->reals.end(), takes_flows)) {
    const auto next = by_index_.find(taker->fallback);
    if (next == by_index_.end()) return nullptr;
    taker = next->second;
  }
  return taker;
}

// Where a connection may have begun before its service's last change: a `fullnat` real would not
// know it from here. It may be of another service that this one fell back on.
const RealSpec* ReferenceModel::real_before(const Wire& wire, const ServiceSpec& service,
                                            const RowReals& rows) const {
  if (service.mode == Mode::kFullnat || !rows.before || wire.has_flag(kSyn)) return nullptr;
  const RealSpec* real = find_real(*rows.before);
  return real == nullptr || real->state == RealState::kDown ? nullptr : real;
}

// Null: the rows are wrong.
const RealSpec* ReferenceModel::real_now(const RowReals& rows, const ServiceSpec& taker) const {
  const RealSpec* real = rows.now ? find_real(*rows.now) : nullptr;
  if (real == nullptr || !takes_flows(*real)) return nullptr;
  const bool is_of_taker = std::any_of(taker.reals.begin(), taker.reals.end(),
                                       [&](const RealSpec& each) { return each.id == real->id; });
  return is_of_taker ? real : nullptr;
}

ReferenceModel::Expectation ReferenceModel::judge_forward(const In& in,
                                                          const ServiceSpec& service) {
  const Wire& wire = in.wire;
  const FlowKey key{{wire.source, wire.source_port},
                    {wire.destination, wire.destination_port},
                    wire.protocol,
                    service.flow_id};
  note_client(service, wire);
  if (wire.ttl <= 1) return judge_expired(in, wire.destination);
  Flow* flow = live_flow(key);
  if (flow == nullptr) return judge_new_flow(in, service, key);
  const RealSpec* real = find_real(flow->real);
  const bool starts_anew = flow->state == State::kClosing && wire.has_flag(kSyn);
  const RealSpec* named = named_real(in, service);
  if (named != nullptr && named->id != flow->real) {
    forget(key);
    return judge_new_flow(in, service, key);
  }
  if (real == nullptr || real->state == RealState::kDown ||
      (real->state == RealState::kDraining && starts_anew)) {
    forget(key);
    return judge_new_flow(in, service, key);
  }
  if (!real->resolved) {
    touch(*flow);
    return drop(DropReason::kNextHopUnresolved);
  }
  if (flow->source.port == 0 && !is_sctp_fragment(wire)) {
    if (const auto problem = learn_snat_port(in, service, key, *flow)) {
      return {.kind = "forward", .problem = *problem};
    }
  }
  return forwarded(in, *flow, service, *real);
}

ReferenceModel::Expectation ReferenceModel::judge_new_flow(const In& in, const ServiceSpec& service,
                                                           const FlowKey& key) {
  const Wire& wire = in.wire;
  // A reset of a flow that nobody knows begins nothing and is answered by nothing.
  // Nor does a fragment whose first one has found none.
  if (wire.has_flag(kRst) || wire.is_later) return drop(DropReason::kNoFlow);
  const RowReals rows = balancer_(service, key);
  const ServiceSpec* taker = taker_of(service);
  const RealSpec* real = real_before(wire, service, rows);
  const RealSpec* named = named_real(in, service);
  if (real == nullptr && taker == nullptr && named == nullptr) return judge_refusal(in, service);
  // A packet from one of our own addresses is forged, or a loop.
  if (role_of(wire.source) != Role::kNobody) return drop(DropReason::kMartianSource);
  if (named != nullptr) {
    real = named;
  } else {
    if (is_full(in, service)) return judge_refusal(in, service, DropReason::kConnectionLimit);
    if (const RealSpec* kept = client_real(service, wire)) real = kept;
    if (real == nullptr) real = real_now(rows, *taker);
    if (real == nullptr) return {.kind = "forward", .problem = kWrongRows};
    keep_client(service, wire, real->id);
  }
  Flow flow;
  flow.real = real->id;
  flow.real_socket = {real->address, real->port == 0 ? key.vip.port : real->port};
  // A real that is its own client (hairpin).
  const bool is_hairpin = service.mode == Mode::kNat && real->address == key.client.address;
  flow.mode = is_hairpin ? Mode::kFullnat : service.mode;
  flow.service = service.index;
  flow.state = service.protocol == Protocol::kUdp ? State::kOneWay : State::kEmbryonic;
  flow.worker = in.observed.worker;
  touch(flow);
  note_client_hop(flow, in);
  if (flow.mode == Mode::kNat) {
    flow.source = key.client;
    flow.return_id = real->return_flow_id;
    // Another VIP may have led this client's port to the same real: one connection there.
    const FlowKey* other = find_return(flow.real_socket, flow.source, key.protocol);
    if (other != nullptr) {
      const Flow& taken = flows_.at(*other);
      if (taken.state != State::kClosing && now_ <= taken.deadline) {
        return drop(DropReason::kNatTupleTaken);
      }
      forget(FlowKey(*other));
    }
  }
  if (!real->resolved) {
    add(key, flow);
    return drop(DropReason::kNextHopUnresolved);
  }
  // A fragment that cannot be translated shows no port.
  if (flow.mode == Mode::kFullnat && !is_sctp_fragment(wire)) {
    if (const auto problem = learn_snat_port(in, service, key, flow)) {
      return {.kind = "forward", .problem = *problem};
    }
  }
  add(key, flow);
  return forwarded(in, flows_.at(key), service, *real);
}

// The frame that leaves for the real shows which SNAT port was taken.
std::optional<std::string> ReferenceModel::learn_snat_port(const In& in, const ServiceSpec& service,
                                                           const FlowKey& key, Flow& flow) {
  if (in.observed.verdict.kind != "forward") return "expected forward";
  const PortEntry any{.mac = {}, .check_mac = false};
  const Wire out = read_frame(in.observed.frame, any);
  if (!out.faults.empty()) return "expected forward of a well-formed packet";
  const Socket source{out.source, out.source_port};
  bool is_of_the_pool = false;
  for (uint32_t i = 0; i < service.snat_count; ++i) {
    const SnatAddress& snat = spec_.snat_addresses[service.snat_first + i];
    is_of_the_pool |= snat.address == source.address && source.port >= snat.port_low &&
                      source.port <= snat.port_high;
  }
  if (!is_of_the_pool) return "expected a source of the service's SNAT pool";
  const FlowKey* holder = find_snat(flow.real_socket, source, key.protocol);
  if (holder != nullptr && *holder != key) {
    if (now_ <= flows_.at(*holder).deadline) {
      return "this SNAT port is another live flow's to the same real";
    }
    forget(FlowKey(*holder));
  }
  flow.source = source;
  if (flows_.contains(key)) index(key, flow);
  return std::nullopt;
}

ReferenceModel::Expectation ReferenceModel::forwarded(const In& in, Flow& flow,
                                                      const ServiceSpec& service,
                                                      const RealSpec& real) {
  Expectation expected{.kind = "forward", .port = real.out_port, .real = real.id};
  if (flow.worker != in.observed.worker) {
    expected.problem = "a flow's packets must all be one worker's";
  }
  if (service.protocol != Protocol::kUdp) follow_client(flow, in.wire);
  touch(flow);
  note_client_hop(flow, in);
  const bool has_ports_changed =
      flow.source.port != in.wire.source_port || flow.real_socket.port != in.wire.destination_port;
  if (is_sctp_fragment(in.wire) && has_ports_changed) return drop(DropReason::kSctpFragment);
  const PortEntry& port = spec_.ports[real.out_port];
  const LinkHeader link{real.next_hop, port.mac, port.vlan};
  expected.out = translate(in.frame, in.wire, link, flow.source, flow.real_socket, id_of(in));
  return expected;
}

// Whether the service has as many flows as it may. Those that have expired may still be counted,
// until the data plane finds them: then what it did decides.
bool ReferenceModel::is_full(const In& in, const ServiceSpec& service) const {
  const uint64_t most = service.admission.max_connections;
  if (most == 0) return false;
  const auto live =
      static_cast<uint64_t>(std::count_if(flows_.begin(), flows_.end(), [&](const auto& flow) {
        return flow.first.flow_id == service.flow_id;
      }));
  const auto expired = expired_.find(service.flow_id);
  const uint64_t lingering = expired == expired_.end() ? 0 : expired->second;
  const std::string_view told = in.observed.verdict.reason;
  const bool is_refused =
      told == to_string(DropReason::kConnectionLimit) || told == to_string(ReplyKind::kTcpReset) ||
      told == to_string(ReplyKind::kPortUnreachable) || told == to_string(ReplyKind::kSctpAbort) ||
      told == to_string(ReplyKind::kSctpShutdownComplete) ||
      told == to_string(DropReason::kRateLimited);
  return live >= most || (live + lingering >= most && is_refused);
}

ReferenceModel::Expectation ReferenceModel::judge_refusal(const In& in, const ServiceSpec& service,
                                                          DropReason reason) {
  const MacAddress& own = spec_.ports[in.port].mac;
  if (service.no_real == NoReal::kDrop) return drop(reason);
  // A reset would have to count what other fragments hold.
  const bool is_udp = service.protocol == Protocol::kUdp;
  if (in.wire.is_fragment && (!is_udp || in.wire.is_later)) return drop(reason);
  if (service.protocol == Protocol::kSctp) {
    auto answer = sctp_reply(in.frame, in.wire, own);
    if (!answer) return drop(reason);
    return limited_reply(in, answer->kind, 100'000, {std::move(answer->frame), {}});
  }
  if (service.protocol == Protocol::kTcp) {
    return limited_reply(in, ReplyKind::kTcpReset, 100'000,
                         {tcp_reset(in.frame, in.wire, own), {}});
  }
  return limited_reply(in, ReplyKind::kPortUnreachable, 1'000,
                       {port_unreachable(in.frame, in.wire, own), {}});
}

// RFC 1812 5.3.1, RFC 4443 3.3. Not to an address of ours: it would be forged, or a loop.
ReferenceModel::Expectation ReferenceModel::judge_expired(const In& in, const IpAddress& vip) {
  if (role_of(in.wire.source) != Role::kNobody || in.wire.is_later) {
    return drop(DropReason::kTtlExpired);
  }
  const PortEntry& port = spec_.ports[in.port];
  IpAddress source = vip;
  if (in.wire.is_v4() && port.address4 != Ipv4Address{}) source = port.address4;
  if (!in.wire.is_v4() && port.address6 != Ipv6Address{}) source = port.address6;
  return limited_reply(in, ReplyKind::kTimeExceeded, 1'000,
                       {time_exceeded(in.frame, in.wire, source, port.mac), {}});
}

ReferenceModel::Expectation ReferenceModel::judge_snat(const In& in) {
  const Socket snat{in.wire.destination, in.wire.destination_port};
  const Socket real{in.wire.source, in.wire.source_port};
  const FlowKey* found = find_snat(real, snat, in.wire.protocol);
  if (found == nullptr && in.observed.verdict.kind == "return") {
    learn_from_return(in);
    found = find_snat(real, snat, in.wire.protocol);
  }
  if (found != nullptr) return judge_return(in, *found);
  // Of a flow whose SNAT port was not seen yet; this answer does not show it either.
  const bool is_told = in.wire.ttl <= 1 && in.observed.verdict.reason != "no_flow";
  const FlowKey* unseen = is_told ? unseen_flow_of(real, in.wire.protocol) : nullptr;
  return unseen != nullptr ? judge_expired(in, unseen->vip.address) : drop(DropReason::kNoFlow);
}

const FlowKey* ReferenceModel::find_snat(const Socket& real, const Socket& source,
                                         uint8_t protocol) const {
  const auto found = by_return_.find({real, source, protocol});
  if (found == by_return_.end()) return nullptr;
  return flows_.at(found->second).mode == Mode::kFullnat ? &found->second : nullptr;
}

// A flow whose first packets found no next hop has a SNAT port that nobody has seen. A real may hit
// it all the same: one that answers to the same client's last flow, which had the same port.
void ReferenceModel::learn_from_return(const In& in) {
  const PortEntry any{.mac = {}, .check_mac = false};
  const Wire out = read_frame(in.observed.frame, any);
  if (!out.faults.empty()) return;
  if (out.is_later) {
    // It has no ports, but the datagram's first fragment has told the real's.
    const Socket real{in.wire.source, in.wire.source_port};
    for (auto& [key, flow] : flows_) {
      const bool is_its = key.client.address == out.destination && key.vip.address == out.source;
      const bool is_unseen = flow.mode == Mode::kFullnat && flow.source.port == 0;
      if (!is_its || !is_unseen || flow.real_socket != real || now_ > flow.deadline) continue;
      flow.source = {in.wire.destination, in.wire.destination_port};
      return index(key, flow);
    }
    return;
  }
  learn_snat_port_of(
      {{out.destination, out.destination_port}, {out.source, out.source_port}, out.protocol},
      {in.wire.source, in.wire.source_port}, {in.wire.destination, in.wire.destination_port});
}

// A live flow to the real, of which no SNAT port is known; null: there is none.
const FlowKey* ReferenceModel::unseen_flow_of(const Socket& real, uint8_t protocol) const {
  for (const auto& [key, flow] : flows_) {
    const bool is_unseen = flow.mode == Mode::kFullnat && flow.source.port == 0;
    if (is_unseen && flow.real_socket == real && key.protocol == protocol &&
        now_ <= flow.deadline) {
      return &key;
    }
  }
  return nullptr;
}

// Which service the flow began with, what was seen does not show: another one may have its port
// now.
void ReferenceModel::learn_snat_port_of(FlowKey key, const Socket& real, const Socket& source) {
  key.flow_id = 0;
  for (auto at = flows_.lower_bound(key); at != flows_.end(); ++at) {
    auto& [found, flow] = *at;
    if (found.client != key.client || found.vip != key.vip || found.protocol != key.protocol) {
      return;
    }
    const bool is_unseen = flow.mode == Mode::kFullnat && flow.source.port == 0;
    if (!is_unseen || flow.real_socket != real || now_ > flow.deadline) continue;
    flow.source = source;
    return index(found, flow);
  }
}

ReferenceModel::Expectation ReferenceModel::judge_return(const In& in, const FlowKey& key) {
  Flow& flow = flows_.at(key);
  if (now_ > flow.deadline) {
    const bool is_own = role_of(in.wire.destination) != Role::kNobody;
    if (flow.mode == Mode::kNat) {
      return is_own ? kernel(in, own_class(in)) : judge_transit(in, DropReason::kNoFlow);
    }
    return drop(DropReason::kNoFlow);
  }
  if (in.wire.ttl <= 1) return judge_expired(in, key.vip.address);
  Expectation expected{.kind = "return", .port = flow.client_port, .real = flow.real};
  if (flow.worker != in.observed.worker) {
    expected.problem = "a flow's packets must all be one worker's";
  }
  follow_real(flow, in.wire);
  touch(flow);
  const bool has_ports_changed =
      flow.source.port != key.client.port || flow.real_socket.port != key.vip.port;
  if (is_sctp_fragment(in.wire) && has_ports_changed) return drop(DropReason::kSctpFragment);
  LinkHeader link = flow.client_hop;
  link.source = spec_.ports[flow.client_port].mac;
  expected.out = translate(in.frame, in.wire, link, key.vip, key.client, id_of(in));
  return expected;
}

// Established when the client acknowledges after the real has answered; over when either side
// resets, or both have finished.
void ReferenceModel::follow_client(Flow& flow, const Wire& wire) const {
  if (wire.has_flag(kRst)) return set_state(flow, State::kClosing);
  if (wire.has_flag(kSyn)) {
    if (flow.state != State::kClosing) return;
    flow.return_seen = flow.client_fin = flow.real_fin = false;
    return set_state(flow, State::kEmbryonic);
  }
  if (wire.has_flag(kFin)) {
    flow.client_fin = true;
    if (flow.real_fin) return set_state(flow, State::kClosing);
  }
  if (flow.state == State::kEmbryonic && wire.has_flag(kAck) && flow.return_seen) {
    set_state(flow, State::kEstablished);
  }
}

void ReferenceModel::follow_real(Flow& flow, const Wire& wire) const {
  flow.return_seen = true;
  if (wire.kind == Kind::kUdp) {
    if (flow.state == State::kOneWay) set_state(flow, State::kReplied);
    return;
  }
  if (wire.has_flag(kRst)) return set_state(flow, State::kClosing);
  if (wire.has_flag(kFin)) {
    flow.real_fin = true;
    if (flow.client_fin) set_state(flow, State::kClosing);
  }
}

// In quarter seconds. A service that is gone gives its flows no more time.
uint64_t ReferenceModel::lifetime(const Flow& flow) const {
  const auto found = by_index_.find(flow.service);
  if (found == by_index_.end()) return 0;
  const FlowTimeouts& timeouts = found->second->timeouts;
  const auto of = [&](FlowState state) { return timeouts[static_cast<size_t>(state)]; };
  switch (flow.state) {
    case State::kClosing:
      return of(FlowState::kClosing);
    case State::kEmbryonic:
      return of(FlowState::kEmbryonic);
    case State::kOneWay:
      return of(FlowState::kOneWay);
    case State::kReplied:
      return of(FlowState::kReplied);
    case State::kEstablished:
      return of(FlowState::kEstablished);
  }
  return 0;
}

void ReferenceModel::touch(Flow& flow) const { flow.deadline = now_ + lifetime(flow); }

void ReferenceModel::set_state(Flow& flow, State state) const {
  flow.state = state;
  touch(flow);
}

// Returns go back to where the client's packets come from.
void ReferenceModel::note_client_hop(Flow& flow, const In& in) const {
  flow.client_hop = {in.wire.source_mac, {}, in.wire.tci};
  flow.client_port = in.port;
}

ReferenceModel::Flow* ReferenceModel::live_flow(const FlowKey& key) {
  const auto found = flows_.find(key);
  if (found == flows_.end()) return nullptr;
  if (now_ <= found->second.deadline) {
    return &found->second;
  }
  ++expired_[key.flow_id];
  forget(key);
  return nullptr;
}

void ReferenceModel::add(const FlowKey& key, Flow flow) {
  flows_[key] = flow;
  index(key, flow);
}

void ReferenceModel::index(const FlowKey& key, const Flow& flow) {
  if (flow.source.port == 0) return;
  by_return_[{flow.real_socket, flow.source, key.protocol}] = key;
}

void ReferenceModel::forget(const FlowKey& key) {
  const auto found = flows_.find(key);
  if (found == flows_.end()) return;
  const Flow& flow = found->second;
  const auto by_return = by_return_.find({flow.real_socket, flow.source, key.protocol});
  if (by_return != by_return_.end() && by_return->second == key) by_return_.erase(by_return);
  flows_.erase(found);
}

void ReferenceModel::forget_expired() {
  for (auto next = flows_.begin(); next != flows_.end();) {
    const auto flow = next++;
    if (now_ > flow->second.deadline) {
      ++expired_[flow->first.flow_id];
      forget(FlowKey(flow->first));
    }
  }
}

}  // namespace vipgate::test::model
