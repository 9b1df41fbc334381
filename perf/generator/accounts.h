// Accounts for each packet of a trial: what came of those that were sent, where, when and in which
// order.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "perf/generator/frames.h"
#include "perf/generator/latencies.h"
#include "perf/generator/options.h"
#include "perf/generator/sequence_window.h"

namespace vipgate::generator {

// DNS questions come from so many ports in turn, as an id has 16 bits alone; a trial has ports of
// its own, so that answers to the one before are told apart.
inline constexpr uint32_t kDnsPorts = 16;
inline constexpr uint32_t kDnsTrials = 256;

// The client's end of question number `number`.
Endpoint dns_client(const IpAddress& client, uint32_t trial, uint32_t number);

// Packets on one of the ways, from clients to reals or to clients again.
struct Way {
  uint64_t received = 0;  // each once
  uint64_t late = 0;      // of them, those that another of their flow overtook
  uint64_t duplicate = 0;
  uint64_t too_late = 0;  // not in `received`
  Latencies latencies;
};

class Accounts {
 public:
  Accounts(const Options& options, double ns_per_tick);

  // All that is sent and comes from now on is the next trial's. The first one comes before all
  // else.
  void begin_trial();
  uint8_t trial() const { return trial_; }

  // Packet `number` of a trial without marks in its packets was sent at `ticks`.
  void sent(uint32_t number, uint64_t ticks) { sent_at_[number % kRemembered] = ticks; }
  // True: a real is to answer it.
  bool receive(std::span<const uint8_t> frame, uint64_t now);

  struct Trial {
    Way one_way;
    Way round_trip;
    uint64_t stale = 0;           // of an earlier trial
    uint64_t foreign = 0;         // nothing that was sent here
    uint64_t misdirected = 0;     // answers at another client, or marks of no flow
    uint64_t wrong_checksum = 0;  // with --verify
    std::map<Endpoint, uint64_t> reals;
    std::array<uint64_t, 16> rcodes{};
  };
  const Trial& figures() const { return *figures_; }
  // Packets at another real than the first of their flow, since the start.
  uint64_t moved() const { return moved_; }
  // The real of each flow; port 0: no packet of it came.
  const std::vector<Endpoint>& reals_of_flows() const { return reals_of_flows_; }
  // Whether all of `count` packets have come wherever they are awaited.
  bool complete(uint64_t count) const;

 private:
  static constexpr uint32_t kRemembered = 1u << 20;

  bool receive_marked(const ReceivedFrame& frame, uint64_t now);
  void receive_syn(const ReceivedFrame& frame, uint64_t now);
  void receive_dns_answer(const ReceivedFrame& frame, uint64_t now);
  void at_real(const ReceivedFrame& frame);
  void arrive(Way& way, SequenceWindow& window, uint32_t sequence, uint64_t ticks);

  const Options& options_;
  Endpoint vip_;
  double ns_per_tick_;
  uint8_t trial_ = 0;
  std::unique_ptr<Trial> figures_;
  std::vector<SequenceWindow> at_reals_;
  std::vector<SequenceWindow> at_clients_;
  std::vector<Endpoint> reals_of_flows_;
  uint64_t moved_ = 0;
  std::vector<uint64_t> sent_at_;
};

}  // namespace vipgate::generator
