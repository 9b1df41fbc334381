#include "perf/generator/accounts.h"

#include "common/dns_wire.h"

namespace vipgate::generator {
namespace {

constexpr uint16_t kFirstDnsPort = 20000;

// The number nearest to `near` whose lower 16 bits are `low`.
uint32_t extended(uint16_t low, uint32_t near) {
  const auto step = static_cast<int16_t>(static_cast<uint16_t>(low - near));
  return near + static_cast<uint32_t>(static_cast<int32_t>(step));
}

}  // namespace

Endpoint dns_client(const IpAddress& client, uint32_t trial, uint32_t number) {
  return {client, static_cast<uint16_t>(kFirstDnsPort + trial % kDnsTrials * kDnsPorts +
                                        number % kDnsPorts)};
}

Accounts::Accounts(const Options& options, double ns_per_tick)
    : options_(options), vip_(options.vip), ns_per_tick_(ns_per_tick) {
  if (options.kind == Kind::kFlows) {
    reals_of_flows_.resize(options.flows);
  } else {
    sent_at_.resize(kRemembered);
  }
}

void Accounts::begin_trial() {
  ++trial_;
  figures_ = std::make_unique<Trial>();
  const uint32_t flows = options_.kind == Kind::kFlows ? options_.flows
                         : options_.kind == Kind::kDns ? kDnsPorts
                                                       : 1;
  at_reals_.assign(flows, {});
  at_clients_.assign(flows, {});
}

bool Accounts::complete(uint64_t count) const {
  const bool reals = options_.kind == Kind::kDns || figures_->one_way.received >= count;
  const bool clients =
      (options_.kind != Kind::kDns && !options_.answer) || figures_->round_trip.received >= count;
  return reals && clients;
}

bool Accounts::receive(std::span<const uint8_t> bytes, uint64_t now) {
  const auto frame = read_frame(bytes);
  if (!frame) {
    ++figures_->foreign;
    return false;
  }
  if (options_.verify && !checksums_are_right(*frame)) ++figures_->wrong_checksum;
  if (options_.kind == Kind::kFlows) return receive_marked(*frame, now);
  if (options_.kind == Kind::kSyn) {
    receive_syn(*frame, now);
  } else {
    receive_dns_answer(*frame, now);
  }
  return false;
}

bool Accounts::receive_marked(const ReceivedFrame& frame, uint64_t now) {
  const auto mark = read_mark(frame);
  if (!mark) {
    ++figures_->foreign;
    return false;
  }
  if (mark->trial != trial_) {
    ++figures_->stale;
    return false;
  }
  if (mark->flow >= options_.flows) {
    ++figures_->misdirected;
    return false;
  }
  const uint64_t ticks = now - mark->ticks;
  if (frame.source == vip_) {
    if (frame.destination != client_of_flow(options_.client, mark->flow)) {
      ++figures_->misdirected;
      return false;
    }
    arrive(figures_->round_trip, at_clients_[mark->flow], mark->sequence, ticks);
    return false;
  }
  arrive(figures_->one_way, at_reals_[mark->flow], mark->sequence, ticks);
  at_real(frame);
  Endpoint& real = reals_of_flows_[mark->flow];
  if (real.port == 0) real = frame.destination;
  if (real != frame.destination) ++moved_;
  return options_.answer;
}

void Accounts::receive_syn(const ReceivedFrame& frame, uint64_t now) {
  // The gateway's resets go to clients.
  if (!frame.is_tcp() || frame.tcp().flags != TcpHeader::kSyn) {
    ++figures_->foreign;
    return;
  }
  if (frame.tcp().acknowledgment.host() != trial_) {
    ++figures_->stale;
    return;
  }
  const uint32_t number = frame.tcp().sequence.host();
  arrive(figures_->one_way, at_reals_[0], number, now - sent_at_[number % kRemembered]);
  at_real(frame);
}

void Accounts::receive_dns_answer(const ReceivedFrame& frame, uint64_t now) {
  const uint32_t port = frame.destination.port - kFirstDnsPort;
  if (frame.is_tcp() || frame.source != vip_ || frame.payload.size() < sizeof(DnsHeader) ||
      port >= kDnsPorts * kDnsTrials) {
    ++figures_->foreign;
    return;
  }
  if (port / kDnsPorts != trial_ % kDnsTrials) {
    ++figures_->stale;
    return;
  }
  const auto& header = *reinterpret_cast<const DnsHeader*>(frame.payload.data());
  SequenceWindow& window = at_clients_[port % kDnsPorts];
  const uint32_t sequence = extended(header.id.host(), window.next());
  const uint32_t number = sequence * kDnsPorts + port % kDnsPorts;
  arrive(figures_->round_trip, window, sequence, now - sent_at_[number % kRemembered]);
  ++figures_->rcodes[header.flags.host() & DnsHeader::kRcodeMask];
}

void Accounts::at_real(const ReceivedFrame& frame) { ++figures_->reals[frame.destination]; }

void Accounts::arrive(Way& way, SequenceWindow& window, uint32_t sequence, uint64_t ticks) {
  switch (window.arrive(sequence)) {
    case Arrival::kDuplicate:
      ++way.duplicate;
      return;
    case Arrival::kTooLate:
      ++way.too_late;
      return;
    case Arrival::kLate:
      ++way.late;
      break;
    case Arrival::kInOrder:
      break;
  }
  ++way.received;
  way.latencies.add(static_cast<uint64_t>(static_cast<double>(ticks) * ns_per_tick_));
}

}  // namespace vipgate::generator
