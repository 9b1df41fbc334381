// Mistakes in single values and in the text itself, each with the exact answer.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_test {
namespace {

constexpr Row kSyntaxRows[] = {
    {"node: [a\n",
     "f:2:1: YAML syntax: end of sequence flow not found; check the indentation, and "
     "brackets, commas and quotes"},
    {"node: {name: a}}\n",
     "f:1:16: YAML syntax: illegal flow end; check quotes, brackets and indentation "
     "(spaces, no tabs)"},
    {"node:\n"
     "\tname: a\n",
     "f:2:6: YAML syntax: illegal map value; put a text that holds ': ' in quotes, and "
     "indent with spaces only"},
    {"node:\n"
     "  name: a\n"
     " dpdk: {}\n",
     "f:3:2: YAML syntax: end of map not found; check the indentation, and brackets, "
     "commas and quotes"},
    {"node: a: b\n",
     "f:1:8: YAML syntax: illegal map value; put a text that holds ': ' in quotes, and "
     "indent with spaces only"},
    {"log: {level: 'info}\n",
     "f:2:1: YAML syntax: end of map flow not found; check the indentation, and brackets, "
     "commas and quotes"},
    {"log: {level: *nobody}\n",
     "f:1:14: YAML syntax: the referenced anchor is not defined; write the anchor, '&' "
     "and its name, before the alias, or a text in quotes"},
    {"log: {level: info}\n"
     "---\n"
     "log: {level: info}\n",
     "f:2:1: a second document starts here; the file must hold one document, remove '---'"},
    {"- node\n",
     "f:1:1: a list stands here; the file must be a map of sections, as 'dns:' with its "
     "keys indented below"},
    {"vipgated\n",
     "f:1:1: a single value stands here; the file must be a map of sections, as 'dns:' "
     "with its keys indented below"},
    {"node: &a [*a]\n", "f:1:11: the alias stands inside of its own anchor; remove it"},
    {"log: {level: !!str info}\n",
     "f:1:14: the tag 'tag:yaml.org,2002:str' is not supported; remove it"},
    {"node: {name: a\004b}\n",
     "f:1:15: the byte 0x04 is not text here; the file must be plain UTF-8"},
    {"node:\n"
     "  name: \"a\377\"\n",
     "f:2:11: the byte 0xff is not text here; the file must be plain UTF-8"},
    {"node: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]\n",
     "f:1:38: lists and maps are nested more than 32 deep; no key needs that, check the "
     "brackets"},
};

TEST(ConfigErrors, BrokenYamlIsToldWhereItBreaks) { expect_errors(kSyntaxRows); }

constexpr Row kKeysRows[] = {
    {"nodes: {name: a}\n", "f:1:1: unknown key 'nodes'; did you mean 'node'?"},
    {"node: {nmae: a}\n", "f:1:8: unknown key 'nmae'; did you mean 'name'?"},
    {"api: {}\n",
     "f:1:1: unknown key 'api'; the keys here are node, dpdk, control, workers, ports, "
     "limits, kernel_rates, transit, announce, timeouts, snat_pools, defaults, locality, services, "
     "dns, mesos, "
     "marathon, "
     "named_vips, "
     "store, rest, log, watch"},
    {"log: {level: info, colour: red}\n",
     "f:1:20: unknown key 'colour'; the keys here are level, format"},
    {"dns: {resolvers: []}\n",
     "f:1:7: unknown key 'resolvers'; the keys here are listen, tcp, udp_size, "
     "rate_limit, max_amplification, ttl_s, ttl, zones, views, ptr, soa, name_servers, "
     "nsid, cookies, chaos, forward, local_zones, search"},
    {"limits: {sessions: 4096}\n",
     "f:1:10: unknown key 'sessions'; the keys here are flows_per_worker, "
     "wide_flows_per_worker, affinities_per_worker, fragments_per_worker, "
     "dns_rates_per_worker, dns_answers_per_worker, dns_questions_per_worker, services, reals, "
     "dns_names"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, weight: 1}\n",
     "f:2:51: unknown key 'weight'; the keys here are name, vip, port, protocol, quic, reals, "
     "mode, snat_pool, tunnel_source_ipv4, tunnel_source_ipv6, tunnel_dscp, gue_variant, gue_port, "
     "gue_hops, gue_zero_checksum, mss_clamp, maglev_rows, no_real, hash, client_address, "
     "affinity, allow_sources, "
     "deny_sources, new_flows_per_s, max_connections, slow_start_s, track, prefer, "
     "spill_below_percent, timeouts, "
     "health"},
    {"log:\n"
     "  level: info\n"
     "  level: warn\n",
     "f:3:3: the key 'level' stands here again; it is already in line 2, keep one of them"},
    {"log: {}\n"
     "node: {}\n"
     "log: {}\n",
     "f:3:1: the key 'log' stands here again; it is already in line 1, keep one of them"},
    {"log: {[a]: b}\n", "f:1:7: a list stands here as a key; write a key's name"},
    {"ports:\n"
     "  - mtu: 1500\n",
     "f:2:5: name: the key is missing here; add it\n"
     "f:2:5: device: the key is missing here; add it"},
};

