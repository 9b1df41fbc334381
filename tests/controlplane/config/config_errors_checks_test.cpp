// Mistakes in health checks and in the records of zones, with the exact answer.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_checks_test {
namespace {

constexpr Row kHealthRows[] = {
    {"defaults: {health: {type: ping}}\n",
     "f:1:27: type: 'ping' is not known here; write none, tcp, http, https, dns or grpc"},
    {"defaults: {health: {type: tcp, interval_s: 0}}\n",
     "f:1:44: interval_s: 0 is out of range; write a number from 1 to 3600"},
    {"defaults: {health: {type: tcp, interval_s: 1, timeout_ms: 1001}}\n",
     "f:1:59: timeout_ms: 1001 ms is longer than the interval of 1 s; write at most 1000"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, health: {type: tcp, "
     "interval_s: 1, timeout_ms: 2000}}]\n",
     "f:1:105: timeout_ms: 2000 ms is longer than the interval of 1 s; write at most 1000"},
    {"defaults: {health: {type: tcp, rise: 0, fall: 101}}\n",
     "f:1:38: rise: 0 is out of range; write a number from 1 to 100\n"
     "f:1:47: fall: 101 is out of range; write a number from 1 to 100"},
    {"defaults: {health: {type: tcp, port: 0}}\n",
     "f:1:38: port: 0 is out of range; write a number from 1 to 65535, or auto"},
    {"defaults: {health: {type: http, path: health}}\n",
     "f:1:39: path: 'health' is no path; begin with / and use no spaces"},
    {"defaults: {health: {type: http, path: \"/a b\"}}\n",
     "f:1:39: path: '/a b' is no path; begin with / and use no spaces"},
    {"defaults: {health: {type: http, host: \"a/b\"}}\n",
     "f:1:39: host: 'a/b' is no host; write a name, as www.example.com"},
    {"defaults: {health: {type: http, status: ok}}\n",
     "f:1:41: status: 'ok' is no range of HTTP statuses; write first-last from 100 to 599, "
     "as 200-399, or one number"},
    {"defaults: {health: {type: http, status: 99}}\n",
     "f:1:41: status: '99' is no range of HTTP statuses; write first-last from 100 to 599, "
     "as 200-399, or one number"},
    {"defaults: {health: {type: http, status: 399-200}}\n",
     "f:1:41: status: '399-200' is backwards; write 200-399"},
    {"defaults: {health: {type: http, status: 200-600}}\n",
     "f:1:41: status: '200-600' is no range of HTTP statuses; write first-last from 100 to "
     "599, as 200-399, or one number"},
    {"defaults: {health: {type: https, verify: yes}}\n",
     "f:1:42: verify: 'yes' is not true or false; write one of these two"},
    {"defaults: {health: {type: tcp, panic_percent: 101}}\n",
     "f:1:47: panic_percent: 101 is out of range; write a number from 0 to 100"},
    {"defaults: {health: {type: dns}}\n",
     "f:1:20: host: a check of type dns needs the name that it asks for; add it"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, health: {type: dns, host: "
     "a..b}}]\n",
     "f:1:84: host: 'a..b': a label is empty; put characters between the dots"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, protocol: udp, mode: nat, health: {type: "
     "tcp}}]\n",
     "f:1:88: type: a UDP port answers no such check, which goes over TCP; write type: dns, or "
     "add port: the TCP port that answers for it"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, protocol: sctp, mode: nat, health: {type: "
     "tcp}}]\n",
     "f:1:89: type: an SCTP port answers no check, which goes over TCP or UDP; write type: none, "
     "or add port: the port that answers for it"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, protocol: sctp, mode: nat, health: {type: "
     "dns, host: a}}]\n",
     "f:1:89: type: an SCTP port answers no check, which goes over TCP or UDP; write type: none, "
     "or add port: the port that answers for it"},
    {"named_vips: {health: {type: dns}}\n",
     "f:1:22: host: a check of type dns needs the name that it asks for; add it"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, health: {kind: tcp}}]\n",
     "f:1:67: unknown key 'kind'; the keys here are type, interval_s, timeout_ms, rise, "
     "fall, port, path, host, status, verify, panic_percent"},
};

TEST(ConfigErrors, AHealthCheckThatCannotWorkIsRefused) { expect_errors(kHealthRows); }

constexpr Row kRecordsRows[] = {
    {"dns: {zones: [{name: z, records: [{}]}]}\n",
     "f:1:35: name: the key is missing here; add it\n"
     "f:1:35: type: the key is missing here; add it\n"
     "f:1:35: data: the key is missing here; add it"},
    {"dns: {zones: [{name: z, records: [{name: www.z., type: A, data: 10.0.0.1}]}]}\n",
     "f:1:42: name: 'www.z.' ends with a dot; write it without its zone"},
    {"dns: {zones: [{name: z, records: [{name: \"a.*\", type: A, data: 10.0.0.1}]}]}\n",
     "f:1:42: name: 'a.*': a character that DNS names do not have; write a-z, 0-9, - and "
     "dots"},
    {"dns: {zones: [{name: z, records: [{name: a, type: MX, data: x}]}]}\n",
     "f:1:51: type: 'MX' is not known here; write A, AAAA, CNAME, TXT, SRV or PTR"},
    {"dns: {zones: [{name: z, records: [{name: a, type: A, data: \"fd00::1\"}]}]}\n",
     "f:1:60: data: 'fd00::1' is not an IPv4 address; write one, as the type A needs"},
    {"dns: {zones: [{name: z, records: [{name: a, type: AAAA, data: 10.0.0.1}]}]}\n",
     "f:1:63: data: '10.0.0.1' is not an IPv6 address; write one, as the type AAAA needs"},
    {"dns: {zones: [{name: z, records: [{name: a, type: CNAME, data: a..b}]}]}\n",
     "f:1:64: data: 'a..b' is not a domain name: it has an empty label"},
    {"dns: {zones: [{name: z, records: [{name: \"@\", type: CNAME, data: b.z}]}]}\n",
     "f:1:53: the zone itself cannot be a CNAME: its SOA stands there; write A or AAAA"},
    {"dns: {zones: [{name: z, records: [{name: a, type: A, data: 10.0.0.1}, {name: a, type: "
     "CNAME, data: b.z}]}]}\n",
     "f:1:78: 'a' already has a record in line 1; a name with a CNAME has no other record"},
    {"dns: {zones: [{name: z, records: [{name: a, type: A, data: 10.0.0.1}, {name: a, type: "
     "A, data: 10.0.0.1}]}]}\n",
     "f:1:71: this record is already there; keep one of them"},
    {"dns: {zones: [{name: z, records: [{name: _a._tcp, type: SRV, data: 0 1 80}]}]}\n",
     "f:1:68: data: '0 1 80' is not 'PRIORITY WEIGHT PORT TARGET', as in '0 1 6379 redis.mesos.'"},
    {"dns: {ttl: {a: 604801}}\n",
     "f:1:16: a: 604801 is out of range; write a number from 0 to 604800, or auto"},
    {"dns: {zones: [{name: z, ttl: {mx: 1}}]}\n",
     "f:1:31: unknown key 'mx'; the keys here are a, aaaa, srv, ptr, txt, cname, ns, soa"},
    {"dns: {zones: [{name: z, ttl_s: -1}]}\n",
     "f:1:32: ttl_s: -1 is out of range; write a number from 0 to 604800, or auto"},
    {"dns: {udp_size: 511}\n",
     "f:1:17: udp_size: 511 is out of range; write a number from 512 to 4096"},
    {"dns: {zones: [{name: z, records: [{name: \"*.*.a\", type: A, data: 10.0.0.1}]}]}\n",
     "f:1:42: name: '*.*.a': a character that DNS names do not have; write a-z, 0-9, - and dots"},
    {"dns: {zones: [{name: z, records: [{name: \"*.\", type: A, data: 10.0.0.1}]}]}\n",
     "f:1:42: name: '*.' ends with a dot; write it without its zone"},
    {"dns: {zones: [{name: z, aliases: [b.z], records: [{name: a.b, type: A, data: 10.0.0.1}]}]}\n",
     "f:1:58: name: 'a.b' lies in the alias 'b.z', which has no names of its own; write it for the "
     "zone 'z'"},
    {"dns: {zones: [{name: z, records: [{name: ns, type: CNAME, data: a.z}]}], name_servers: "
     "[ns.z.], listen: [10.0.0.53]}\n",
     "f:1:14: dns.zones: 'ns.z.' has a CNAME record and others: a CNAME record stands alone"},
    {"dns: {zones: [{name: z, records: [{name: \"a.*\", type: A, data: 10.0.0.1}]}]}\n",
     "f:1:42: name: 'a.*': a character that DNS names do not have; write a-z, 0-9, - and dots"},
    {"dns: {zones: [{name: z, records: [{name: _a._tcp, type: SRV, data: 0 1 65536 a.z}]}]}\n",
     "f:1:68: data: '0 1 65536 a.z' is not 'PRIORITY WEIGHT PORT TARGET', as in '0 1 6379 "
     "redis.mesos.'"},
    {"dns: {zones: [{name: z, records: [{name: a, type: A, ttl_s: 604801, data: "
     "10.0.0.1}]}]}\n",
     "f:1:61: ttl_s: 604801 is out of range; write a number from 0 to 604800, or auto"},
    {"dns: {ptr: maybe}\n", "f:1:12: ptr: 'maybe' is not true or false; write one of these two"},
};

TEST(ConfigErrors, RecordsOfAZoneThatCannotBeAnsweredAreRefused) { expect_errors(kRecordsRows); }

}  // namespace
}  // namespace vipgate::config_errors_checks_test
