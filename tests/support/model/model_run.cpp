#include "tests/support/model/model_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "common/hash.h"

namespace vipgate::test::model {
namespace {

// So many that no flow is ever evicted: evictions are another test's.
constexpr size_t kFlows = 16'384;
constexpr size_t kFragments = 16'384;
// All that come: limits of connections need counters.
constexpr uint32_t kServices = 4096;

model::Verdict words(const vipgate::Verdict& verdict) {
  using Kind = vipgate::Verdict::Kind;
  switch (verdict.kind) {
    case Kind::kForward:
      return {verdict.is_return ? "return" : "forward", {}};
    case Kind::kDns:
      return {"dns", to_string(verdict.dns)};
    case Kind::kReply:
      return {"reply", to_string(verdict.reply)};
    case Kind::kKernel:
      return {"kernel", to_string(verdict.kernel)};
    case Kind::kDrop:
      return {"drop", to_string(verdict.drop)};
    case Kind::kHold:
      return {"hold", {}};
    case Kind::kMade:
      return {"made", {}};
    case Kind::kHandover:
      break;
  }
  return {"handover", {}};
}

std::string hex(const Bytes& frame) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : frame) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

uint32_t hash_of(const ServiceSpec& service, const FlowKey& key) {
  const Be16 client_port(key.client.port), vip_port(key.vip.port);
  if (service.hash == HashFields::kSource) {
    return key.client.address.is_v4()
               ? flow_hash_v4(key.client.address.v4(), Be16{}, Ipv4Address{}, Be16{}, 0)
               : flow_hash_v6(key.client.address.v6(), Be16{}, Ipv6Address{}, Be16{}, 0);
  }
  return key.client.address.is_v4() ? flow_hash_v4(key.client.address.v4(), client_port,
                                                   key.vip.address.v4(), vip_port, key.protocol)
                                    : flow_hash_v6(key.client.address.v6(), client_port,
                                                   key.vip.address.v6(), vip_port, key.protocol);
}

// The real that the flow's hash leads to: rows are equal on all gateways. None: no rows.
std::optional<RealId> real_by_rows(const Snapshot& snapshot, uint32_t service, uint32_t hash) {
  const ServiceEntry& entry = snapshot.service(service);
  if (entry.row_count == 0) return std::nullopt;
  return entry.reals[entry.rows[scale(hash, entry.row_count)]];
}

}  // namespace

ModelRun::ModelRun(std::function<uint32_t(uint32_t)> draw, uint32_t workers)
    : traffic_(std::move(draw)),
      workers_(workers),
      gateway_(traffic_spec(), {.workers = workers,
                                .flows = kFlows,
                                .fragments = kFragments,
                                .counted_services = kServices}),
      model_(gateway_.spec(), [this](const ServiceSpec& service, const FlowKey& key) {
        return rows_of(service, hash_of(service, key));
      }) {
  model_.set_time(gateway_.now().ns);
  note_published();
}

// Keeps the snapshot, and makes the one that there will be with what is coming.
void ModelRun::note_published() {
  Published& now = published_.emplace_back();
  now.snapshot = gateway_.shared_snapshot();
  for (const ServiceSpec& service : gateway_.spec().services) {
    if (service.drops_previous_rows) now.dropping.insert(service.flow_id);
  }
  SnapshotSpec later = gateway_.spec();
  uint32_t index = later.real_slots;
  later.real_slots += 4 * kPageSize;
  for (ServiceSpec& service : later.services) {
    std::erase_if(service.reals, [&](const RealSpec& real) {
      const bool takes_flows = real.state == RealState::kUp && real.weight != 0;
      return !takes_flows ||
             std::any_of(service.coming.begin(), service.coming.end(),
                         [&](const ComingReal& coming) {
                           return coming.address == real.address && coming.port == real.port;
                         });
    });
    for (const ComingReal& coming : service.coming) {
      RealSpec& real = service.reals.emplace_back();
      real.address = coming.address;
      real.port = coming.port;
      real.weight = coming.weight;
      real.id = RealId(index++, 1);
    }
  }
  later_ = SnapshotBuilder().build(later);
}

