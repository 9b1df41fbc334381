#include "perf/generator/trial.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace vipgate::generator {
namespace {

// Of late packets, as bursts: what a short interruption costs is made up for, no more.
constexpr uint32_t kBacklogBursts = 4;
// SYNs come from so many clients.
constexpr uint64_t kSynClients = 65536;

}  // namespace

TrialRunner::TrialRunner(const Options& options, const Ports& ports)
    : options_(options),
      ports_(ports),
      ticks_per_second_(rte_get_tsc_hz()),
      accounts_(options, 1e9 / static_cast<double>(ticks_per_second_)),
      maker_(options.gateway, options.vip),
      chooser_(options.flows, options.zipf, options.seed),
      random_(options.seed | 1) {}

std::string TrialRunner::trial(double rate, uint64_t packets) {
  return run(rate, packets, chooser_);
}

std::string TrialRunner::touch(double rate) {
  FlowChooser in_turn(options_.flows, 0, options_.seed);
  return run(rate, options_.flows, in_turn);
}

std::string TrialRunner::run(double rate, uint64_t packets, FlowChooser& chooser) {
  accounts_.begin_trial();
  next_sequence_.assign(options_.flows, 0);
  sending_ = {};
  sending_.asked_rate = rate;
  const uint64_t begin = rte_rdtsc();
  Pacer pacer(rate, static_cast<double>(ticks_per_second_), kBacklogBursts * options_.burst, begin);
  uint64_t now = begin;
  while (sending_.offered < packets) {
    const uint64_t left = packets - sending_.offered;
    const auto most = static_cast<uint32_t>(std::min<uint64_t>(options_.burst, left));
    now = rte_rdtsc();
    const uint32_t due = pacer.due(now, most);
    if (due > 0) send(due, sending_.offered, chooser);
    receive(ports_.edge);
    if (ports_.two()) receive(ports_.cluster);
  }
  // n packets at a rate take n intervals, the last one's included.
  sending_.seconds =
      static_cast<double>(now - begin) / static_cast<double>(ticks_per_second_) + 1 / rate;
  sending_.put_off = pacer.put_off();
  drain(packets);
  return trial_report(options_, sending_, accounts_);
}

void TrialRunner::drain(uint64_t packets) {
  const uint64_t quiet = ticks_per_second_ / 1000 * options_.drain_ms;
  uint64_t last = rte_rdtsc();
  while (!accounts_.complete(packets) && rte_rdtsc() - last < quiet) {
    uint32_t came = receive(ports_.edge);
    if (ports_.two()) came += receive(ports_.cluster);
    if (came > 0) last = rte_rdtsc();
  }
}

size_t TrialRunner::make_frame(uint8_t* at, uint32_t number, FlowChooser& chooser) {
  switch (options_.kind) {
    case Kind::kFlows: {
      const uint32_t flow = chooser.next();
      const size_t size = options_.sizes[size_turn_];
      size_turn_ = size_turn_ + 1 == options_.sizes.size() ? 0 : size_turn_ + 1;
      return maker_.marked(at, client_of_flow(options_.client, flow),
                           {accounts_.trial(), flow, next_sequence_[flow]++, rte_rdtsc()}, size);
    }
    case Kind::kSyn: {
      // Knuth's MMIX generator, whose upper bits are good.
      random_ = random_ * 6364136223846793005 + 1442695040888963407;
      const auto client = static_cast<uint32_t>((random_ >> 48) % kSynClients);
      const auto port = static_cast<uint16_t>(1024 + (random_ >> 16) % 64000);
      accounts_.sent(number, rte_rdtsc());
      return maker_.syn(at, {address_after(options_.client, client), port}, number,
                        accounts_.trial());
    }
    case Kind::kDns:
      accounts_.sent(number, rte_rdtsc());
      return maker_.question(at, dns_client(options_.client, accounts_.trial(), number),
                             static_cast<uint16_t>(number / kDnsPorts),
                             options_.questions[number % options_.questions.size()]);
  }
  return 0;
}

void TrialRunner::send(uint32_t count, uint64_t number, FlowChooser& chooser) {
  rte_mbuf* frames[kBurstMax];
  sending_.offered += count;
  if (rte_pktmbuf_alloc_bulk(ports_.pool, frames, count) != 0) {
    sending_.refused += count;
    return;
  }
  for (uint32_t i = 0; i < count; ++i) {
    auto* at = rte_pktmbuf_mtod(frames[i], uint8_t*);
    const size_t bytes = make_frame(at, static_cast<uint32_t>(number + i), chooser);
    frames[i]->data_len = static_cast<uint16_t>(bytes);
    frames[i]->pkt_len = static_cast<uint32_t>(bytes);
  }
  const uint16_t taken = rte_eth_tx_burst(ports_.edge, 0, frames, static_cast<uint16_t>(count));
  if (taken < count) rte_pktmbuf_free_bulk(frames + taken, count - taken);
  sending_.refused += count - taken;
}

uint32_t TrialRunner::receive(uint16_t port) {
  rte_mbuf* frames[kBurstMax];
  rte_mbuf* answers[kBurstMax];
  uint16_t answered = 0;
  const uint16_t count = rte_eth_rx_burst(port, 0, frames, static_cast<uint16_t>(options_.burst));
  const uint64_t now = rte_rdtsc();
  for (uint16_t i = 0; i < count; ++i) {
    auto* at = rte_pktmbuf_mtod(frames[i], uint8_t*);
    if (accounts_.receive({at, frames[i]->data_len}, now)) {
      make_answer(at);
      answers[answered++] = frames[i];
    } else {
      rte_pktmbuf_free(frames[i]);
    }
  }
  if (answered > 0) {
    const uint16_t taken = rte_eth_tx_burst(port, 0, answers, answered);
    if (taken < answered) rte_pktmbuf_free_bulk(answers + taken, answered - taken);
    sending_.unanswered += answered - taken;
  }
  return count;
}

}  // namespace vipgate::generator
