// What a worker counts beside WorkerCounters: by port, by type of DNS question, and how full its
// tables are. Written by that worker only; read by anyone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/counters.h"
#include "common/dns_wire.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {

// X(enumerator, name in outputs): the types that are told apart, as a client chooses the number.
#define VIPGATE_DNS_KINDS(X) \
  X(kA, "A")                 \
  X(kAaaa, "AAAA")           \
  X(kSrv, "SRV")             \
  X(kPtr, "PTR")             \
  X(kTxt, "TXT")             \
  X(kAny, "ANY")             \
  X(kOther, "other")

enum class DnsKind : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_DNS_KINDS(X)
#undef X
      kCount
};

constexpr std::string_view to_string(DnsKind kind) {
  constexpr std::string_view kNames[] = {
#define X(enumerator, name) name,
      VIPGATE_DNS_KINDS(X)
#undef X
  };
  return kNames[static_cast<size_t>(kind)];
}

constexpr DnsKind dns_kind_of(DnsType type) {
  switch (type) {
    case DnsType::kA:
      return DnsKind::kA;
    case DnsType::kAaaa:
      return DnsKind::kAaaa;
    case DnsType::kSrv:
      return DnsKind::kSrv;
    case DnsType::kPtr:
      return DnsKind::kPtr;
    case DnsType::kTxt:
      return DnsKind::kTxt;
    case DnsType::kAny:
      return DnsKind::kAny;
    default:
      return DnsKind::kOther;
  }
}

// A number of now.
class Level {
 public:
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct alignas(64) WorkerDetails {
  struct Family {
    Level flows, wide_flows, nat_records, snat_records, affinities;
  };

  std::array<Counter, kCountOf<DnsKind>> dns_kinds;
  // By the port that the packet came in by.
  alignas(64) std::array<std::array<Counter, kCountOf<DropReason>>, kMaxPorts> drops;
  alignas(64) Family ipv4;
  Family ipv6;
  Level fragments, held_fragments;
  Level dns_rates, dns_answers, dns_answers_evicted, dns_questions;

  void count(DnsKind kind) { dns_kinds[static_cast<size_t>(kind)].add(); }
  void count(size_t port, DropReason reason) { drops[port][static_cast<size_t>(reason)].add(); }
};

}  // namespace vipgate
