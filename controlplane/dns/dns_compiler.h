// What services and the DNS options mean for the DNS table: its zones, and the records of each VIP.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/dns_record.h"
#include "common/dns_table.h"
#include "common/dns_table_builder.h"
#include "common/result.h"
#include "common/service.h"
#include "controlplane/config/config.h"

namespace vipgate {

struct DnsZoneOptions {
  std::string name;
  bool services = false;                 // the first zone that has it holds the service names
  std::vector<std::string> aliases;      // further names under which the zone is answered
  std::vector<DnsRecordConfig> records;  // static ones
  int32_t ttl_s = -1;                    // see dns_ttl_s()
  DnsTtls ttl = {};
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
  std::vector<DnsViewConfig> views;
  DnsSoaOptions soa;
  std::vector<std::string> name_servers;  // of every zone; none: soa.mname
  std::vector<IpAddress> listen;          // the responder's own addresses
  uint32_t ttl_s = 5;
  DnsTtls ttl;
  // Where VIPs may lie whose addresses have PTR records. Each address of these has a reverse zone
  // and no other address has: see reverse_zones.h. Empty: no PTR records.
  std::vector<IpRange> ptr_ranges;
};

// The configured zones, their aliases and the reverse zones, for DnsTableBuilder::set_zones().
// `serial` is that of every SOA record. An error names the option that is wrong.
Result<std::vector<DnsZoneSpec>> dns_zones(const DnsOptions& options, uint32_t serial);

// The records of one VIP's port, to be added when the VIP forwards and removed before it goes, in
// the services zone:
//   NAME A or AAAA          every port of a name gives it: the builder counts
//   _FIRST._PROTO.REST SRV  0 1 PORT NAME, where NAME is FIRST.REST; only if PORT is not 0 and the
//                           protocol is one
//   reverse name PTR        NAME in the services zone; only within ptr_ranges
// None when there is no services zone or the name is none (dns_service_fqdn() says why); an SRV
// record whose owner would exceed the limits of names is left out.
std::vector<DnsRecord> service_records(const std::string& name, const IpAddress& vip, uint16_t port,
                                       Protocol protocol, const DnsOptions& options);

// The owner of a service's SRV records below its zone: `_FIRST._PROTO.REST`; empty: the protocol
// has none.
std::string service_srv_owner(const std::string& name, Protocol protocol);

// The static records of all zones, their NS records, and the responder's addresses as those of the
// name servers and of the SOA's mname, where these lie in our zones and have no static address. An
// error names the zone and the record.
Result<std::vector<DnsRecord>> static_records(const DnsOptions& options);

// The name of a service without the final dot, lower case: `<name>.<zone with services>`. An error
// when there is no such zone or the name is none.
Result<std::string> dns_service_fqdn(const std::string& name, const DnsOptions& options);

// One line `NAME<TAB>TYPE<TAB>VALUE` per A, AAAA, SRV and PTR record, alias zones left out; names
// lower case with the final dot; values are addresses in canonical text, `target.:port` and
// `target.`; sorted bytewise, each once.
std::vector<std::string> dns_record_lines(const DnsTable& table);

}  // namespace vipgate
