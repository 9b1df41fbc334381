// The configuration's part on DNS, as plain values: see config.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/siphash.h"
#include "controlplane/config/config_service.h"
#include "controlplane/dns/dns_ttl.h"
#include "controlplane/dns_sockets/dns_tcp_limits.h"

namespace vipgate {

// A static record, as text: see dns_static_record.h, which also checks it.
struct DnsRecordConfig {
  std::string name;    // relative to the zone, or absolute with the final dot; "@": the zone's own
  std::string type;    // "A", "AAAA", "CNAME", "TXT", "SRV", "PTR"
  int32_t ttl_s = -1;  // -1: the zone's
  std::string data;
  SourcePosition position;
  bool operator==(const DnsRecordConfig&) const = default;
};

struct ZoneConfig {
  std::string name;                      // lower case, without the final dot
  bool services = false;                 // holds the services' names
  std::vector<std::string> aliases;      // further names under which it is answered
  std::vector<DnsRecordConfig> records;  // static ones
  int32_t ttl_s = -1;                    // -1: by dns.ttl and dns.ttl_s; see dns_ttl_s()
  DnsTtls ttl = {};
  bool operator==(const ZoneConfig&) const = default;
};

struct SoaConfig {
  std::string mname = "ns1.mesos.";  // both with the final dot
  std::string rname = "root.ns1.mesos.";
  uint32_t refresh_s = 60;
  uint32_t retry_s = 600;
  uint32_t expire_s = 86400;
  uint32_t minimum_s = 5;
  bool operator==(const SoaConfig&) const = default;
};

// Server cookies (RFC 7873, RFC 9018).
struct DnsCookieConfig {
  bool enabled = true;
  std::string secret_file;      // empty: a secret of its own, drawn once per boot
  std::vector<SipKey> secrets;  // what the file holds, newest first
  bool operator==(const DnsCookieConfig&) const = default;
};

// What the TXT records of class CH say (RFC 4892); empty: they are refused.
struct DnsChaosConfig {
  std::string version;
  std::string hostname;
  bool operator==(const DnsChaosConfig&) const = default;
};

// Of a zone of dns.zones: what a view has in the place of what stands there.
struct DnsViewZoneConfig {
  std::string name;
  bool reals = false;                    // names of services lead to their reals
  std::vector<DnsRecordConfig> records;  // each in the place of all of its name and type
  bool operator==(const DnsViewZoneConfig&) const = default;
};

struct DnsViewConfig {
  std::string name;
  std::vector<IpPrefix> clients;  // the longest prefix of all views decides
  std::vector<DnsViewZoneConfig> zones;
  bool operator==(const DnsViewConfig&) const = default;
};

// See DnsRateRules.
struct DnsRateLimitConfig {
  uint32_t responses_per_s = 0;  // 0: any number
  int32_t errors_per_s = -1;     // -1: as responses_per_s
  uint32_t window_s = 1;
  uint32_t slip = 2;
  uint8_t ipv4_prefix = 24;
  uint8_t ipv6_prefix = 56;
  std::vector<IpPrefix> exempt;
  bool operator==(const DnsRateLimitConfig&) const = default;
};

// A server that questions are forwarded to.
struct DnsResolverConfig {
  IpAddress address;
  uint16_t port = 53;
  bool operator==(const DnsResolverConfig&) const = default;
};
struct DnsForwardZoneConfig {
  std::string name;  // its names and those below
  std::vector<DnsResolverConfig> resolvers;
  bool operator==(const DnsForwardZoneConfig&) const = default;
};
// How resolvers are asked whether they answer.
struct DnsForwardHealthConfig {
  uint16_t interval_s = 5;  // 0: they are not
  uint16_t timeout_ms = 1000;
  uint8_t fall = 3;  // questions in a row without an answer that make one down
  // What is asked for; empty: the name of the zone whose resolver it is, the root's NS records of
  // one for all names.
  std::string name;
  bool operator==(const DnsForwardHealthConfig&) const = default;
};
struct DnsForwardConfig {
  bool is_on = false;
  std::vector<IpPrefix> clients;
  std::vector<DnsResolverConfig> resolvers;  // in the order in which they are asked
  std::vector<DnsForwardZoneConfig> zones;
  std::string snat_pool;  // the sources of questions; no service uses it
  uint32_t race_after_ms = 200;
  uint32_t timeout_ms = 2000;
  uint32_t attempts = 3;
  uint32_t per_client = 64;
  uint32_t max_ttl_s = 86400;
  uint32_t negative_ttl_s = 900;
  uint32_t stale_s = 0;
  DnsForwardHealthConfig health;
  bool operator==(const DnsForwardConfig&) const = default;
};
// What clients append to the names that they look up, in the order in which they try it.
struct DnsSearchConfig {
  std::vector<IpPrefix> clients;  // the longest prefix of all lists decides
  std::vector<std::string> suffixes;
  bool operator==(const DnsSearchConfig&) const = default;
};
struct DnsConfig {
  std::vector<IpAddress> listen;  // UDP and TCP port 53
  DnsTcpLimits tcp;
  uint16_t udp_size = kDnsUdpLimit;  // octets of an answer over UDP at most, with EDNS
  DnsRateLimitConfig rate_limit;
  uint16_t max_amplification = 0;  // 0: replies may be as long as any
  uint32_t ttl_s = 5;
  DnsTtls ttl;
  bool ptr = false;  // PTR records of VIP addresses, and the reverse zones for them
  std::vector<ZoneConfig> zones;
  std::vector<DnsViewConfig> views;
  SoaConfig soa;
  std::vector<std::string> name_servers;  // with the final dot; none: soa.mname
  std::string nsid;                       // a text, or octets as "0x…" (RFC 5001); empty: none
  DnsCookieConfig cookies;
  DnsChaosConfig chaos;
  DnsForwardConfig forward;
  bool local_zones = true;  // of RFC 6303, for those whose questions are forwarded
  std::vector<DnsSearchConfig> search;
  bool operator==(const DnsConfig&) const = default;
};

}  // namespace vipgate
