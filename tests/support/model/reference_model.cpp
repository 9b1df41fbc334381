#include "tests/support/model/reference_model.h"

#include <algorithm>

namespace vipgate::test::model {
namespace {

constexpr uint64_t kNanosecondsPerQuarter = 250'000'000;

bool is_link_local_or_group(const IpAddress& address) {
  if (address.is_v4()) return false;
  const auto& bytes = address.bytes();
  return bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

std::string join(std::string_view kind, std::string_view reason) {
  return std::string(kind) + (reason.empty() ? "" : " ") + std::string(reason);
}

}  // namespace

ReferenceModel::ReferenceModel(const SnapshotSpec& spec, Balancer balancer)
    : balancer_(std::move(balancer)) {
  publish(spec);
}

void ReferenceModel::publish(const SnapshotSpec& spec) {
  spec_ = spec;
  roles_.clear();
  by_index_.clear();
  reals_.clear();
  for (const OwnAddress& own : spec_.own) {
    roles_[own.address] = own.kernel ? Role::kOwnKernel : Role::kOwn;
  }
  for (const IpAddress& address : spec_.dns_listen) roles_[address] = Role::kDns;
  for (const SnatAddress& snat : spec_.snat_addresses) roles_[snat.address] = Role::kSnat;
  for (const ServiceSpec& service : spec_.services) {
    if (service.extent.prefix_length == 0) roles_[service.vip] = Role::kVip;
    by_index_[service.index] = &service;
    for (const RealSpec& real : service.reals) reals_[real.id.index()] = &real;
  }
}

void ReferenceModel::set_time(uint64_t ns) {
  ns_ = ns;
  const uint64_t quarter = ns / kNanosecondsPerQuarter;
  if (quarter == now_) return;
  now_ = quarter;
  forget_expired();
}

std::string ReferenceModel::judge(const Bytes& frame, uint8_t port, const Admission& admission,
                                  const Observed& observed) {
  using Fate = Admission::Fate;
  Wire wire = read_frame(frame, spec_.ports[port]);
  if (admission.datagram != nullptr) {
    wire.source_port = admission.datagram->source_port;
    wire.destination_port = admission.datagram->destination_port;
    wire.protocol = admission.datagram->protocol;
    wire.kind = kind_of(wire.protocol);
  }
  const In in{frame, port, wire, observed, admission.datagram.get()};
  if (observed.verdict.kind == "hold") {
    return admission.fate == Fate::kHeld ? "" : "expected a fragment that is not held";
  }
  Expectation expected;
  if (admission.fate == Fate::kHeld) {
    expected = drop(DropReason::kFragmentTimeout);
    if (ns_ <= admission.deadline_ns) expected.problem = "expected a fragment that is still held";
  } else if (admission.fate == Fate::kOverlaps) {
    expected = drop(DropReason::kFragmentOverlap);
  } else if (wire.faults.empty()) {
    expected = judge_packet(in);
  } else {
    expected.kind = "drop";
    for (const DropReason reason : wire.faults) expected.reasons.push_back(to_string(reason));
  }
  std::string wrong = compare(in, expected);
  if (wrong.empty()) ++tally_[observed.verdict];
  return wrong;
}

std::string ReferenceModel::compare(const In& in, const Expectation& expected) const {
  if (!expected.problem.empty()) return expected.problem;
  const Observed& observed = in.observed;
  const auto& reasons = expected.reasons;
  const bool is_reason = reasons.empty() ? observed.verdict.reason.empty()
                                         : std::find(reasons.begin(), reasons.end(),
                                                     observed.verdict.reason) != reasons.end();
  if (observed.verdict.kind != expected.kind || !is_reason) {
    std::string text = "expected " + join(expected.kind, reasons.empty() ? "" : reasons[0]);
    for (size_t i = 1; i < reasons.size(); ++i) text += " or " + std::string(reasons[i]);
    if (expected.out) text += "; " + describe(expected.out->frame);
    return text;
  }
  if (expected.port && *expected.port != observed.port) {
    return "expected port " + std::to_string(*expected.port);
  }
  if (expected.real && expected.real != observed.real) {
    return "expected the real with index " + std::to_string(expected.real->index());
  }
  if (expected.out && !is_same(*expected.out, observed.frame)) {
    std::string text = "expected " + describe(expected.out->frame);
    const Bytes& wanted = expected.out->frame;
    for (size_t i = 0; i < std::max(wanted.size(), observed.frame.size()); ++i) {
      if (i < wanted.size() && i < observed.frame.size() && wanted[i] == observed.frame[i])
        continue;
      return text + ", which differs at byte " + std::to_string(i);
    }
    return text;
  }
  const bool is_left_alone = expected.kind == "drop" || expected.kind == "kernel";
  if (is_left_alone && observed.frame != in.frame) return "what is not sent must stay as it came";
  return {};
}

ReferenceModel::Expectation ReferenceModel::judge_packet(const In& in) {
  if (in.wire.kind == Kind::kArp) return judge_arp(in);
  if (in.wire.kind == Kind::kIcmp) return judge_icmp(in);
  if (in.wire.kind == Kind::kOther) return judge_unserved(in);
  if (in.wire.is_fragment && in.datagram == nullptr) return judge_unserved(in);
  switch (role_of(in.wire.destination)) {
    case Role::kVip:
      return judge_vip(in);
    case Role::kSnat:
      return judge_snat(in);
    case Role::kDns:
      return judge_dns(in);
    case Role::kNobody:
    case Role::kOwn:
    case Role::kOwnKernel:
      break;
  }
  const Socket from{in.wire.source, in.wire.source_port};
  if (!is_nat_real(from, in.wire.protocol)) return judge_unserved(in);
  const FlowKey* flow =
      find_return(from, {in.wire.destination, in.wire.destination_port}, in.wire.protocol);
  if (flow != nullptr) return judge_return(in, *flow);
  if (role_of(in.wire.destination) != Role::kNobody) return kernel(in, own_class(in));
  return judge_transit(in, DropReason::kNoFlow);
}

// To nobody; by a port of reals, the gateway is taken for a router.
ReferenceModel::Expectation ReferenceModel::judge_transit(const In& in, DropReason otherwise) {
  const auto is_in = [](const IpAddress& address, std::initializer_list<const char*> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* prefix) {
      return parse_ip_prefix(prefix)->contains(address);
    });
  };
  for (const IpAddress& address : {in.wire.source, in.wire.destination}) {
    if (is_in(address, {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127",
                        "fe80::/10", "ff00::/8"})) {
      return drop(otherwise);
    }
  }
  if ((spec_.transit_ports >> in.port & 1) == 0) return drop(otherwise);
  if (role_of(in.wire.source) != Role::kNobody) return drop(DropReason::kMartianSource);
  if (!spec_.transit_to_kernel) return drop(DropReason::kTransit);
  return kernel(in, KernelReason::kTransit);
}

