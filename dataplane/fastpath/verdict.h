// What became of a packet, for those who watch: replay writes it down, production looks away.
#pragma once

#include <rte_mbuf.h>

#include "common/counters.h"
#include "common/snapshot.h"

namespace vipgate {

struct Verdict {
  enum class Kind : uint8_t { kForward, kDns, kReply, kKernel, kMade, kHandover, kHold, kDrop };

  // kMade: the packet is of the pipeline's own making, a question to a resolver. kHandover and
  // kHold are not a packet's last one.
  Kind kind = Kind::kDrop;
  DropReason drop{};       // kDrop
  ReplyKind reply{};       // kReply
  KernelReason kernel{};   // kKernel
  DnsOutcome dns{};        // kDns
  bool is_return = false;  // kForward: from the real to the client
  uint32_t service = kNone;
  RealId real{};
};

// The observer of production: costs nothing.
struct NoObserver {
  void operator()(const rte_mbuf*, const Verdict&) {}
};

}  // namespace vipgate
