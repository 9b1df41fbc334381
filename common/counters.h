// Every outcome of a packet and every event of the fast path that is counted, by type and by name.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vipgate {

// X(enumerator, name in outputs)
#define VIPGATE_DROP_REASONS(X)                    \
  X(kTruncated, "truncated")                       \
  X(kMultiSegment, "multi_segment")                \
  X(kNotOurMac, "not_our_mac")                     \
  X(kWrongVlan, "wrong_vlan")                      \
  X(kUnknownEtherType, "unknown_ether_type")       \
  X(kBadIpHeader, "bad_ip_header")                 \
  X(kBadL4Header, "bad_l4_header")                 \
  X(kMartianSource, "martian_source")              \
  X(kFragment, "fragment")                         \
  X(kBadFragment, "bad_fragment")                  \
  X(kFragmentOverlap, "fragment_overlap")          \
  X(kFragmentTimeout, "fragment_timeout")          \
  X(kFragmentHoldFull, "fragment_hold_full")       \
  X(kIpv6ExtensionHeader, "ipv6_extension_header") \
  X(kSourceRoute, "source_route")                  \
  X(kUnsupportedProtocol, "unsupported_protocol")  \
  X(kSctpFragment, "sctp_fragment")                \
  X(kTtlExpired, "ttl_expired")                    \
  X(kTooBig, "too_big")                            \
  X(kNotForUs, "not_for_us")                       \
  X(kTransit, "transit")                           \
  X(kNoKernelPath, "no_kernel_path")               \
  X(kPortNotServed, "port_not_served")             \
  X(kIcmpNotHandled, "icmp_not_handled")           \
  X(kBadIcmpChecksum, "bad_icmp_checksum")         \
  X(kIcmpErrorTruncated, "icmp_error_truncated")   \
  X(kIcmpErrorFragment, "icmp_error_fragment")     \
  X(kIcmpErrorBadQuote, "icmp_error_bad_quote")    \
  X(kIcmpErrorNoFlow, "icmp_error_no_flow")        \
  X(kNoReal, "no_real")                            \
  X(kSourceDenied, "source_denied")                \
  X(kNewFlowLimit, "new_flow_limit")               \
  X(kConnectionLimit, "connection_limit")          \
  X(kNoFlow, "no_flow")                            \
  X(kFlowTableFull, "flow_table_full")             \
  X(kSnatExhausted, "snat_exhausted")              \
  X(kNatTupleTaken, "nat_tuple_taken")             \
  X(kNextHopUnresolved, "next_hop_unresolved")     \
  X(kNoHeadroom, "no_headroom")                    \
  X(kDnsResponse, "dns_response")                  \
  X(kDnsTooShort, "dns_too_short")                 \
  X(kDnsSourcePort, "dns_source_port")             \
  X(kDnsRateLimited, "dns_rate_limited")           \
  X(kDnsUnexpectedAnswer, "dns_unexpected_answer") \
  X(kDnsBadAnswer, "dns_bad_answer")               \
  X(kBadUdpChecksum, "bad_udp_checksum")           \
  X(kRateLimited, "rate_limited")                  \
  X(kKernelRate, "kernel_rate")                    \
  X(kTxFull, "tx_full")                            \
  X(kHandoverFull, "handover_full")                \
  X(kKernelFull, "kernel_full")

enum class DropReason : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_DROP_REASONS(X)
#undef X
      kCount
};

// What was answered by the gateway itself.
#define VIPGATE_REPLY_KINDS(X)                        \
  X(kArp, "arp")                                      \
  X(kNeighborAdvertisement, "neighbor_advertisement") \
  X(kEcho, "echo")                                    \
  X(kTcpReset, "tcp_reset")                           \
  X(kSctpAbort, "sctp_abort")                         \
  X(kSctpShutdownComplete, "sctp_shutdown_complete")  \
  X(kPortUnreachable, "port_unreachable")             \
  X(kTimeExceeded, "time_exceeded")                   \
  X(kPacketTooBig, "packet_too_big")

