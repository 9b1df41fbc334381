// Mistakes in what is said of Mesos, Marathon, named VIPs and the store, with the exact answer.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_sources_test {
namespace {

constexpr Row kMastersRows[] = {
    {"mesos: [{domain: mesos}]\n", "f:1:9: masters: the key is missing here; add it"},
    {"mesos: [{masters: []}]\n", "f:1:19: masters: the list is empty; write at least one item"},
    {"mesos: [{masters: [\"m1:5050\"], ptr: true}]\nnamed_vips: {enabled: false}\n"
     "dns: {zones: [{name: mesos}]}\n",
     "f:1:37: ptr: the records of task addresses need a zone; add {name: in-addr.arpa} (for IPv6 "
     "{name: ip6.arpa}), or the part of it that is yours, to dns.zones"},
    {"mesos: [{masters: \"10.0.0.1:5050\"}]\n",
     "f:1:19: masters: a single value stands here; write a list, as [a, b] or with '- '"},
    {"mesos: [{masters: [10.0.0.1]}]\n",
     "f:1:20: masters: '10.0.0.1' has no port; write host:port"},
    {"mesos: [{masters: [\"m1:0\"]}]\n",
     "f:1:20: masters: the port of 'm1:0' is none; write a number from 1 to 65535"},
    {"mesos: [{masters: [\"m1:65536\"]}]\n",
     "f:1:20: masters: the port of 'm1:65536' is none; write a number from 1 to 65535"},
    {"mesos: [{masters: [\":5050\"]}]\n", "f:1:20: masters: ':5050' has no host; write host:port"},
    {"mesos: [{masters: [\"fd00::1:5050\"]}]\n",
     "f:1:20: masters: 'fd00::1:5050' is no host and port; write an IPv6 address in "
     "brackets, as [fd00::1]:80"},
    {"mesos: [{masters: [\"m1 m2:5050\"]}]\n",
     "f:1:20: masters: 'm1 m2:5050' has a space in it; remove it"},
    {"mesos: [{masters: [\"ftp://m1:5050\"]}]\n",
     "f:1:20: masters: 'ftp://m1:5050' has a scheme that is not known here; write http://, "
     "https:// or zk://"},
    {"mesos: [{masters: [\"http://m1:5050/api\"]}]\n",
     "f:1:20: masters: 'http://m1:5050/api' has a path; write the scheme, host and port "
     "alone"},
    {"mesos: [{masters: [\"https://user:secret@m1:5050\"]}]\n",
     "f:1:20: masters: 'https://user:***@m1:5050' has a password in it; write it into the "
     "file that auth.secret_file names"},
    {"mesos: [{masters: [\"http://m1?x:5050\"]}]\n",
     "f:1:20: masters: 'http://m1?x:5050' has a query; write the scheme, host and port alone"},
    {"mesos: [{masters: [\"zk://10.0.0.1:2181\"]}]\n",
     "f:1:20: masters: 'zk://10.0.0.1:2181': it has no path; add one, as /mesos"},
    {"mesos: [{masters: [\"zk://10.0.0.1:2181/\"]}]\n",
     "f:1:20: masters: 'zk://10.0.0.1:2181/': its path is the root; name a node below it, "
     "as /mesos"},
    {"mesos: [{masters: [\"zk://10.0.0.1:2181/mesos/\"]}]\n",
     "f:1:20: masters: 'zk://10.0.0.1:2181/mesos/': its path ends with a slash; write it "
     "without"},
    {"mesos: [{masters: [\"zk://10.0.0.1:2181//mesos\"]}]\n",
     "f:1:20: masters: 'zk://10.0.0.1:2181//mesos': its path has an empty step, '.' or "
     "'..'; write the names of nodes, as /mesos"},
    {"mesos: [{masters: [\"zk://10.0.0.1:2181,10.0.0.2/mesos\"]}]\n",
     "f:1:20: masters: 'zk://10.0.0.1:2181,10.0.0.2/mesos': '10.0.0.2' has no port; write "
     "host:port"},
    {"mesos: [{masters: [\"zk://10.0.0.1:2181,/mesos\"]}]\n",
     "f:1:20: masters: 'zk://10.0.0.1:2181,/mesos': '' has no host; write host:port"},
    {"mesos: [{masters: [\"zk://user@10.0.0.1:2181/mesos\"]}]\n",
     "f:1:20: masters: 'zk://user@10.0.0.1:2181/mesos': before '@' stands no user:password; "
     "write both, or neither"},
    {"mesos: [{masters: [\"zk://user:secret@10.0.0.1/mesos\"]}]\n",
     "f:1:20: masters: 'zk://user:***@10.0.0.1/mesos': '10.0.0.1' has no port; write "
     "host:port"},
    {"mesos: [{masters: [\"10.0.0.1:5050\", \"zk://10.0.0.1:2181/mesos\"]}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:37: masters: a zk:// URL names all masters; write it alone"},
    {"mesos: [{masters: [\"m1:5050\", \"m2:5050\", \"m1:5050\"]}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:42: masters: the same master stands here again; remove it"},
};

TEST(ConfigErrors, AMasterThatCannotBeReachedByItsUrlIsRefused) { expect_errors(kMastersRows); }

constexpr Row kClustersRows[] = {
    {"mesos: [{masters: [\"10.0.0.1:5050\"], ip_sources: []}]\n",
     "f:1:50: ip_sources: the list is empty; write at least one item"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], ip_sources: [netinfo, label]}]\n",
     "f:1:60: ip_sources: 'label' is not known here; write netinfo, mesos, docker or host"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], ip_sources: [host, netinfo, host]}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:66: ip_sources: the same source stands here again; remove it"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], srv_weight: 65536}]\n",
     "f:1:50: srv_weight: 65536 is out of range; write a number from 0 to 65535"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], ttl_s: -1}]\n",
     "f:1:45: ttl_s: -1 is out of range; write a number from 0 to 604800, or auto"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], sweep_s: 5}]\n",
     "f:1:47: sweep_s: 5 is out of range; write a number from 10 to 86400"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], max_record_mb: 0}]\n",
     "f:1:53: max_record_mb: 0 is out of range; write a number from 1 to 4095"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], stale_limit_s: forever}]\n",
     "f:1:53: stale_limit_s: 'forever' is not a number; write a number from 0 to 31536000"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], auth: {type: digest}}]\n",
     "f:1:51: type: 'digest' is not known here; write none, basic or iam"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], auth: {type: basic}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:44: principal: auth of type basic needs it; add it\n"
     "f:1:44: secret_file: auth of type basic needs it; add it"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], auth: {type: basic, principal: \"a:b\", "
     "secret_file: /etc/secret}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:69: principal: a colon stands in it; write a name without"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], auth: {principal: gateway, secret_file: "
     "/etc/secret}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:56: principal: auth of type none does not use it; remove it, or write type: basic\n"
     "f:1:78: secret_file: auth of type none does not use it; remove it, or write type: "
     "basic"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], auth: {type: iam}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:44: config_file: auth of type iam needs it; add it"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], auth: {type: iam, config_file: /etc/iam.json, "
     "principal: gateway}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:95: principal: auth of type iam does not use it; remove it, or write type: basic"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], tls: {cert_file: /etc/cert.pem}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:43: key_file: a certificate and its key belong together; add key_file, or remove "
     "the other"},
    {"mesos: [{masters: [\"10.0.0.1:5050\"], tls: {key_file: /etc/key.pem}}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:43: cert_file: a certificate and its key belong together; add cert_file, or "
     "remove the other"},
    {"mesos: [{masters: [\"m1:5050\"]}, {masters: [\"m2:5050\"]}]\n"
     "named_vips: {mode: nat}\n",
     "f:1:33: domain: another cluster already has 'mesos'; write one per cluster, and a "
     "zone in dns.zones for each"},
    {"mesos: [{masters: [\"m1:5050\"], domain: prod}]\n"
     "dns: {zones: [{name: mesos}, {name: l4lb.thisdcos.directory, services: true}]}\n"
     "snat_pools: [{name: default, addresses: [10.0.0.9]}]\n",
     "f:1:40: domain: 'prod' is none of dns.zones, so its names would not be answered; add "
     "{name: prod} to dns.zones"},
    {"mesos: [{masters: [\"m1:5050\"]}]\n"
     "dns: {zones: [{name: mesos}]}\n"
     "named_vips: {mode: nat}\n",
     "f:3:13: named_vips: zone: 'l4lb.thisdcos.directory' is not the zone of the services; "
     "add {name: l4lb.thisdcos.directory, services: true} to dns.zones"},
    {"mesos: [{masters: [\"m1:5050\"]}]\n"
     "dns: {zones: [{name: mesos}, {name: vips, services: true}]}\n"
     "named_vips: {mode: nat}\n",
     "f:3:13: named_vips: zone: 'l4lb.thisdcos.directory' is not the zone of the services; "
     "write vips, or give `services: true` to that zone instead"},
    {"mesos: [{masters: [\"m1:5050\"]}]\n",
     "f:1:1: named_vips: the mode fullnat needs a pool: there is no SNAT pool 'default'; "
     "add it to snat_pools"},
    {"marathon: [{}]\n", "f:1:12: urls: the key is missing here; add it"},
    {"marathon: [{urls: [\"http://m:8080\"]}]\n",
     "f:1:19: marathon: it tells of the health of tasks that Mesos tells of, and there is "
     "no Mesos; add the section mesos"},
    {"mesos: [{masters: [\"m1:5050\"]}]\n"
     "named_vips: {mode: nat}\n"
     "marathon: [{urls: [\"m1:8080\", \"http://\", \"http://m1:8080\", \"http://m1:8080\"]}]\n",
     "f:3:20: urls: 'm1:8080' is no URL; begin with http:// or https://\n"
     "f:3:31: urls: ':80' has no host; write host:port"},
    {"mesos: [{masters: [\"m1:5050\"]}]\n"
     "named_vips: {mode: nat}\n"
     "marathon: [{urls: [\"http://a\"]}, {urls: [\"http://b\"]}]\n",
     "f:3:34: framework: another Marathon already has the name 'marathon'; write one per "
     "name"},
    {"resolvers: []\n"
     "mesos: [{masters: [\"m1:5050\"], slaves: 3}]\n",
     "f:1:1: unknown key 'resolvers'; the keys here are node, dpdk, control, workers, "
     "ports, limits, kernel_rates, transit, announce, timeouts, snat_pools, defaults, locality, "
     "services, dns, mesos, "
     "marathon, "
     "named_vips, store, rest, log, watch\n"
     "f:2:32: unknown key 'slaves'; the keys here are masters, domain, ip_sources, "
     "enforce_rfc952, srv_weight, healthy_only, ptr, ttl_s, auth, tls, sweep_s, poll_s, "
     "recovery_s, max_record_mb, stale_limit_s"},
};

