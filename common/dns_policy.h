// How the DNS responder treats those who ask: the options of `dns` that the packet path reads.
#pragma once

namespace vipgate {

// Plain data, made by the control plane, owned by the snapshot.
struct DnsPolicy {
  friend bool operator==(const DnsPolicy&, const DnsPolicy&) = default;
};

}  // namespace vipgate
