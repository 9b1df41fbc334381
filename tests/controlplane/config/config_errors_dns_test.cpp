// What is wrong with the DNS responder's limits and views.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_dns_test {
namespace {

constexpr Row kLimitRows[] = {
    {"dns: {rate_limit: {responses_per_s: 1000001}}\n",
     "f:1:37: responses_per_s: 1000001 is out of range; write a number from 0 to 1000000"},
    {"dns: {rate_limit: {errors_per_s: some}}\n",
     "f:1:34: errors_per_s: 'some' is not a number; write a number from 0 to 1000000, or auto"},
    {"dns: {rate_limit: {window_s: 0}}\n",
     "f:1:30: window_s: 0 is out of range; write a number from 1 to 60"},
    {"dns: {rate_limit: {slip: 16}}\n",
     "f:1:26: slip: 16 is out of range; write a number from 0 to 15"},
    {"dns: {rate_limit: {ipv4_prefix: 33}}\n",
     "f:1:33: ipv4_prefix: 33 is out of range; write a number from 1 to 32"},
    {"dns: {rate_limit: {ipv6_prefix: 65}}\n",
     "f:1:33: ipv6_prefix: 65 is out of range; write a number from 1 to 64"},
    {"dns: {rate_limit: {exempt: [10.0.0.1/8]}}\n",
     "f:1:29: exempt: 10.0.0.1/8 has bits behind its length; write 10.0.0.0/8"},
    {"dns: {rate_limit: {per_second: 5}}\n",
     "f:1:20: unknown key 'per_second'; the keys here are responses_per_s, errors_per_s, window_s, "
     "slip, ipv4_prefix, ipv6_prefix, exempt"},
    {"dns: {max_amplification: 1}\n",
     "f:1:26: max_amplification: 1 leaves no room for a cookie in the reply; write 0 for any "
     "length, or 2 to 100"},
    {"limits: {dns_rates_per_worker: 1000}\n",
     "f:1:32: dns_rates_per_worker: 1000 is out of range; write a number from 1024 to 16777216"},
};

TEST(ConfigErrors, ALimitOfDnsRepliesThatIsNoneIsRefused) { expect_errors(kLimitRows); }

constexpr Row kViewRows[] = {
    {"dns: {zones: [{name: z}], views: [{clients: [10.0.0.0/8]}]}\n",
     "f:1:35: name: the key is missing here; add it"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: []}]}\n",
     "f:1:54: clients: the list is empty; write at least one item"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8]}, {name: a, clients: "
     "[10.1.0.0/16]}]}\n",
     "f:1:76: the view 'a' is already there; name each view once"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8]}, {name: b, clients: "
     "[10.0.0.0/8]}]}\n",
     "f:1:89: the prefix 10.0.0.0/8 is already that of the view 'a'; keep one of them"},
    {"dns: {zones: [{name: z, aliases: [y]}], views: [{name: a, clients: [10.0.0.0/8], zones: "
     "[{name: y}]}]}\n",
     "f:1:97: there is no zone 'y' in dns.zones; name one of them, which is no alias"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z}, {name: "
     "z}]}]}\n",
     "f:1:94: the view has the zone 'z' already; put both together"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z, "
     "services: reals}]}]}\n",
     "f:1:96: services: the zone 'z' has no names of services; write reals for the zone with "
     "`services: true`"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z, "
     "services: all}]}]}\n",
     "f:1:96: services: 'all' is not known here; write vip or reals"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z, "
     "records: [{name: \"*\", type: A, data: 10.0.0.1}]}]}]}\n",
     "f:1:103: name: '*' is a wildcard, which a view cannot have; name each record"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z, "
     "records: [{name: b, type: A, data: \"::1\"}]}]}]}\n",
     "f:1:121: data: '::1' is not an IPv4 address; write one, as the type A needs"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z, "
     "records: [{name: \"@\", type: CNAME, data: b.z}]}]}]}\n",
     "f:1:114: the zone itself cannot be a CNAME: its SOA stands there; write A or AAAA"},
    {"dns: {zones: [{name: z}], views: [{name: a, clients: [10.0.0.0/8], zones: [{name: z, "
     "records: [{name: b, type: A, data: 10.0.0.1}, {name: b, type: CNAME, data: c.z}]}]}]}\n",
     "f:1:139: 'b' already has a record in line 1; a name with a CNAME has no other record"},
    {"dns: {zones: [{name: z, records: [{name: b, type: CNAME, data: c.z}]}], views: [{name: a, "
     "clients: [10.0.0.0/8], zones: [{name: z, records: [{name: b, type: A, data: "
     "10.0.0.1}]}]}]}\n",
     "f:1:158: 'b' has a CNAME record in line 1, which only another CNAME record can replace"},
};

TEST(ConfigErrors, AViewThatCannotBeAnsweredIsRefused) { expect_errors(kViewRows); }

}  // namespace
}  // namespace vipgate::config_errors_dns_test