enum class ReplyKind : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_REPLY_KINDS(X)
#undef X
      kCount
};

// Why a packet went to the kernel. Each has a rate of its own, so that none starves another.
#define VIPGATE_KERNEL_REASONS(X)             \
  X(kRouting, "routing")                      \
  X(kOwnAddress, "own_address")               \
  X(kIcmp, "icmp")                            \
  X(kArp, "arp")                              \
  X(kNeighborDiscovery, "neighbor_discovery") \
  X(kLinkLocal, "link_local")                 \
  X(kUnservedPort, "unserved_port")           \
  X(kTransit, "transit")                      \
  X(kDns, "dns")                              \
  X(kDnsFragment, "dns_fragments")

enum class KernelReason : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_KERNEL_REASONS(X)
#undef X
      kCount
};

// Outcomes of DNS queries: the responder's verdicts that end in a reply, in the same order. And of
// what resolvers answer, which ends here.
#define VIPGATE_DNS_OUTCOMES(X)              \
  X(kAnswer, "answer")                       \
  X(kNodata, "nodata")                       \
  X(kNxdomain, "nxdomain")                   \
  X(kServfail, "servfail")                   \
  X(kTruncated, "truncated")                 \
  X(kAmplification, "amplification_limited") \
  X(kSlipped, "rate_limited_truncated")      \
  X(kRefused, "refused")                     \
  X(kFormerr, "formerr")                     \
  X(kNotimp, "notimp")                       \
  X(kBadvers, "badvers")                     \
  X(kNotauth, "notauth")                     \
  X(kCookie, "cookie")                       \
  X(kForwarded, "forwarded")                 \
  X(kCached, "cached")                       \
  X(kStale, "stale")                         \
  X(kResolverAnswer, "resolver_answer")

enum class DnsOutcome : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_DNS_OUTCOMES(X)
#undef X
      kCount
};

// Events of a worker that are not the outcome of one packet.
#define VIPGATE_EVENTS(X)                                  \
  X(kRxPackets, "rx_packets")                              \
  X(kRxBytes, "rx_bytes")                                  \
  X(kTxPackets, "tx_packets")                              \
  X(kForwardPackets, "forward_packets")                    \
  X(kReturnPackets, "return_packets")                      \
  X(kIcmpErrorsToReals, "icmp_errors_to_reals")            \
  X(kIcmpErrorsToClients, "icmp_errors_to_clients")        \
  X(kFlowsCreated, "flows_created")                        \
  X(kFlowsExpired, "flows_expired")                        \
  X(kFlowsClosed, "flows_closed")                          \
  X(kFlowsEvictedClosing, "flows_evicted_closing")         \
  X(kFlowsEvictedEmbryonic, "flows_evicted_embryonic")     \
  X(kFlowsEvictedEstablished, "flows_evicted_established") \
  X(kFlowsRebalanced, "flows_rebalanced")                  \
  X(kFlowsUntracked, "flows_untracked")                    \
  X(kFlowsByPreviousRow, "flows_by_previous_row")          \
  X(kFlowsByAffinity, "flows_by_affinity")                 \
  X(kAffinitiesLost, "affinities_lost")                    \
  X(kFlowsByQuicId, "flows_by_quic_id")                    \
  X(kQuicIdsUnknown, "quic_ids_unknown")                   \
  X(kTunnelMtuErrors, "tunnel_mtu_errors")                 \
  X(kFragmentsHeld, "fragments_held")                      \
  X(kDnsAsked, "dns_asked")                                \
  X(kDnsAskedWithoutEdns, "dns_asked_without_edns")        \
  X(kDnsCoalesced, "dns_coalesced")                        \
  X(kDnsRefusals, "dns_refusals")                          \
  X(kDnsTimeouts, "dns_timeouts")                          \
  X(kDnsFailed, "dns_failed")                              \
  X(kDnsOverLimit, "dns_over_limit")                       \
  X(kHandedOver, "handed_over")                            \
  X(kFromKernel, "from_kernel")                            \
  X(kLoops, "loops")                                       \
  X(kBusyLoops, "busy_loops")                              \
  X(kSleeps, "sleeps")