ReferenceModel::Expectation ReferenceModel::judge_arp(const In& in) {
  const size_t arp = in.wire.l3;
  if (get16(in.frame, arp) != 1 || get16(in.frame, arp + 2) != 0x0800 ||
      get16(in.frame, arp + 4) != 0x0604) {
    return drop(DropReason::kBadIpHeader);
  }
  const IpAddress target = Ipv4Address{Be32(get32(in.frame, arp + 24))};
  const uint16_t operation = get16(in.frame, arp + 6);
  if (operation == 1 && is_answered(target)) {
    return reply(in, ReplyKind::kArp, {arp_reply(in.frame, in.wire, spec_.ports[in.port].mac), {}});
  }
  if (operation != 2 && role_of(target) == Role::kNobody) return drop(DropReason::kNotForUs);
  return kernel(in, KernelReason::kArp);
}

ReferenceModel::Expectation ReferenceModel::judge_icmp(const In& in) {
  const MacAddress& own = spec_.ports[in.port].mac;
  const uint8_t type = in.frame[in.wire.l4];
  if (!in.wire.is_v4()) {
    const auto asked = solicited_address(in.frame, in.wire);
    if (asked && is_answered(*asked)) {
      return reply(in, ReplyKind::kNeighborAdvertisement,
                   {neighbor_advertisement(in.frame, in.wire, own), {}});
    }
    if (type >= 133 && type <= 137) return kernel(in, KernelReason::kNeighborDiscovery);
  }
  if (is_icmp_error(in.frame, in.wire)) {
    if (const auto about_a_flow = judge_error(in)) return *about_a_flow;
  }
  if (!is_answered(in.wire.destination)) return judge_unserved(in);
  if (type != (in.wire.is_v4() ? 8 : 128) || in.frame[in.wire.l4 + 1] != 0) {
    return drop(DropReason::kIcmpNotHandled);
  }
  if (in.wire.source == parse_ip_address("::").value()) return drop(DropReason::kMartianSource);
  return limited_reply(in, ReplyKind::kEcho, 10'000, echo_reply(in.frame, in.wire, own));
}

// By what it shows of itself: a later fragment has no port, and destination options may hide even
// what it carries.
bool ReferenceModel::is_piece_of_question(const Wire& wire) {
  if (!wire.is_fragment) return false;
  if (wire.is_later) {
    return wire.protocol == 6 || wire.protocol == 17 || (!wire.is_v4() && wire.protocol == 60);
  }
  return (wire.protocol == 6 || wire.protocol == 17) && wire.destination_port == 53;
}

// To an address that serves nothing of this kind.
ReferenceModel::Expectation ReferenceModel::judge_unserved(const In& in) {
  switch (role_of(in.wire.destination)) {
    case Role::kOwn:
    case Role::kOwnKernel:
      return kernel(in, own_class(in));
    case Role::kNobody:
      if (is_link_local_or_group(in.wire.destination) ||
          is_routing_group(in.wire.destination, in.wire.protocol)) {
        const bool is_routing = own_class(in) == KernelReason::kRouting;
        return kernel(in, is_routing ? KernelReason::kRouting : KernelReason::kLinkLocal);
      }
      return judge_transit(in, DropReason::kNotForUs);
    case Role::kVip:
    case Role::kSnat:
    case Role::kDns:
      break;
  }
  // The kernel puts questions together. An echo must be whole.
  if (role_of(in.wire.destination) == Role::kDns && is_piece_of_question(in.wire)) {
    return kernel(in, KernelReason::kDnsFragment);
  }
  if (in.wire.is_fragment) return drop(DropReason::kFragment);
  static constexpr uint8_t kExtensions[] = {51, 135, 139, 140};
  const bool is_extension =
      !in.wire.is_v4() &&
      std::count(std::begin(kExtensions), std::end(kExtensions), in.wire.protocol) != 0;
  return drop(is_extension ? DropReason::kIpv6ExtensionHeader : DropReason::kUnsupportedProtocol);
}

ReferenceModel::Expectation ReferenceModel::judge_vip(const In& in) {
  const ServiceSpec* service =
      find_service({in.wire.destination, in.wire.destination_port}, in.wire.protocol);
  if (service == nullptr) return drop(DropReason::kPortNotServed);
  return service->mode == Mode::kL2dsr ? judge_direct(in, *service) : judge_forward(in, *service);
}

// The responder has tests of its own: here, that what it says goes back whole, to whom asked.
ReferenceModel::Expectation ReferenceModel::judge_dns(const In& in) {
  if (in.wire.kind == Kind::kTcp && in.wire.destination_port == 53) {
    return kernel(in, KernelReason::kDns);
  }
  if (in.wire.kind != Kind::kUdp || in.wire.destination_port != 53) {
    return drop(DropReason::kPortNotServed);
  }
  if (!in.wire.is_v4() && in.wire.l4 != in.wire.l3 + 40) {
    return kernel(in, KernelReason::kDnsFragment);
  }
  if (!udp_checksum_ok(in.frame, in.wire)) return drop(DropReason::kBadUdpChecksum);
  const bool is_from_service = in.wire.source_port < 1024 && roles_.contains(in.wire.source);
  if (in.wire.source == in.wire.destination || is_from_service) {
    return drop(DropReason::kMartianSource);
  }
  const Verdict& verdict = in.observed.verdict;
  if (verdict.kind == "drop") {
    return {.kind = "drop", .reasons = {"dns_response", "dns_too_short", "dns_source_port"}};
  }
  Expectation expected{.kind = "dns", .reasons = {verdict.reason}, .port = in.port};
  if (verdict.kind != "dns") return expected;
  const Bytes& out = in.observed.frame;
  const PortEntry any{.mac = {}, .check_mac = false};
  const Wire answer = read_frame(out, any);
  const bool is_right =
      answer.faults.empty() && answer.kind == Kind::kUdp && checksums_ok(out) &&
      answer.source == in.wire.destination && answer.destination == in.wire.source &&
      answer.source_port == 53 && answer.destination_port == in.wire.source_port &&
      answer.destination_mac == in.wire.source_mac && answer.tci == in.wire.tci &&
      answer.source_mac == spec_.ports[in.port].mac && answer.end == out.size() &&
      answer.end - answer.l4 >= 20 && get16(out, answer.l4 + 4) == answer.end - answer.l4 &&
      get16(out, answer.l4 + 8) == get16(in.frame, in.wire.l4 + 8) &&  // the message's id
      (out[answer.l4 + 10] & 0x80) != 0;
  if (!is_right) expected.problem = "expected a whole DNS response to whom asked";
  return expected;
}

KernelReason ReferenceModel::own_class(const In& in) {
  const auto is_one_of = [](uint16_t number, std::initializer_list<uint16_t> numbers) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
  };
  const Wire& wire = in.wire;
  if (is_one_of(wire.protocol, {1, 58})) return KernelReason::kIcmp;
  if (is_one_of(wire.protocol, {89, 103, 112})) return KernelReason::kRouting;
  if (wire.is_later) return KernelReason::kOwnAddress;
  const bool is_bgp =
      wire.protocol == 6 && (wire.source_port == 179 || wire.destination_port == 179);
  const bool is_bfd = wire.protocol == 17 && is_one_of(wire.destination_port, {3784, 3785, 4784});
  return is_bgp || is_bfd ? KernelReason::kRouting : KernelReason::kOwnAddress;
}