RowReals ModelRun::rows_of(const ServiceSpec& service, uint32_t hash) const {
  RowReals rows;
  const Snapshot& last = *published_.back().snapshot;
  rows.now = real_by_rows(last, service.index, hash);
  const Before before = before_of(service, hash);
  rows.before = before.real;
  if (!rows.now) return rows;
  const uint32_t count = last.service(service.index).row_count;
  const auto endpoint = [](const Snapshot& snapshot, RealId id) {
    const RealEntry& real = *snapshot.real(id);
    return std::pair(real.address, real.port.host());
  };
  const auto later = real_by_rows(*later_, service.index, hash);
  const bool has_moved = before.real && (before.rows != count || *before.real != *rows.now);
  rows.may_move = has_moved || later_->service(service.index).row_count != count ||
                  endpoint(last, *rows.now) != endpoint(*later_, *later);
  return rows;
}

// Follows one row through all that was published.
ModelRun::Before ModelRun::before_of(const ServiceSpec& service, uint32_t hash) const {
  Before before;
  if (service.protocol == Protocol::kUdp) return before;  // its packets do not tell
  for (size_t i = 1; i < published_.size(); ++i) {
    const Snapshot& old = *published_[i - 1].snapshot;
    const Snapshot& now = *published_[i].snapshot;
    const ServiceEntry& old_entry = old.service(service.index);
    const ServiceEntry& entry = now.service(service.index);
    if (old_entry.flow_id != service.flow_id || entry.flow_id != service.flow_id) continue;
    const bool drops = published_[i].dropping.contains(service.flow_id);
    const auto old_real = real_by_rows(old, service.index, hash);
    const auto real = real_by_rows(now, service.index, hash);
    const bool is_same_table =
        old.service_info(service.index).ring == now.service_info(service.index).ring;
    if (is_same_table || !old_real) {
      if (drops) before = {};
      continue;
    }
    const uint32_t rows = old_entry.row_count;
    const bool goes_on = !drops && before.real && real && before.rows == rows &&
                         entry.row_count == rows && *old_real == *real &&
                         now.real(*before.real) != nullptr;
    if (!goes_on) before = {old_real, rows};
  }
  return before;
}