TEST(ConfigErrors, UnknownRepeatedAndMissingKeysAreNamed) { expect_errors(kKeysRows); }

constexpr Row kKindsRows[] = {
    {"node: gateway-1\n", "f:1:7: node: a single value stands here; write a map, as {key: value}"},
    {"node: [name]\n", "f:1:7: node: a list stands here; write a map, as {key: value}"},
    {"ports: {name: edge}\n",
     "f:1:8: ports: a map stands here; write a list, as [a, b] or with '- '"},
    {"ports: [edge]\n", "f:1:9: ports: a single value stands here; write a map, as {key: value}"},
    {"control: {cpus: 0}\n",
     "f:1:17: cpus: a single value stands here; write a list, as [a, b] or with '- '"},
    {"control:\n"
     "  cpus:\n",
     "f:2:3: cpus: nothing stands here; write a list, as [a, b] or with '- '"},
    {"control: {cpus: []}\n", "f:1:17: cpus: the list is empty; write at least one item"},
    {"control: {cpus: [[0]]}\n", "f:1:18: cpus: a list stands here; write a number from 0 to 1023"},
    {"node: {name: [a]}\n",
     "f:1:14: name: a list stands here; write a name of 1 to 64 of A-Z a-z 0-9 . _ -"},
    {"node: {name: {a: b}}\n",
     "f:1:14: name: a map stands here; write a name of 1 to 64 of A-Z a-z 0-9 . _ -"},
    {"node:\n"
     "  name:\n",
     "f:2:3: name: nothing stands here; write a name of 1 to 64 of A-Z a-z 0-9 . _ -"},
    {"log: {level: ''}\n", "f:1:14: level: it is empty; write trace, debug, info, warn or error"},
};

TEST(ConfigErrors, AValueOfTheWrongKindSaysWhatWouldBeRight) { expect_errors(kKindsRows); }

