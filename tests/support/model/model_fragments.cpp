// The model's fragments: which datagram they belong to, and whether they wait for its first one.
#include <algorithm>

#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {
namespace {

constexpr uint64_t kHoldNs = 1'000'000'000;
constexpr uint64_t kFollowNs = 5'000'000'000;

}  // namespace

// Whether a fragment may belong to a flow, so that it follows the first one of its datagram.
bool ReferenceModel::is_followed(const Wire& wire) const {
  if (!wire.faults.empty() || !wire.is_fragment || wire.kind == Kind::kOther) return false;
  const Role role = role_of(wire.destination);
  if (role == Role::kVip || role == Role::kSnat) return true;
  const auto& bytes = wire.destination.bytes();
  const bool is_on_link =
      !wire.is_v4() && (bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80));
  if (role != Role::kNobody || is_on_link) return false;
  // From a real of a `nat` service of this family, perhaps.
  return std::any_of(spec_.services.begin(), spec_.services.end(), [&](const ServiceSpec& each) {
    return std::any_of(each.reals.begin(), each.reals.end(), [&](const RealSpec& real) {
      return real.return_flow_id != 0 && real.address.is_v4() == wire.is_v4();
    });
  });
}

std::shared_ptr<Admission> ReferenceModel::admit(const Bytes& frame, uint8_t port) {
  using Fate = Admission::Fate;
  auto admission = std::make_shared<Admission>();
  const Wire wire = read_frame(frame, spec_.ports[port]);
  if (!is_followed(wire)) return admission;
  const uint8_t protocol = wire.is_v4() ? wire.protocol : 0;
  auto& state = datagrams_[{wire.source, wire.destination, wire.fragment_id, protocol}];
  if (state.known != nullptr && ns_ > state.deadline_ns) state = {};
  admission->offset = wire.fragment_offset;
  if (wire.is_later) {
    if (state.known != nullptr) {
      admission->datagram = state.known;
      admission->fate =
          wire.fragment_offset < state.first_length ? Fate::kOverlaps : Fate::kFollows;
    } else {
      admission->fate = Fate::kHeld;
      admission->deadline_ns = ns_ + kHoldNs;
      state.waiting.push_back(admission);
    }
    return admission;
  }
  // The same first fragment again, as the network may double it, or another datagram's.
  const bool is_repeated = state.known != nullptr && state.known->source_port == wire.source_port &&
                           state.known->destination_port == wire.destination_port &&
                           state.known->protocol == wire.protocol;
  if (!is_repeated) {
    state.known = std::make_shared<Datagram>(
        Datagram{wire.source_port, wire.destination_port, wire.protocol, {}});
  }
  state.first_length = wire.fragment_length;
  state.deadline_ns = ns_ + kFollowNs;
  for (const auto& waiting : std::exchange(state.waiting, {})) {
    if (waiting->deadline_ns < ns_) continue;  // it was dropped
    waiting->datagram = state.known;
    waiting->fate = waiting->offset < state.first_length ? Fate::kOverlaps : Fate::kFollows;
  }
  admission->datagram = state.known;
  admission->fate = Fate::kFollows;
  return admission;
}

// A datagram gets an id of its own where its addresses change: which, shows its first fragment that
// comes out.
uint32_t ReferenceModel::id_of(const In& in) {
  if (in.datagram == nullptr) return 0;
  if (!in.datagram->id) in.datagram->id = fragment_id_of(in.observed.frame);
  return *in.datagram->id;
}

}  // namespace vipgate::test::model