void ModelRun::pass_time() {
  if (traffic_.one_in(1'500)) {
    gateway_.jump_seconds(5 * 3600.0);
  } else if (traffic_.one_in(150)) {
    gateway_.jump_seconds(1 + traffic_.below(70));
  } else {
    gateway_.pass_seconds(0.001 * traffic_.below(60));
  }
  model_.set_time(gateway_.now().ns);
  std::vector<Packet> none;
  judge_all(none, {});
}

void ModelRun::step() {
  const RandomTraffic::Arrival arrival = traffic_.arrival();
  std::vector<Packet> packets;
  for (const Bytes& frame : arrival.frames) {
    packets.push_back({frame, arrival.port, model_.admit(frame, arrival.port)});
  }
  const auto outcomes = gateway_.send_burst(arrival.frames, arrival.port, traffic_.below(workers_));
  packets_ += arrival.frames.size();
  judge_all(packets, outcomes);
  if (testing::Test::HasFatalFailure()) return;
  pass_time();
  if (testing::Test::HasFatalFailure()) return;
  if (traffic_.one_in(20)) {
    traffic_.change(gateway_.spec());
    gateway_.publish();
    model_.publish(gateway_.spec());
    note_published();
  }
}

// In the order in which the workers came to their verdicts: those of this burst, and of packets
// that were held until now.
void ModelRun::judge_all(std::vector<Packet>& packets, const std::vector<Outcome>& outcomes) {
  std::map<uint64_t, std::pair<Packet, Outcome>> in_order;
  for (size_t i = 0; i < packets.size(); ++i) {
    in_order.emplace(outcomes[i].place, std::pair(packets[i], outcomes[i]));
  }
  for (const Outcome& outcome : gateway_.take_settled()) {
    const auto held = held_.extract(outcome.mbuf);
    ASSERT_FALSE(held.empty());
    in_order.emplace(outcome.place, std::pair(held.mapped(), outcome));
  }
  for (const auto& [place, each] : in_order) {
    ASSERT_NO_FATAL_FAILURE(judge(each.first, each.second));
    if (each.second.is_held()) held_[each.second.mbuf] = each.first;
  }
  ASSERT_EQ(held_.size(), gateway_.held());
  for (const auto& [mbuf, packet] : held_) {
    // A step of the clock at a time, a tenth of a second, may pass before it is looked for.
    ASSERT_GE(packet.admission->deadline_ns, gateway_.now().ns) << "held for too long";
  }
}

void ModelRun::judge(const Packet& packet, const Outcome& outcome) {
  const Bytes& frame = packet.frame;
  Observed observed{.verdict = words(outcome.verdict),
                    .worker = outcome.worker,
                    .port = outcome.port,
                    .real = {},
                    .frame = outcome.frame};
  if (outcome.is_forward()) observed.real = outcome.verdict.real;
  std::string wrong = model_.judge(frame, packet.port, *packet.admission, observed);
  // By a second implementation that knows nothing of the model.
  if (wrong.empty() && outcome.queue == Outcome::Queue::kTransmit && checksums_ok(frame) &&
      !checksums_ok(outcome.frame)) {
    wrong = "right checksums came in, and wrong ones went out";
  }
  ASSERT_EQ(wrong, "") << "port " << int{packet.port} << " of " << workers_ << " workers:\n  in    "
                       << describe(frame) << "\n        " << hex(frame) << "\n  model " << wrong
                       << "\n  code  " << to_string(outcome) << "\n        " << hex(outcome.frame);
  if (outcome.is_forward()) traffic_.note_forwarded(outcome);
}

void ModelRun::finish() {
  gateway_.pass_seconds(2);
  model_.set_time(gateway_.now().ns);
  std::vector<Packet> none;
  ASSERT_NO_FATAL_FAILURE(judge_all(none, {}));
  ASSERT_TRUE(held_.empty());
  gateway_.check_counters();
  for (const auto event : {Event::kFlowsEvictedClosing, Event::kFlowsEvictedEmbryonic,
                           Event::kFlowsEvictedEstablished}) {
    ASSERT_EQ(gateway_.count(event), 0u) << "the table is large enough for all flows";
  }
  const auto& tally = model_.tally();
  const auto expect_counted = [&](std::string_view kind, auto reason) {
    const auto found = tally.find({kind, to_string(reason)});
    EXPECT_EQ(gateway_.count(reason), found == tally.end() ? 0 : found->second)
        << kind << " " << to_string(reason);
  };
  const auto expect_all = [&]<class Reason>(std::string_view kind, Reason) {
    for (size_t i = 0; i < kCountOf<Reason>; ++i) expect_counted(kind, static_cast<Reason>(i));
  };
  expect_all("drop", DropReason{});
  expect_all("reply", ReplyKind{});
  expect_all("kernel", KernelReason{});
  expect_all("dns", DnsOutcome{});
  const auto forwarded = [&](std::string_view kind) {
    const auto found = tally.find({kind, {}});
    return found == tally.end() ? 0 : found->second;
  };
  EXPECT_EQ(gateway_.count(Event::kForwardPackets), forwarded("forward"));
  EXPECT_EQ(gateway_.count(Event::kReturnPackets), forwarded("return"));
  EXPECT_EQ(gateway_.count(Event::kRxPackets), packets_);
}

}  // namespace vipgate::test::model
