// Addresses and names that cannot be, and parts that do not fit together, with the exact answer.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_network_test {
namespace {

constexpr Row kAddressesRows[] = {
    {"dns: {tcp: {per_client: 0}}\n",
     "f:1:25: per_client: 0 is out of range; write a number from 1 to 100000"},
    {"dns: {tcp: {idle_s: 10s}}\n",
     "f:1:21: idle_s: '10s' is not a number; write a number from 1 to 600, without a unit"},
    {"dns: {tcp: {cache_mb: 8192}}\n",
     "f:1:23: cache_mb: 8192 is out of range; write a number from 0 to 4096"},
    {"dns: {nsid: 0x123}\n", "f:1:13: nsid: 0x is followed by pairs of hex digits, as in 0x6e7331"},
    {"dns: {nsid: 0x}\n", "f:1:13: nsid: 0x is followed by pairs of hex digits, as in 0x6e7331"},
    {"dns: {nsid: "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
     "f:1:13: nsid: it has 129 octets; write 128 at most"},
    {"dns: {cookies: {enabled: maybe}}\n",
     "f:1:26: enabled: 'maybe' is not true or false; write one of these two"},
    {"dns: {cookies: {secret_file: /nowhere/secret}}\n",
     "f:1:30: secret_file: '/nowhere/secret' cannot be read: No such file or directory; write the "
     "path of the file, and let this user read it"},
    {"dns: {cookies: {secrets: []}}\n",
     "f:1:17: unknown key 'secrets'; the keys here are enabled, secret_file"},
    {"dns: {chaos: {version: [a]}}\n", "f:1:24: version: a list stands here; write a text"},
    {"dns: {listen: [10.9.0]}\n",
     "f:1:16: listen: '10.9.0' is not an address; write an IPv4 or IPv6 address"},
    {"dns: {listen: [10.9.0.53/24]}\n",
     "f:1:16: listen: '10.9.0.53/24' is a prefix; write an address without '/length'"},
    {"dns: {listen: [10.9.0.053]}\n",
     "f:1:16: listen: '10.9.0.053' is not an address; write an IPv4 or IPv6 address"},
    {"dns: {listen: [127.0.0.53]}\n",
     "f:1:16: listen: 127.0.0.53 is a loopback address; write a unicast address"},
    {"ports: [{name: a, device: d, addresses: [10.9.0.0/24]}]\n",
     "f:1:42: addresses: 10.9.0.0/24 is the network itself; write an address in it"},
    {"ports: [{name: a, device: d, addresses: [10.9.0.255/24]}]\n",
     "f:1:42: addresses: 10.9.0.255/24 is the network's broadcast address; write another"},
    {"ports: [{name: a, device: d, addresses: ['ff02::1/64']}]\n",
     "f:1:42: addresses: ff02::1/64 is a multicast address; write a unicast address"},
    {"ports: [{name: a, device: d, addresses: [10.9.0.2/33]}]\n",
     "f:1:42: addresses: '10.9.0.2/33' is not an address; write an address with a prefix "
     "length, as 10.9.0.2/24"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], "
     "neighbors: [{address: 10.9.0.1, mac: '02:00'}]}\n",
     "f:2:113: mac: '02:00' is not a MAC address; write six pairs of hex digits, as "
     "02:00:00:00:00:01"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], "
     "neighbors: [{address: 10.9.0.1, mac: '01:00:5e:00:00:01'}]}\n",
     "f:2:113: mac: 01:00:5e:00:00:01 is not the address of one station; write a unicast "
     "address"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], "
     "neighbors: [{address: 10.9.0.1}]}\n",
     "f:2:88: mac: the key is missing here; add it"},
    {"snat_pools: [{name: a, addresses: [224.0.0.1]}]\n",
     "f:1:36: addresses: 224.0.0.1 is a multicast address; write a unicast address"},
    {"snat_pools: [{name: a, addresses: ['fe80::1']}]\n",
     "f:1:36: addresses: fe80::1 is a link-local address, which is not routed; write a "
     "unicast address"},
    {"snat_pools: [{name: a, addresses: ['::ffff:1.2.3.4']}]\n",
     "f:1:36: addresses: ::ffff:1.2.3.4 is an IPv4-mapped address, which never appears on "
     "the wire; write a unicast address"},
    {"snat_pools: [{name: a, addresses: [10.0.0.1], ports: 1024}]\n",
     "f:1:54: ports: '1024' is not a range of ports from 1 to 65535; write first-last, as "
     "1024-65535"},
    {"snat_pools: [{name: a, addresses: [10.0.0.1], ports: 2000-1000}]\n",
     "f:1:54: ports: '2000-1000' is backwards; write 1000-2000"},
    {"snat_pools: [{name: a, addresses: [10.0.0.1], ports: 0-1000}]\n",
     "f:1:54: ports: '0-1000' is not a range of ports from 1 to 65535; write first-last, "
     "as 1024-65535"},
    {"snat_pools: [{name: a, addresses: [10.0.0.1], ports: 1-65536}]\n",
     "f:1:54: ports: '1-65536' is not a range of ports from 1 to 65535; write first-last, "
     "as 1024-65535"},
    {"snat_pools: [{name: a}]\n", "f:1:14: addresses: the key is missing here; add it"},
    {"services: [{name: a, port: 80, mode: nat, vip: automatic}]\n",
     "f:1:48: vip: 'automatic' is not an address; write an IPv4 or IPv6 address, or auto"},
    {"services: [{name: a, port: 80, mode: nat, vip: 11.0.0.0/33}]\n",
     "f:1:48: vip: '11.0.0.0/33' is not a prefix; write a prefix, as 10.20.0.0/16"},
    {"services: [{name: a, port: 80, mode: nat, vip: 0.0.0.0}]\n",
     "f:1:48: vip: 0.0.0.0 is an unspecified address (0.0.0.0/8); write a unicast address, or "
     "auto"},
    {"services: [{name: a, port: 80, mode: nat, vip: '::'}]\n",
     "f:1:48: vip: :: is the unspecified address; write a unicast address, or auto"},
    {"services: [{name: a, port: 80, mode: nat, vip: 255.255.255.255}]\n",
     "f:1:48: vip: 255.255.255.255 is the broadcast address; write a unicast address, or auto"},
    {"services: [{name: a, port: 80, mode: nat, vip: '::1'}]\n",
     "f:1:48: vip: ::1 is the loopback address; write a unicast address, or auto"},
    {"services: [{name: a, port: 80, mode: nat, vip: 239.1.1.1}]\n",
     "f:1:48: vip: 239.1.1.1 is a multicast address; write a unicast address, or auto"},
    {"services: [{name: a, port: 80, mode: nat, vip: redis}]\n",
     "f:1:48: vip: 'redis' is not an address; write an IPv4 or IPv6 address, or auto"},
    {"services: [{name: a, vip: 11.0.0.1, mode: nat, port: -1}]\n",
     "f:1:54: port: -1 is out of range; write a number from 1 to 65535, a range, as 8000-8999, or "
     "any"},
    {"services: [{name: a, vip: 11.0.0.1, mode: nat, port: 65536}]\n",
     "f:1:54: port: 65536 is out of range; write a number from 1 to 65535, a range, as 8000-8999, "
     "or any"},
    {"services: [{name: a, vip: 11.0.0.1, mode: nat, port: http}]\n",
     "f:1:54: port: 'http' is not a number; write a number from 1 to 65535, a range, as 8000-8999, "
     "or any"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, protocol: dccp}\n",
     "f:2:61: protocol: 'dccp' is not known here; write tcp, udp or sctp"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, reals: [{address: 127.0.0.1, "
     "port: 0, weight: -1}]}\n",
     "f:2:69: address: 127.0.0.1 is a loopback address; write a unicast address\n"
     "f:2:86: port: 0 is out of range; write a number from 1 to 65535, or auto\n"
     "f:2:97: weight: -1 is out of range; write a number from 0 to 65535"},
};

