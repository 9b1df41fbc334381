// How packets leave the pipeline, and are counted.
#pragma once

#include "dataplane/fastpath/fragment_note.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

template <class Observer>
void Pipeline<Observer>::drop(Burst& burst, Packet& packet, DropReason reason, uint32_t service) {
  counters_.count(reason);
  details_.count(packet.port, reason);
  observer_(packet.mbuf, Verdict{.kind = Verdict::Kind::kDrop, .drop = reason, .service = service});
  burst.outbox.drop.add(0, packet.mbuf);
  packet.step = Step::kDone;
}

template <class Observer>
void Pipeline<Observer>::reply(Burst& burst, Packet& packet, ReplyKind kind, uint32_t service) {
  counters_.count(kind);
  sent(burst, packet, Verdict{.kind = Verdict::Kind::kReply, .reply = kind, .service = service},
       packet.port);
}

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::to_kernel(Burst& burst, Packet& packet,
                                                     KernelReason reason) {
  if (!burst.snapshot.ports[packet.port].kernel) {
    return drop(burst, packet, DropReason::kNoKernelPath);
  }
  // Each worker has its share.
  const uint32_t rate = burst.snapshot.kernel_rates[static_cast<size_t>(reason)];
  TokenBucket& bucket = kernel_limits_[static_cast<size_t>(reason)];
  if (rate != 0 && !bucket.allow(burst.now.ns, (rate + workers_ - 1) / workers_)) {
    return drop(burst, packet, DropReason::kKernelRate);
  }
  counters_.count(reason);
  observer_(packet.mbuf, Verdict{.kind = Verdict::Kind::kKernel, .kernel = reason});
  burst.outbox.kernel.add(packet.port, packet.mbuf);
  packet.step = Step::kDone;
}

template <class Observer>
void Pipeline<Observer>::hand_over(Burst& burst, Packet& packet, uint32_t owner) {
  counters_.count(Event::kHandedOver);
  observer_(packet.mbuf, Verdict{.kind = Verdict::Kind::kHandover});
  packet.mbuf->port = packet.port;
  // What lies in the note's place is the device's.
  if ((packet.fragment & Packet::kHasNote) == 0) write_note(packet.mbuf, {});
  burst.outbox.handover.add(owner, packet.mbuf);
  packet.step = Step::kDone;
}

template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::sent(Burst& burst, Packet& packet,
                                                            const Verdict& verdict, uint8_t port) {
  observer_(packet.mbuf, verdict);
  burst.outbox.transmit.add(port, packet.mbuf);
  packet.step = Step::kDone;
}

template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::count_run(uint32_t service, bool is_return,
                                                                 uint64_t bytes, uint32_t packets) {
  if (service != run_.service) {
    flush_run();
    run_.service = service;
  }
  if (is_return) {
    run_.return_packets += packets;
    run_.return_bytes += bytes;
  } else {
    run_.forward_packets += packets;
    run_.forward_bytes += bytes;
  }
}

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::flush_run() {
  if (run_.service == kNone) return;
  count_packets<false>(run_.service, run_.forward_packets, run_.forward_bytes);
  count_packets<true>(run_.service, run_.return_packets, run_.return_bytes);
  run_ = CountedRun{};
}

}  // namespace vipgate