ReferenceModel::Expectation ReferenceModel::kernel(const In& in, KernelReason reason) const {
  if (!spec_.ports[in.port].kernel) return drop(DropReason::kNoKernelPath);
  return {.kind = "kernel", .reasons = {to_string(reason)}, .port = in.port};
}

ReferenceModel::Expectation ReferenceModel::reply(const In& in, ReplyKind kind, WireOut out) const {
  return {.kind = "reply", .reasons = {to_string(kind)}, .port = in.port, .out = std::move(out)};
}

// A worker answers `per_second` times in a second, and a tenth of that at once after a pause. How
// it counts is its own business: refusing is right when that much was answered within a second.
ReferenceModel::Expectation ReferenceModel::limited_reply(const In& in, ReplyKind kind,
                                                          uint32_t per_second, WireOut out) {
  auto& times = answers_[{kind, in.observed.worker}].times;
  while (!times.empty() && times.front() + 1'000'000'000 <= ns_) times.pop_front();
  if (in.observed.verdict == Verdict{"drop", to_string(DropReason::kRateLimited)} &&
      times.size() + 1 >= per_second / 10) {
    return drop(DropReason::kRateLimited);
  }
  Expectation expected = reply(in, kind, std::move(out));
  if (times.size() >= per_second + per_second / 10) {
    expected.problem = "more answers than the limit allows";
  }
  times.push_back(ns_);
  return expected;
}

ReferenceModel::Role ReferenceModel::role_of(const IpAddress& address) const {
  const auto found = roles_.find(address);
  if (found != roles_.end()) return found->second;
  const bool is_in_prefix =
      std::any_of(spec_.services.begin(), spec_.services.end(), [&](const ServiceSpec& service) {
        const int length = service.extent.prefix_length;
        return length != 0 && IpPrefix{service.vip, length}.contains(address);
      });
  return is_in_prefix ? Role::kVip : Role::kNobody;
}

const ServiceSpec* ReferenceModel::find_service(const Socket& vip, uint8_t protocol) const {
  // The longer the prefix and the fewer the ports, the better.
  const ServiceSpec* best = nullptr;
  std::pair<int, int> rank;
  for (const ServiceSpec& service : spec_.services) {
    const auto [port_last, prefix_length] = service.extent;
    const int length = prefix_length == 0 ? vip.address.bits() : prefix_length;
    const uint16_t last = port_last == 0 ? service.port : port_last;
    if (static_cast<uint8_t>(service.protocol) != protocol || vip.port < service.port ||
        vip.port > last || !IpPrefix{service.vip, length}.contains(vip.address)) {
      continue;
    }
    const std::pair<int, int> own{length, service.port - last};
    if (best != nullptr && own <= rank) continue;
    best = &service;
    rank = own;
  }
  return best;
}

// Whether the gateway itself, not its kernel, answers for the address.
bool ReferenceModel::is_answered(const IpAddress& address) const {
  const Role role = role_of(address);
  return role != Role::kNobody && role != Role::kOwnKernel;
}

bool ReferenceModel::is_nat_real(const Socket& socket, uint8_t protocol) const {
  for (const ServiceSpec& service : spec_.services) {
    if (static_cast<uint8_t>(service.protocol) != protocol) continue;
    for (const RealSpec& real : service.reals) {
      const bool is_same_port = real.port == 0 || real.port == socket.port;
      if (real.return_flow_id != 0 && real.address == socket.address && is_same_port) return true;
    }
  }
  return false;
}

const FlowKey* ReferenceModel::find_return(const Socket& real, const Socket& source,
                                           uint8_t protocol) const {
  const auto found = by_return_.find({real, source, protocol});
  if (found == by_return_.end()) return nullptr;
  const uint32_t id = flows_.at(found->second).return_id;
  for (const ServiceSpec& service : spec_.services) {
    if (static_cast<uint8_t>(service.protocol) != protocol) continue;
    for (const RealSpec& each : service.reals) {
      const bool is_same_port = each.port == 0 || each.port == real.port;
      if (each.return_flow_id == id && each.address == real.address && is_same_port) {
        return &found->second;
      }
    }
  }
  return nullptr;
}

const RealSpec* ReferenceModel::find_real(RealId id) const {
  const auto found = reals_.find(id.index());
  return found != reals_.end() && found->second->id == id ? found->second : nullptr;
}

}  // namespace vipgate::test::model