TEST(ConfigErrors, AddressesAndPortsThatCannotBeUsedAreRefused) { expect_errors(kAddressesRows); }

constexpr Row kNamesRows[] = {
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: Redis}]\n",
     "f:1:55: name: 'Redis': upper case; write it in lower case (DNS ignores case)"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: redis_1}]\n",
     "f:1:55: name: 'redis_1': a character that DNS names do not have; write a-z, 0-9, - "
     "and dots"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: -redis}]\n",
     "f:1:55: name: '-redis': a label begins or ends with a hyphen; remove it"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: redis-}]\n",
     "f:1:55: name: 'redis-': a label begins or ends with a hyphen; remove it"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: a..b}]\n",
     "f:1:55: name: 'a..b': a label is empty; put characters between the dots"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: a.}]\n",
     "f:1:55: name: 'a.' ends with a dot; write it without"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: 'a b'}]\n",
     "f:1:55: name: 'a b': a character that DNS names do not have; write a-z, 0-9, - and "
     "dots"},
    {"services: [{vip: 11.0.0.1, port: 80, mode: nat, name: "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}]\n",
     "f:1:55: name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx': "
     "the label 'xxxxxxxxxxxxxxxx\342\200\246' has 64 characters; a label has at most 63"},
    {"dns: {zones: [{name: Mesos}]}\n",
     "f:1:22: name: 'Mesos': upper case; write it in lower case (DNS ignores case)"},
    {"dns: {zones: [{name: mesos.}]}\n",
     "f:1:22: name: 'mesos.' ends with a dot; write it without"},
    {"dns: {soa: {mname: NS1.mesos.}}\n",
     "f:1:20: mname: 'NS1.mesos.': upper case; write it in lower case (DNS ignores case)"},
    {"dns: {soa: {rname: root..mesos.}}\n",
     "f:1:20: rname: 'root..mesos.': a label is empty; put characters between the dots"},
    {"dns: {zones: [{name: l4lb.thisdcos.directory, services: true}]}\n"
     "services: [{vip: 11.0.0.1, port: 80, mode: nat, name: "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]\n",
     "f:2:55: with its zone 'l4lb.thisdcos.directory' the name has 267 characters; a DNS "
     "name has at most 253"},
};