constexpr Row kNumbersRows[] = {
    {"dpdk: {memory_mb: 0123}\n",
     "f:1:19: memory_mb: '0123' has a leading zero; write 123 (numbers are decimal, never "
     "octal)"},
    {"dpdk: {memory_mb: 0x10}\n",
     "f:1:19: memory_mb: '0x10' is hexadecimal; numbers are decimal, write a number from "
     "64 to 1048576"},
    {"dpdk: {memory_mb: 0o17}\n",
     "f:1:19: memory_mb: '0o17' is not decimal; numbers are decimal, write a number from "
     "64 to 1048576"},
    {"dpdk: {memory_mb: 1e3}\n",
     "f:1:19: memory_mb: '1e3' is not a whole number; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: +512}\n",
     "f:1:19: memory_mb: '+512' has a sign; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: 5_12}\n",
     "f:1:19: memory_mb: '5_12' has underscores; write the digits alone"},
    {"dpdk: {memory_mb: 512.0}\n",
     "f:1:19: memory_mb: '512.0' is not a whole number; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: 512MB}\n",
     "f:1:19: memory_mb: '512MB' is not a number; write a number from 64 to 1048576, "
     "without a unit"},
    {"dpdk: {memory_mb: '512'}\n",
     "f:1:19: memory_mb: '512' is text; write the number without quotes"},
    {"dpdk: {memory_mb: ~}\n",
     "f:1:8: memory_mb: nothing stands here; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: -5}\n",
     "f:1:19: memory_mb: -5 is out of range; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: -0}\n",
     "f:1:19: memory_mb: -0 is out of range; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: 63}\n",
     "f:1:19: memory_mb: 63 is out of range; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: 1048577}\n",
     "f:1:19: memory_mb: 1048577 is out of range; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: 99999999999999999999}\n",
     "f:1:19: memory_mb: 99999999999999999999 is out of range; write a number from 64 to "
     "1048576"},
    {"dpdk: {memory_mb: lots}\n",
     "f:1:19: memory_mb: 'lots' is not a number; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: [512]}\n",
     "f:1:19: memory_mb: a list stands here; write a number from 64 to 1048576"},
    {"dpdk: {memory_mb: .5}\n",
     "f:1:19: memory_mb: '.5' is not a number; write a number from 64 to 1048576"},
    {"timeouts: {udp_s: 0}\n", "f:1:19: udp_s: 0 is out of range; write a number from 1 to 14400"},
    {"timeouts: {drain_s: 14401}\n",
     "f:1:21: drain_s: 14401 is out of range; write a number from 1 to 14400"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], vlan: "
     "4095}\n",
     "f:2:82: vlan: 4095 is out of range; write a number from 0 to 4094"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], mtu: "
     "9001}\n",
     "f:2:81: mtu: 9001 is out of range; write a number from 576 to 9000"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], queues: "
     "0}\n",
     "f:2:84: queues: 0 is out of range; write a number from 1 to 64, or auto"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], queues: "
     "many}\n",
     "f:2:84: queues: 'many' is not a number; write a number from 1 to 64, or auto"},
};

TEST(ConfigErrors, OnlyPlainDecimalNumbersInTheirRangeAreTaken) { expect_errors(kNumbersRows); }

constexpr Row kWordsRows[] = {
    {"log: {level: verbose}\n",
     "f:1:14: level: 'verbose' is not known here; write trace, debug, info, warn or error"},
    {"dpdk: {huge_pages: yes}\n",
     "f:1:20: huge_pages: 'yes' is not known here; write auto, on or off"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], kernel: "
     "yes}\n",
     "f:2:84: kernel: 'yes' is not true or false; write one of these two"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], kernel: "
     "'true'}\n",
     "f:2:84: kernel: 'true' is text; write true or false without quotes"},
    {"defaults: {mode: dsr}\n",
     "f:1:18: mode: 'dsr' is not known here; write fullnat, nat, l2dsr, ipip, gre or gue"},
    {"defaults: {maglev_rows: 65536}\n",
     "f:1:25: maglev_rows: '65536' is not known here; write auto, 4093, 8191, 16381, "
     "32749, 65537, 131071, 262139, 524287 or 655373"},
    {"defaults: {hash: ports}\n",
     "f:1:18: hash: 'ports' is not known here; write five_tuple, source or source_destination"},
    {"ports:\n"
     "  - {name: edge, device: net_tap0, addresses: [10.9.0.2/24, 'fd09::2/64'], rss: reals}\n",
     "f:2:81: rss: 'reals' is not known here; write source or destination"},
    {"kernel_rates: {ssh: 1, arp: -1}\n",
     "f:1:16: unknown key 'ssh'; the keys here are routing, own_address, icmp, arp, "
     "neighbor_discovery, link_local, unserved_port, transit, dns, "
     "dns_fragments\n"
     "f:1:29: arp: -1 is out of range; write a number from 0 to 10000000"},
    {"announce: {table: 255, protocol: 2, metric: 1}\n",
     "f:1:19: table: 255 is out of range; write a number from 0 to 254\n"
     "f:1:34: protocol: 2 is out of range; write a number from 5 to 255\n"
     "f:1:37: unknown key 'metric'; the keys here are table, protocol, ports"},
    {"ports: [{name: a, device: net_null0}]\nannounce: {ports: [b, a, a]}\n",
     "f:2:20: ports: no port is named 'b'; write the name of one of `ports`\n"
     "f:2:26: ports: 'a' is there twice; write it once"},
    {"transit: forward\n", "f:1:10: transit: 'forward' is not known here; write kernel or drop"},
    {"defaults: {unserved_port: refuse}\n",
     "f:1:27: unserved_port: 'refuse' is not known here; write drop, reject or kernel"},
    {"defaults: {deny_sources: [10.1.0.1/16]}\n",
     "f:1:27: deny_sources: 10.1.0.1/16 has bits behind its length; write 10.1.0.0/16"},
    {"defaults: {max_connections: 1000000001}\n",
     "f:1:29: max_connections: 1000000001 is out of range; write a number from 0 to 1000000000"},
    {"defaults: {new_flows_per_s: -1}\n",
     "f:1:29: new_flows_per_s: -1 is out of range; write a number from 0 to 1000000000"},
    {"defaults: {no_real: fallback}\n",
     "f:1:21: no_real: 'fallback' is not known here; write reject, drop or use_all"},
    {"defaults: {track: never}\n",
     "f:1:19: track: 'never' is not known here; write always or when_needed"},
};

