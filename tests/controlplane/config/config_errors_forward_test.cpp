// `dns.forward` that cannot work, with the exact answer.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_forward_test {
namespace {

constexpr Row kRows[] = {
    {"dns: {forward: {policy: yes}}\n",
     "f:1:25: policy: 'yes' is not known here; write refuse or forward"},
    {"dns: {forward: {resolvers: [10.9.1]}}\n",
     "f:1:29: resolvers: '10.9.1' is not a server; write an address, or with its port "
     "192.0.2.53:53 or [2001:db8::53]:53"},
    {"dns: {forward: {resolvers: ['10.9.1.53:0']}}\n",
     "f:1:29: resolvers: '10.9.1.53:0' has no port from 1 to 65535; write an address, or with its "
     "port 192.0.2.53:53 or [2001:db8::53]:53"},
    {"dns: {forward: {resolvers: ['[10.9.1.53]:53']}}\n",
     "f:1:29: resolvers: '[10.9.1.53]:53' is not a server; write an address, or with its port "
     "192.0.2.53:53 or [2001:db8::53]:53"},
    {"dns: {forward: {resolvers: ['[fd09::1:53']}}\n",
     "f:1:29: resolvers: '[fd09::1:53' is not a server; write an address, or with its port "
     "192.0.2.53:53 or [2001:db8::53]:53"},
    {"dns: {forward: {resolvers: [224.0.0.1]}}\n",
     "f:1:29: resolvers: 224.0.0.1 is a multicast address; write a unicast address"},
    {"dns: {forward: {attempts: 5}}\n",
     "f:1:27: attempts: 5 is out of range; write a number from 1 to 4"},
    {"dns: {forward: {policy: forward}}\n",
     "f:1:16: clients: nobody may have questions forwarded; write the prefixes of those who may\n"
     "f:1:16: resolvers: there is nobody to ask; write the address of a server that resolves "
     "names\n"
     "f:1:16: snat_pool: questions have no source; write the name of a pool that no service uses"},
    {"snat_pools: [{name: dns, addresses: [10.9.1.99]}]\n"
     "dns: {forward: {policy: forward, clients: [10.0.0.0/8], resolvers: [10.9.1.53],\n"
     "  snat_pool: nds}}\n",
     "f:3:14: snat_pool: there is no SNAT pool 'nds'; write one of dns"},
    {"snat_pools: [{name: dns, addresses: [10.9.1.99]}]\n"
     "dns: {forward: {policy: forward, clients: [10.0.0.0/8], resolvers: [10.9.1.53, 'fd09::53',\n"
     "  10.9.1.53, 10.9.1.99], snat_pool: dns, race_after_ms: 3000}}\n",
     "f:2:80: resolvers: the SNAT pool 'dns' has no address from which to ask fd09::53; add one of "
     "its family\n"
     "f:3:3: resolvers: 10.9.1.53 is there twice; write it once\n"
     "f:3:14: resolvers: 10.9.1.99 is an address of this gateway; write that of another machine\n"
     "f:3:57: race_after_ms: 3000 ms are more than timeout_ms; write 2000 at most"},
    {"snat_pools: [{name: default, addresses: [10.9.1.99]}]\n"
     "services: [{name: a, vip: 11.0.0.1, port: 80}]\n"
     "dns: {forward: {policy: forward, clients: [10.0.0.0/8], resolvers: [10.9.1.53],\n"
     "  snat_pool: default}}\n",
     "f:4:14: snat_pool: 'default' is the pool of the service 'a', too; write a pool that only "
     "forwarding uses"},
    {"snat_pools: [{name: dns, addresses: [10.9.1.99]}]\n"
     "dns: {zones: [{name: mesos}], forward: {policy: forward, clients: [10.0.0.0/8],\n"
     "  resolvers: [10.9.1.53], snat_pool: dns, zones: [{name: a.mesos, resolvers: [10.9.1.54]},\n"
     "  {name: b, resolvers: [10.9.1.54]}, {name: b, resolvers: [10.9.1.54]}]}}\n",
     "f:3:58: name: 'a.mesos' lies in our own zone 'mesos', which is never forwarded; leave it "
     "out\n"
     "f:4:45: name: the zone 'b' is already there; name each once"},
    {"snat_pools: [{name: dns, addresses: [10.9.1.99]}]\n"
     "dns: {zones: [{name: mesos, aliases: [mesos.alias]}],\n"
     "  forward: {policy: forward, clients: [10.0.0.0/8], resolvers: [10.9.1.53],\n"
     "  snat_pool: dns, zones: [{name: mesos.alias, resolvers: [10.9.1.54]},\n"
     "  {name: a.mesos.alias, resolvers: [10.9.1.54]}, {name: alias, resolvers: [10.9.1.54]}]}}\n",
     "f:4:34: name: 'mesos.alias' lies in our own alias 'mesos.alias', which is never forwarded; "
     "leave it out\n"
     "f:5:10: name: 'a.mesos.alias' lies in our own alias 'mesos.alias', which is never forwarded; "
     "leave it out"},
    {"dns: {forward: {health: {interval_s: 3601}}}\n",
     "f:1:38: interval_s: 3601 is out of range; write a number from 0 to 3600"},
    {"dns: {forward: {health: {fall: 0}}}\n",
     "f:1:32: fall: 0 is out of range; write a number from 1 to 100"},
    {"dns: {forward: {health: {name: a..b}}}\n",
     "f:1:32: name: 'a..b': a label is empty; put characters between the dots"},
    {"dns: {forward: {health: {rise: 1}}}\n",
     "f:1:26: unknown key 'rise'; the keys here are interval_s, timeout_ms, fall, name"},
    {"snat_pools: [{name: dns, addresses: [10.9.1.99]}]\n"
     "dns: {forward: {policy: forward, clients: [10.0.0.0/8], resolvers: [10.9.1.53],\n"
     "  snat_pool: dns, health: {interval_s: 2, timeout_ms: 2001}}}\n",
     "f:3:55: timeout_ms: 2001 ms is longer than the interval of 2 s; write 2000 at most"},
    {"dns: {search: [{clients: [10.0.0.0/8]}]}\n",
     "f:1:16: suffixes: the key is missing here; add it"},
    {"dns: {search: [{clients: [], suffixes: [a]}]}\n",
     "f:1:26: clients: the list is empty; write at least one item"},
    {"dns: {search: [{clients: [10.0.0.0/8], suffixes: [a.]}]}\n",
     "f:1:51: suffixes: 'a.' ends with a dot; write it without"},
    {"dns: {search: [{clients: [10.0.0.0/8], suffixes: [a, b, a]},\n"
     "  {clients: [10.1.0.0/16, 10.0.0.0/8], suffixes: [a]}]}\n",
     "f:1:57: suffixes: 'a' is there twice; write it once\n"
     "f:2:27: the prefix 10.0.0.0/8 has a list already; keep one of them"},
    {"dns: {search: [{clients: [10.0.0.0/8],\n"
     "  suffixes: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]}]}\n",
     "f:2:13: suffixes: 17 are too many; write at most 16"},
};

TEST(ConfigErrors, ForwardingThatCannotWorkIsRefused) { expect_errors(kRows); }

}  // namespace
}  // namespace vipgate::config_errors_forward_test