TEST(ConfigErrors, NamesThatDnsCannotHoldAreRefused) { expect_errors(kNamesRows); }

constexpr Row kTogetherRows[] = {
    {"ports:\n"
     "  - {name: a, device: net_tap0}\n"
     "  - {name: a, device: net_tap1}\n",
     "f:3:12: a second port is named 'a'; give it another name"},
    {"ports:\n"
     "  - {name: a, device: 'net_tap0,iface=a'}\n"
     "  - {name: b, device: 'net_tap0,iface=b'}\n",
     "f:3:23: another port already uses 'net_tap0'; write the device of this port"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], gateway: "
     "10.9.1.1}\n",
     "f:2:85: gateway: 10.9.1.1 is on none of the port's IPv4 segments; write one that "
     "shares a prefix with `addresses`"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], gateway: "
     "'fd08::1'}\n",
     "f:2:85: gateway: fd08::1 is on none of the port's IPv6 segments; write one that "
     "shares a prefix with `addresses`"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], gateway: "
     "[10.9.0.1, 10.9.0.3]}\n",
     "f:2:96: gateway: a second one for IPv4; write one per family"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], gateway: "
     "10.9.0.2}\n",
     "f:2:85: gateway: 10.9.0.2 is the port's own address; write the router's"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], "
     "neighbors: [{address: 10.9.0.1, mac: '02:00:00:00:00:01'}, {address: 10.9.0.1, mac: "
     "'02:00:00:00:00:02'}]}\n",
     "f:2:145: a second neighbour has the address 10.9.0.1; keep one of them"},
    {"workers: {cpus: [1, 2, 1]}\n", "f:1:24: CPU 1 stands here again; name each CPU once"},
    {"snat_pools:\n"
     "  - {name: a, addresses: [10.0.0.1]}\n"
     "  - {name: a, addresses: [10.0.0.2]}\n",
     "f:3:12: a second pool is named 'a'; give it another name"},
    {"snat_pools:\n"
     "  - {name: a, addresses: [10.0.0.1]}\n"
     "  - {name: b, addresses: [10.0.0.1]}\n",
     "f:3:27: 10.0.0.1 cannot be an SNAT address: it is already an SNAT address (line 2); "
     "each address has one use, write another"},
    {"workers: {cpus: [1, 2, 3]}\n"
     "snat_pools: [{name: a, addresses: [10.0.0.1], ports: 1024-1025}]\n",
     "f:2:54: ports: 2 are too few to be shared by several workers; write at least 1023"},
    {"defaults: {snat_pool: nat}\n", "f:1:23: there is no SNAT pool 'nat'; add it to snat_pools"},
    {"snat_pools: [{name: default, addresses: [10.9.1.100]}]\n"
     "defaults: {snat_pool: defualt}\n",
     "f:2:23: there is no SNAT pool 'defualt'; write one of default"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80}\n",
     "f:2:5: there is no SNAT pool 'default'; add it to snat_pools"},
    {"snat_pools: [{name: default, addresses: [10.9.1.100]}]\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, snat_pool: other}\n",
     "f:3:51: there is no SNAT pool 'other'; write one of default"},
    {"snat_pools: [{name: default, addresses: [10.9.1.100]}]\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, snat_pool: other}\n",
     "f:3:62: there is no SNAT pool 'other'; write one of default"},
    {"snat_pools: [{name: default, addresses: [10.9.1.100]}]\n"
     "services:\n"
     "  - {name: a, vip: 'fd01:c::1', port: 80}\n",
     "f:3:5: the SNAT pool 'default' has no IPv6 address for the fullnat of fd01:c::1; "
     "add one, or write a pool that has"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat}\n"
     "  - {name: b, vip: 11.0.0.1, port: 80, mode: nat}\n",
     "f:3:20: 11.0.0.1:80/tcp is already served by the service in line 2; write another "
     "VIP, port or protocol"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat}\n"
     "  - {name: a, vip: 11.0.0.2, port: 80, mode: nat}\n",
     "f:3:12: 'a' already has an IPv4 service with port 80/tcp in line 2; write another "
     "name or port"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, reals: [{address: 'fd00::1', "
     "port: 80}]}\n",
     "f:2:69: the real fd00::1 is not of the VIP's family; write an IPv4 address, or a mode that "
     "is a tunnel"},
    {"ports: [{name: a, device: d, addresses: [10.1.0.2/24]}]\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: l2dsr, reals: [{address: 'fd00::1', "
     "port: 80}, {address: 10.1.0.9, port: 80}, {address: 10.2.0.9, port: 80}]}\n",
     "f:3:71: the real fd00::1 is not of the VIP's family; write an IPv4 address, or a mode that "
     "is a tunnel\n"
     "f:3:134: the real 10.2.0.9 is on no segment of a port, as l2dsr needs it to be; write an "
     "address within a port's prefix, or a mode that is a tunnel"},
    {"defaults: {tunnel_source_ipv4: 172.16.0.1/16}\n",
     "f:1:32: tunnel_source_ipv4: 172.16.0.1/16 has bits behind its length; write 172.16.0.0/16"},
    {"defaults: {tunnel_source_ipv4: '100::/64', tunnel_source_ipv6: 10.0.0.1}\n",
     "f:1:32: tunnel_source_ipv4: 100::/64 is of the other family; write an IPv4 prefix or "
     "address\n"
     "f:1:64: tunnel_source_ipv6: 10.0.0.1/32 is of the other family; write an IPv6 prefix or "
     "address"},
    {"defaults: {gue_variant: 2, gue_port: 0, gue_hops: 9, mss_clamp: 65496}\n",
     "f:1:25: gue_variant: 2 is out of range; write a number from 0 to 1\n"
     "f:1:38: gue_port: 0 is out of range; write a number from 1 to 65535, or auto\n"
     "f:1:51: gue_hops: 9 is out of range; write a number from 0 to 8\n"
     "f:1:65: mss_clamp: 65496 is out of range; write a number from 0 to 65495"},
    {"defaults: {tunnel_dscp: 64}\n",
     "f:1:25: tunnel_dscp: 64 is out of range; write a number from 0 to 63, or auto"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: gue, gue_hops: 2}\n",
     "f:2:61: gue_hops: hops stand in the header of GUE's variant 0, and this is variant 1, which "
     "has none; write gue_variant: 0, or gue_hops: 0"},
    {"named_vips: {mode: gue, gue_hops: 2}\n",
     "f:1:35: gue_hops: hops stand in the header of GUE's variant 0, and this is variant 1, which "
     "has none; write gue_variant: 0, or gue_hops: 0"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, track: when_needed}\n",
     "f:2:58: track: with the mode nat every flow needs its entry, which says how packets are "
     "translated; write always, or one of the modes l2dsr, ipip, gre and gue"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, client_address: toa}\n",
     "f:2:67: client_address: it is what the reals of nat see anyway; write mode: fullnat, or "
     "client_address: hidden"},
    {"snat_pools: [{name: default, addresses: [10.0.0.9]}]\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, protocol: udp, client_address: proxy_v2}\n",
     "f:3:71: client_address: it is told over TCP alone; write protocol: tcp, or client_address: "
     "hidden"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, client_address: proxy}]\n",
     "f:1:63: client_address: 'proxy' is not known here; write hidden, toa or proxy_v2"},
    {"defaults: {mode: ipip, track: when_needed}\n"
     "snat_pools: [{name: default, addresses: [10.9.0.9]}]\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80, mode: fullnat}\n",
     "f:5:5: track: with the mode fullnat every flow needs its entry, which says how packets are "
     "translated; write always, or one of the modes l2dsr, ipip, gre and gue"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: gre, track: when_needed, new_flows_per_s: 5}\n",
     "f:2:88: new_flows_per_s: with track: when_needed new flows are not told from others; write "
     "0, "
     "or track: always"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: gre, track: when_needed, max_connections: 5}\n",
     "f:2:88: max_connections: with track: when_needed flows without an entry are not counted; "
     "write 0, or track: always"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: gre, track: when_needed, affinity: source}\n",
     "f:2:81: affinity: with track: when_needed flows without an entry go by the rows alone, "
     "wherever their client has been; write none, or track: always"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, affinity: source,\n"
     "     reals: [{address: 10.0.0.1, port: 80}, {address: 10.0.0.2, port: 80}]}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80, mode: nat,\n"
     "     reals: [{address: 10.0.0.2, port: 80}]}\n"
     "  - {name: c, vip: 11.0.0.3, port: 80, mode: ipip,\n"
     "     reals: [{address: 10.0.0.2, port: 80}]}\n"
     "  - {name: d, vip: 11.0.0.2, port: 80, mode: nat, protocol: udp,\n"
     "     reals: [{address: 10.0.0.2, port: 80}]}\n",
     "f:4:5: affinity: the service shares the real 10.0.0.2:80 with that in line 2, which has "
     "another affinity; one worker must see all that a client does with a nat real: write the same "
     "for both"},
    {"defaults: {affinity: client}\n",
     "f:1:22: affinity: 'client' is not known here; write none or source"},
    {"timeouts: {affinity_s: 14401}\n",
     "f:1:24: affinity_s: 14401 is out of range; write a number from 1 to 14400"},
    {"snat_pools: [{name: default, addresses: [10.9.0.9]}]\n"
     "mesos: [{masters: ['10.0.0.1:5050']}]\n"
     "named_vips: {track: when_needed}\n",
     "f:3:21: track: with the mode fullnat every flow needs its entry, which says how packets are "
     "translated; write always, or one of the modes l2dsr, ipip, gre and gue"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: gue, gue_variant: 0, gue_hops: 2, reals: "
     "[{address: 'fd00::1', port: 80}]}\n",
     "f:2:98: the real fd00::1 cannot be a hop: gue_hops are IPv4 addresses; write one, or "
     "gue_hops: 0"},
    {"services:\n"
     "  - name: a\n"
     "    vip: 11.0.0.1\n"
     "    port: 80\n"
     "    mode: nat\n"
     "    reals:\n"
     "      - {address: 10.0.0.1, port: 80}\n"
     "      - {address: 10.0.0.1, port: 80, weight: 2}\n",
     "f:8:9: the real 10.0.0.1:80 is already in line 7; keep one of them (a weight says "
     "how much it gets)"},
    {"snat_pools: [{name: default, addresses: [11.0.0.1]}]\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80}\n",
     "f:3:20: 11.0.0.1 cannot be a VIP: it is already an SNAT address (line 1); each "
     "address has one use, write another"},
    {"dns: {listen: [11.0.0.1]}\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat}\n",
     "f:3:20: 11.0.0.1 cannot be a VIP: it is already a DNS address (line 1); each "
     "address has one use, write another"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64']}\n"
     "dns: {listen: [10.9.0.2]}\n",
     "f:3:16: 10.9.0.2 cannot be a DNS address: it is already a port's address (line 2); "
     "each address has one use, write another"},
    {"ports:\n"
     "  - {name: twelve-chars, device: net_tap0}\n"
     "  - {name: twelve-chars2, device: net_tap1}\n"
     "  - {name: twelve-chars3, device: net_tap2, kernel: false}\n",
     "f:3:12: name: 'twelve-chars2' has 13 characters; a port with a kernel side, whose "
     "interface is vg-<name>, has at most 12"},
    {"ports: [{name: edge, device: net_tap0, addresses: [10.9.0.2/24]}]\n"
     "snat_pools: [{name: default, addresses: [10.9.0.3]}]\n"
     "dns: {listen: [10.9.0.4], zones: [{name: z, services: true}]}\n"
     "services:\n"
     "  - name: a\n"
     "    vip: 11.0.0.1\n"
     "    port: 80\n"
     "    reals:\n"
     "      - {address: 10.9.0.2, port: 1}\n"
     "      - {address: 10.9.0.3, port: 1}\n"
     "      - {address: 10.9.0.4, port: 1}\n"
     "      - {address: 10.9.0.5, port: 1}\n"
     "      - {address: 11.0.0.1, port: 1}\n"
     "      - {address: 11.0.0.2, port: 1}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80}\n",
     "f:9:19: 10.9.0.2 cannot be a real's address: it is already a port's address (line 1); "
     "write the address of another machine\n"
     "f:10:19: 10.9.0.3 cannot be a real's address: it is already an SNAT address (line 2); "
     "write the address of another machine\n"
     "f:11:19: 10.9.0.4 cannot be a real's address: it is already a DNS address (line 3); "
     "write the address of another machine\n"
     "f:13:19: 11.0.0.1 cannot be a real's address: it is already a VIP (line 6); "
     "write the address of another machine"},
    {"dns: {listen: [10.9.0.53, 10.9.0.53]}\n",
     "f:1:27: 10.9.0.53 cannot be a DNS address: it is already a DNS address (line 1); "
     "each address has one use, write another"},
    {"dns: {zones: [{name: mesos}, {name: mesos}]}\n",
     "f:1:37: the zone 'mesos' is already there; name each zone and alias once"},
    {"dns: {zones: [{name: mesos}, {name: l4lb, aliases: [mesos]}]}\n",
     "f:1:53: the zone 'mesos' is already there; name each zone and alias once"},
    {"dns: {zones: [{name: mesos}]}\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat}\n",
     "f:1:14: zones: none of them has `services: true`, so no service has a name; add it "
     "to one zone"},
    {"limits: {services: 1}\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat}\n"
     "  - {name: a, vip: 11.0.0.1, port: 81, mode: nat}\n",
     "f:3:3: there are 2 services, and limits.services is 1; raise the limit or remove "
     "some"},
    {"limits: {reals: 1, dns_names: 1}\n"
     "services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, reals: [{address: 10.0.0.1, port: "
     "1}, {address: 10.0.0.1, port: 2}]}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80, mode: nat}\n",
     "f:3:3: there are 2 reals, and limits.reals is 1; raise the limit or remove some\n"
     "f:3:3: there are 2 dns_names, and limits.dns_names is 1; raise the limit or remove "
     "some"},
};

TEST(ConfigErrors, PartsThatDoNotFitTogetherAreRefused) { expect_errors(kTogetherRows); }

}  // namespace
}  // namespace vipgate::config_errors_network_test