TEST(ConfigErrors, AWordThatIsNotKnownListsTheKnownOnes) { expect_errors(kWordsRows); }

constexpr Row kTextsRows[] = {
    {"log: {level: \"a\\nb\"}\n",
     "f:1:14: level: 'a?b' is not known here; write trace, debug, info, warn or error"},
    {"\"a\\rb\": 1\nnode:\n  \"a\\u00e9\": 1\n",
     "f:1:1: unknown key 'a?b'; the keys here are node, dpdk, control, workers, ports, limits, "
     "kernel_rates, transit, announce, "
     "timeouts, snat_pools, defaults, locality, services, dns, mesos, marathon, named_vips, store, "
     "rest, log, watch\n"
     "f:3:3: unknown key 'a\303\251'; the keys here are name"},
    {"node: {name: 'a b'}\n",
     "f:1:14: name: 'a b' is not a name; write a name of 1 to 64 of A-Z a-z 0-9 . _ -, a "
     "letter or digit first"},
    {"node: {name: -a}\n",
     "f:1:14: name: '-a' is not a name; write a name of 1 to 64 of A-Z a-z 0-9 . _ -, a "
     "letter or digit first"},
    {"node: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
     "f:1:14: name: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "\342\200\246' is not a name; write a name of 1 to 64 of A-Z a-z 0-9 . _ -, a letter "
     "or digit first"},
    {"dpdk: {extra_eal_args: [\"a\\nb\"]}\n",
     "f:1:25: extra_eal_args: a line break or control character stands in it; write one "
     "argument for the EAL"},
    {"dpdk: {extra_eal_args: ['']}\n",
     "f:1:25: extra_eal_args: it is empty; write one argument for the EAL"},
};

TEST(ConfigErrors, TextsThatMakeNoSenseAreRefused) { expect_errors(kTextsRows); }

constexpr Row kSeveralRows[] = {
    {"node: {nmae: a}\n"
     "dpdk: {memory_mb: 0123}\n"
     "log: {level: loud, format: text, format: json}\n",
     "f:1:8: unknown key 'nmae'; did you mean 'name'?\n"
     "f:2:19: memory_mb: '0123' has a leading zero; write 123 (numbers are decimal, never "
     "octal)\n"
     "f:3:14: level: 'loud' is not known here; write trace, debug, info, warn or error\n"
     "f:3:34: the key 'format' stands here again; it is already in line 3, keep one of "
     "them"},
};

TEST(ConfigErrors, EveryMistakeIsToldInTheOrderOfTheFile) { expect_errors(kSeveralRows); }

}  // namespace
}  // namespace vipgate::config_errors_test