enum class Event : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_EVENTS(X)
#undef X
      kCount
};

template <class Enum>
inline constexpr size_t kCountOf = static_cast<size_t>(Enum::kCount);

// By KernelReason: packets a second for the kernel, of all workers together; 0: any number.
using KernelRates = std::array<uint32_t, kCountOf<KernelReason>>;

std::string_view to_string(DropReason reason);
std::string_view to_string(ReplyKind kind);
std::string_view to_string(KernelReason reason);
std::string_view to_string(DnsOutcome outcome);
std::string_view to_string(Event event);

// A number that one thread adds to and others read: relaxed, so an addition is a plain one.
class Counter {
 public:
  [[gnu::always_inline]] void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // Of a number that goes down, too.
  void take() {
    value_.store(value_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// One worker's own counters. Written by that worker only; read by anyone, by copy.
struct alignas(64) WorkerCounters {
  std::array<Counter, kCountOf<DropReason>> drops;
  std::array<Counter, kCountOf<ReplyKind>> replies;
  std::array<Counter, kCountOf<KernelReason>> kernel;
  std::array<Counter, kCountOf<DnsOutcome>> dns;
  std::array<Counter, kCountOf<Event>> events;

  void count(DropReason reason, uint64_t n = 1) { drops[static_cast<size_t>(reason)].add(n); }
  void count(ReplyKind kind) { replies[static_cast<size_t>(kind)].add(); }
  void count(KernelReason reason) { kernel[static_cast<size_t>(reason)].add(); }
  void count(DnsOutcome outcome) { dns[static_cast<size_t>(outcome)].add(); }
  void count(Event event, uint64_t n = 1) { events[static_cast<size_t>(event)].add(n); }

  uint64_t value(DropReason reason) const { return drops[static_cast<size_t>(reason)].value(); }
  uint64_t value(ReplyKind kind) const { return replies[static_cast<size_t>(kind)].value(); }
  uint64_t value(KernelReason reason) const { return kernel[static_cast<size_t>(reason)].value(); }
  uint64_t value(DnsOutcome outcome) const { return dns[static_cast<size_t>(outcome)].value(); }
  uint64_t value(Event event) const { return events[static_cast<size_t>(event)].value(); }
};

// Of one service, by one worker: a cache line of its own.
struct alignas(64) ServiceCounters {
  Counter forward_packets, forward_bytes, return_packets, return_bytes, flows_created, no_real;
  Counter connections;  // with max_connections: the flows that it has now
  Counter over_limit;   // new flows that it refused for their number
};
static_assert(sizeof(ServiceCounters) == 64);

// Of one real, by one worker.
struct alignas(32) RealCounters {
  Counter packets, bytes, flows_created;
  Counter flows;  // that it has now
};

// What the traffic itself says about whether a real lives, by one worker. Written when a TCP
// connection begins, is answered or is reset: never for a packet of an established one.
struct alignas(32) RealSignalCounters {
  Counter opened;    // connections whose SYN went to the real; its repetitions are not counted
  Counter answered;  // of these, whose SYN the real acknowledged
  Counter resets;    // connections that the real reset, whether it had answered them or not
};

// The same as numbers, added up over workers. They count from the start of the process for an
// index, whichever reals had it: only differences mean something.
struct RealSignals {
  uint64_t opened = 0, answered = 0, resets = 0;
  friend bool operator==(const RealSignals&, const RealSignals&) = default;
};

// Replies over dns.rate_limit, of all workers together.
struct DnsRateFigures {
  uint64_t dropped = 0, truncated = 0;
  friend bool operator==(const DnsRateFigures&, const DnsRateFigures&) = default;
};

}  // namespace vipgate