TEST(ConfigErrors, OptionsOfAClusterThatDoNotFitAreRefused) { expect_errors(kClustersRows); }

constexpr Row kNamedVipsRows[] = {
    {"named_vips: {ipv4: 11.0.0.0}\n",
     "f:1:20: ipv4: '11.0.0.0' is a single address; write first-last or a prefix, as "
     "11.0.0.0-11.255.255.255"},
    {"named_vips: {ipv4: \"fd01:c::/64\"}\n",
     "f:1:20: ipv4: 'fd01:c::/64' is not a range of IPv4 addresses; write first-last or a "
     "prefix, as 11.0.0.0-11.255.255.255"},
    {"named_vips: {ipv4: 11.0.0.9-11.0.0.1}\n",
     "f:1:20: ipv4: '11.0.0.9-11.0.0.1' is backwards; write 11.0.0.1-11.0.0.9"},
    {"named_vips: {ipv4: 11.0.0.0-fd01:c::1}\n",
     "f:1:20: ipv4: '11.0.0.0-fd01:c::1' is not a range of IPv4 addresses; write first-last "
     "or a prefix, as 11.0.0.0-11.255.255.255"},
    {"named_vips: {ipv4: 11.0.0.0-11.0.0}\n",
     "f:1:20: ipv4: '11.0.0.0-11.0.0' is not a range of IPv4 addresses; write first-last or "
     "a prefix, as 11.0.0.0-11.255.255.255"},
    {"named_vips: {ipv4: 223.0.0.0-224.0.0.9}\n",
     "f:1:20: ipv4: 224.0.0.9 is a multicast address; write a range of unicast addresses"},
    {"named_vips: {ipv6: \"fd01:c::1/128\"}\n",
     "f:1:20: ipv6: 'fd01:c::1/128' is a single address; write first-last or a prefix, as "
     "fd01:c::/64"},
    {"named_vips: {ipv6: \"fe80::/64\"}\n",
     "f:1:20: ipv6: fe80:: is a link-local address, which is not routed; write a range of "
     "unicast addresses"},
    {"named_vips: {ip_vips: [10.1.2.3/16]}\n",
     "f:1:24: ip_vips: 10.1.2.3/16 has bits behind its length; write 10.1.0.0/16"},
    {"named_vips: {ip_vips: [ten]}\n",
     "f:1:24: ip_vips: 'ten' is not a prefix; write a prefix, as 10.20.0.0/16"},
    {"named_vips: {ip_vips: [224.0.0.0/4]}\n",
     "f:1:24: ip_vips: 224.0.0.0/4 is a multicast address; write a prefix of unicast "
     "addresses"},
    {"named_vips: {zone: L4lb}\n",
     "f:1:20: zone: 'L4lb': upper case; write it in lower case (DNS ignores case)"},
    {"named_vips: {mode: dsr}\n",
     "f:1:20: mode: 'dsr' is not known here; write fullnat, nat, l2dsr, ipip, gre or gue"},
    {"named_vips: {snat_pool: other}\n"
     "snat_pools: [{name: default, addresses: [10.0.0.9]}]\n",
     "f:1:25: there is no SNAT pool 'other'; write one of default"},
    {"named_vips: {claims: [{names: [redis]}]}\n",
     "f:1:23: framework: the key is missing here; add it"},
    {"named_vips: {claims: [{framework: a, names: [\"*-team\"]}]}\n",
     "f:1:46: names: '*-team': a character that DNS names do not have; write a-z, 0-9, - "
     "and dots; a '*' may stand at the end"},
    {"named_vips: {claims: [{framework: a}, {framework: a}]}\n",
     "f:1:51: framework: 'a' already has an entry; join the two"},
    {"services: [{name: a, vip: auto, port: 80, mode: nat}]\n"
     "ports: [{name: p, device: d, addresses: [11.0.0.2/24]}]\n"
     "snat_pools: [{name: s, addresses: [\"fd01:c::9\"]}]\n"
     "dns: {listen: [11.255.255.255]}\n",
     "f:2:42: 11.0.0.2 cannot be a port's address: it lies in the range "
     "11.0.0.0-11.255.255.255 of named_vips; write another, or change the range\n"
     "f:3:36: fd01:c::9 cannot be an SNAT address: it lies in the range "
     "fd01:c::-fd01:c::ffff:ffff:ffff:ffff of named_vips; write another, or change the "
     "range\n"
     "f:4:16: 11.255.255.255 cannot be a DNS address: it lies in the range "
     "11.0.0.0-11.255.255.255 of named_vips; write another, or change the range"},
    {"services:\n"
     "  - {name: a, vip: auto, port: 80, mode: nat}\n"
     "  - {name: a, vip: auto, port: 80, mode: nat}\n",
     "f:3:12: 'a' already has an IPv4 service with port 80/tcp in line 2; write another "
     "name or port"},
    {"services:\n"
     "  - {name: a, vip: auto, port: 80, mode: nat, reals: [{address: \"fd00::1\", port: 1}, "
     "{address: 10.0.0.1, port: 1}]}\n",
     "f:2:96: the real 10.0.0.1 is not of the first real's family; write an IPv6 address, or a "
     "mode that is a tunnel"},
    {"services: [{name: a, vip: auto, port: 80, reals: [{address: \"fd00::1\", port: 1}]}]\n"
     "snat_pools: [{name: default, addresses: [10.0.0.9]}]\n",
     "f:1:12: the SNAT pool 'default' has no IPv6 address for the fullnat of 'a'; add one, "
     "or write a pool that has"},
    {"store: /var/lib/vipgate/state.db\n",
     "f:1:8: store: '/var/lib/vipgate/state.db' is no store; write sqlite:PATH, "
     "zk://host:port/path or none"},
    {"store: \"sqlite:\"\n",
     "f:1:8: store: 'sqlite:' has no path; write sqlite:/var/lib/vipgate/state.db"},
    {"store: \"sqlite:/var/lib/vipgate/\"\n",
     "f:1:8: store: 'sqlite:/var/lib/vipgate/' is a directory; write the path of a file"},
    {"store: \"zk://user:secret@h1/vipgate\"\n",
     "f:1:8: store: 'zk://user:***@h1/vipgate': 'h1' has no port; write host:port"},
    {"store: \"zk://h1:2181\"\n",
     "f:1:8: store: 'zk://h1:2181': it has no path; add one, as /mesos"},
};

TEST(ConfigErrors, RangesAndClaimsOfNamedVipsThatCannotBeAreRefused) {
  expect_errors(kNamedVipsRows);
}

}  // namespace
}  // namespace vipgate::config_errors_sources_test
