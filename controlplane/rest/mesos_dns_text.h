// What Mesos-DNS tells by HTTP of its records (mesos-dns 9), and dcos-net of all of its zones
// (named-vips 9), from the table that is served. Pure functions of any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/dns_table.h"

namespace vipgate {

// /v1/hosts/NAME: [{"host":…,"ip":…},…], addresses of IPv4 first, "host" in lower case with the
// final dot; a blank object if there are none. As in Mesos-DNS, each ".*" of the name counts for
// nothing. Nothing: it may have some, which its cluster has not told yet.
std::optional<std::string> mesos_dns_hosts_text(const DnsTable& table, std::string_view name);

// /v1/services/NAME: [{"service":NAME,"host":…,"ip":…,"port":"31000"},…]: of each target one
// address of either family; as above.
std::optional<std::string> mesos_dns_services_text(const DnsTable& table, std::string_view name);

// What /v1/axfr tells beside the records.
struct MesosDnsAxfr {
  std::string domain;
  uint32_t ttl_s = 0;
  uint32_t refresh_s = 0;
};
// {"TTL":…,"Serial":…,…,"Records":{"As":{"NAME":["ADDRESS",…]},"AAAAs":{…},"SRVs":{…}}}: those of
// the domain, by name. Takes time and memory for each of them. Nothing: the cluster has not told
// all yet.
std::optional<std::string> mesos_dns_axfr_text(const DnsTable& table, const MesosDnsAxfr& about);

// [{"name":…,"host":…,"rtype":"A"|"AAAA"|"SRV"},…] of all zones, by name, names without the final
// dot. As above, of all clusters.
std::optional<std::string> dcos_records_text(const DnsTable& table);

// "10.0.0.1", "fd00::1", "target.:31000", as Mesos-DNS writes what a record leads to.
// REQUIRES: the type is A, AAAA or SRV, and the data well-formed.
std::string mesos_dns_value(DnsType type, std::string_view rdata);

// The serial of the zone that the domain is in; 0: there is none.
uint32_t mesos_dns_serial(const DnsTable& table, std::string_view domain);

// Whether the cluster of that domain has not told all that it has yet; empty: any cluster.
bool mesos_dns_is_incomplete(const DnsTable& table, std::string_view domain);

}  // namespace vipgate
