// The model's ICMP errors about flows (RFC 5508 4.2).
#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {
namespace {

// What an error about a flow must not be.
std::vector<std::string_view> faults_of(const Bytes& frame, const Wire& wire) {
  std::vector<std::string_view> faults;
  const auto fault = [&](DropReason reason) { faults.push_back(to_string(reason)); };
  if (wire.source == parse_ip_address("::").value()) fault(DropReason::kMartianSource);
  if (!icmp_checksum_ok(frame, wire)) fault(DropReason::kBadIcmpChecksum);
  if (wire.ttl <= 1) fault(DropReason::kTtlExpired);
  return faults;
}

}  // namespace

// None: the error is no flow's, nor would it be.
std::optional<ReferenceModel::Expectation> ReferenceModel::judge_error(const In& in) {
  const Role role = role_of(in.wire.destination);
  if (role == Role::kDns) return std::nullopt;
  const QuotedPacket quote = read_quote(in.frame, in.wire);
  const bool is_vip_or_snat = role == Role::kVip || role == Role::kSnat;
  if (!quote.faults.empty()) {
    if (!is_vip_or_snat) return std::nullopt;
    Expectation expected{.kind = "drop"};
    for (const DropReason reason : quote.faults) expected.reasons.push_back(to_string(reason));
    return expected;
  }
  if (role == Role::kVip) {
    const ServiceSpec* service = find_service(quote.source, quote.protocol);
    if (service == nullptr) return drop(DropReason::kIcmpErrorNoFlow);
    return judge_error_to_real(in, quote, *service);
  }
  if (role == Role::kSnat) {
    const FlowKey* found = find_snat(quote.destination, quote.source, quote.protocol);
    if (found == nullptr && in.observed.verdict.kind == "return") {
      // As in learn_from_return(): what went out shows whose port it is.
      const PortEntry any{.mac = {}, .check_mac = false};
      const QuotedPacket out = read_quote(in.observed.frame, read_frame(in.observed.frame, any));
      if (out.faults.empty()) {
        learn_snat_port_of({out.source, out.destination, out.protocol}, quote.destination,
                           quote.source);
        found = find_snat(quote.destination, quote.source, quote.protocol);
      }
    }
    if (found == nullptr) {
      // What is wrong with it counts only if it is a flow's, which may be one that is not seen yet.
      Expectation expected = drop(DropReason::kIcmpErrorNoFlow);
      if (unseen_flow_of(quote.destination, quote.protocol) != nullptr) {
        for (const auto fault : faults_of(in.frame, in.wire)) expected.reasons.push_back(fault);
      }
      return expected;
    }
    if (now_ > flows_.at(*found).deadline) return drop(DropReason::kIcmpErrorNoFlow);
    return judge_error_to_client(in, *found);
  }
  if (!is_nat_real(quote.destination, quote.protocol)) return std::nullopt;
  const FlowKey* flow = find_return(quote.destination, quote.source, quote.protocol);
  if (flow != nullptr && now_ <= flows_.at(*flow).deadline) return judge_error_to_client(in, *flow);
  if (role == Role::kNobody) return drop(DropReason::kIcmpErrorNoFlow);
  return std::nullopt;
}

// From the client's side, about what the VIP sent.
ReferenceModel::Expectation ReferenceModel::judge_error_to_real(const In& in,
                                                                const QuotedPacket& quote,
                                                                const ServiceSpec& service) {
  const auto faults = faults_of(in.frame, in.wire);
  if (!faults.empty()) return {.kind = "drop", .reasons = faults};
  const FlowKey key{quote.destination, quote.source, quote.protocol, service.flow_id};
  Flow* flow = live_flow(key);
  const RealSpec* real = flow == nullptr ? nullptr : find_real(flow->real);
  if (real == nullptr || real->state == RealState::kDown) {
    return drop(DropReason::kIcmpErrorNoFlow);
  }
  if (!real->resolved) return drop(DropReason::kNextHopUnresolved);
  Expectation expected{.kind = "forward", .port = real->out_port, .real = real->id};
  if (flow->source.port == 0) {
    // Its SNAT port was not seen yet; the quote shows it.
    if (in.observed.verdict.kind != "forward") return expected;
    const PortEntry any{.mac = {}, .check_mac = false};
    const QuotedPacket out = read_quote(in.observed.frame, read_frame(in.observed.frame, any));
    if (!out.faults.empty()) {
      expected.problem = "expected a well-formed quote";
      return expected;
    }
    learn_snat_port_of(key, flow->real_socket, out.destination);
  }
  if (flow->worker != in.observed.worker) {
    expected.problem = "a flow's errors must be its worker's";
  }
  const PortEntry& port = spec_.ports[real->out_port];
  const LinkHeader link{real->next_hop, port.mac, port.vlan};
  const bool is_fullnat = flow->mode == Mode::kFullnat;
  expected.out =
      translate_error(in.frame, in.wire, link, is_fullnat ? flow->source.address : in.wire.source,
                      flow->real_socket.address, flow->real_socket, flow->source);
  return expected;
}

// From the real's side, about what the client sent.
ReferenceModel::Expectation ReferenceModel::judge_error_to_client(const In& in,
                                                                  const FlowKey& key) {
  const auto faults = faults_of(in.frame, in.wire);
  if (!faults.empty()) return {.kind = "drop", .reasons = faults};
  const Flow& flow = flows_.at(key);
  Expectation expected{.kind = "return", .port = flow.client_port, .real = flow.real};
  if (flow.worker != in.observed.worker) {
    expected.problem = "a flow's errors must be its worker's";
  }
  LinkHeader link = flow.client_hop;
  link.source = spec_.ports[flow.client_port].mac;
  expected.out = translate_error(in.frame, in.wire, link, key.vip.address, key.client.address,
                                 key.client, key.vip);
  return expected;
}

}  // namespace vipgate::test::model
