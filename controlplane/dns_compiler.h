// Compiles services and the DNS options into the table that the responder answers from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/dns_table.h"
#include "common/result.h"

namespace vipgate {

// A service's name below the service zone, and one of its VIPs. A name may come several times.
struct DnsServiceName {
  std::string name;
  IpAddress vip;
};

struct DnsZoneOptions {
  std::string name;
  bool services = false;             // the first zone that has it holds the service names
  std::vector<std::string> aliases;  // zones with the same names
};

struct DnsSoaOptions {
  std::string mname = "ns1.mesos.";
  std::string rname = "root.ns1.mesos.";
  uint32_t refresh_s = 60;
  uint32_t retry_s = 600;
  uint32_t expire_s = 86400;
  uint32_t minimum_s = 5;
};

struct DnsOptions {
  std::vector<DnsZoneOptions> zones;
  DnsSoaOptions soa;
  uint32_t ttl_s = 5;
};

// `serial` is that of every SOA record: the snapshot's generation. What did not change is shared
// with `previous`, which may be null. An error names the service, zone or option that is wrong.
Result<std::shared_ptr<const DnsTable>> compile_dns(std::span<const DnsServiceName> services,
                                                    const DnsOptions& options, uint32_t serial,
                                                    const DnsHashSecret& secret,
                                                    const DnsTable* previous);

// The name of a service without the final dot, lower case: `<name>.<zone with services>`. An error
// when there is no such zone or the name is none.
Result<std::string> dns_service_fqdn(const std::string& name, const DnsOptions& options);

// One line `NAME<TAB>TYPE<TAB>VALUE` per A and AAAA record, alias zones left out; names lower case
// with the final dot, addresses in canonical text; sorted bytewise, each once.
std::vector<std::string> dns_record_lines(const DnsTable& table);

}  // namespace vipgate
