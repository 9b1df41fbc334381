#include "tests/support/model/model_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <tuple>

#include "common/hash.h"

namespace vipgate::test::model {
namespace {

// So many that no flow is ever evicted: evictions are another test's.
constexpr size_t kFlows = 16'384;

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

// The row of the service's Maglev table that the flow's hash names: both are the snapshot's, and
// equal on all gateways.
RealId real_by_rows(const Snapshot& snapshot, const ServiceSpec& service, const FlowKey& key) {
  const ServiceEntry& entry = snapshot.service(service.index);
  const Be16 client_port(key.client.port), vip_port(key.vip.port);
  const uint32_t hash = key.client.address.is_v4()
                            ? flow_hash_v4(key.client.address.v4(), client_port,
                                           key.vip.address.v4(), vip_port, key.protocol)
                            : flow_hash_v6(key.client.address.v6(), client_port,
                                           key.vip.address.v6(), vip_port, key.protocol);
  return entry.reals[entry.rows[scale(hash, entry.row_count)]];
}

bool is_icmp(const Bytes& frame) {
  const PortEntry any{.mac = {}, .check_mac = false};
  return read_frame(frame, any).kind == Kind::kIcmp;
}

}  // namespace

ModelRun::ModelRun(std::function<uint32_t(uint32_t)> draw, uint32_t workers)
    : traffic_(std::move(draw)),
      workers_(workers),
      gateway_(traffic_spec(), {.workers = workers, .flows = kFlows}),
      model_(gateway_.spec(), [this](const ServiceSpec& service, const FlowKey& key) {
        return real_by_rows(gateway_.snapshot(), service, key);
      }) {
  model_.set_time(gateway_.now().ns);
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
}

void ModelRun::step() {
  const RandomTraffic::Arrival arrival = traffic_.arrival();
  const uint32_t worker = traffic_.below(workers_);
  const auto outcomes = gateway_.send_burst(arrival.frames, arrival.port, worker);
  packets_ += arrival.frames.size();
  judge(arrival, worker, outcomes);
  if (testing::Test::HasFatalFailure()) return;
  pass_time();
  if (traffic_.one_in(20)) {
    traffic_.change(gateway_.spec());
    gateway_.publish();
    model_.publish(gateway_.spec());
  }
}

void ModelRun::judge(const RandomTraffic::Arrival& arrival, uint32_t worker,
                     const std::vector<Outcome>& outcomes) {
  // In the order of the workers' doing: the receiver first, then those who got packets from it.
  // ICMP errors are handed over in the last pass, so they come after the burst's other packets.
  const auto place = [&](size_t i) {
    const Outcome& outcome = outcomes[i];
    return std::tuple(outcome.handed_over, outcome.worker,
                      outcome.handed_over && is_icmp(arrival.frames[i]));
  };
  std::vector<size_t> order(outcomes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return place(a) < place(b); });
  for (const size_t i : order) {
    const Outcome& outcome = outcomes[i];
    const Bytes& frame = arrival.frames[i];
    Observed observed{.verdict = words(outcome.verdict),
                      .worker = outcome.worker,
                      .port = outcome.port,
                      .real = {},
                      .frame = outcome.frame};
    if (outcome.is_forward()) observed.real = outcome.verdict.real;
    std::string wrong = model_.judge(frame, arrival.port, observed);
    // By a second implementation that knows nothing of the model.
    if (wrong.empty() && outcome.queue == Outcome::Queue::kTransmit && checksums_ok(frame) &&
        !checksums_ok(outcome.frame)) {
      wrong = "right checksums came in, and wrong ones went out";
    }
    ASSERT_EQ(wrong, "") << "packet " << i << " of a burst of " << arrival.frames.size()
                         << ", port " << int{arrival.port} << ", worker " << worker << " of "
                         << workers_ << ":\n  in    " << describe(frame) << "\n        "
                         << hex(frame) << "\n  model " << wrong << "\n  code  "
                         << to_string(outcome) << "\n        " << hex(outcome.frame);
    if (outcome.is_forward()) traffic_.note_forwarded(outcome);
  }
}

void ModelRun::finish() {
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
