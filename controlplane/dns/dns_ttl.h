// How long answers may be kept.
#pragma once

#include <cstdint>
#include <map>

#include "common/dns_wire.h"

namespace vipgate {

// Seconds by type, for the types that have a time of their own.
using DnsTtls = std::map<DnsType, uint32_t>;

// The time to live of records of that type in the zone (nullptr: one that the configuration does
// not name), in seconds. What is nearer to the record decides: the zone's time for the type, the
// zone's time, the time for the type in all zones, the time of all.
template <class Options, class Zone>
uint32_t dns_ttl_s(const Options& dns, const Zone* zone, DnsType type) {
  if (zone != nullptr) {
    if (const auto known = zone->ttl.find(type); known != zone->ttl.end()) return known->second;
    if (zone->ttl_s >= 0) return static_cast<uint32_t>(zone->ttl_s);
  }
  const auto known = dns.ttl.find(type);
  return known != dns.ttl.end() ? known->second : dns.ttl_s;
}

}  // namespace vipgate
