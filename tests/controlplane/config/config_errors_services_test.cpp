// Services that cannot be as they are written, with the exact answer.
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_services_test {
namespace {

constexpr Row kFallbackRows[] = {
    {"defaults: {no_real: {fallback: b}}\n",
     "f:1:21: no_real: a map stands here; write reject, drop or use_all"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: fallback}]\n",
     "f:1:67: no_real: 'fallback' is not known here; write reject, drop or use_all, or {fallback: "
     "NAME}"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {service: b}}]\n",
     "f:1:67: no_real: a map stands here that is not {fallback: NAME}; write that, with the name "
     "of another service, or reject, drop or use_all"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: B}}]\n",
     "f:1:67: no_real: fallback: 'B': upper case; write it in lower case (DNS ignores case)"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: b}}]\n",
     "f:1:67: no_real: there is no service 'b' to fall back on; write the name of one in this "
     "file"},
    {"services: [{name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: a}}]\n",
     "f:1:67: no_real: the service would fall back on itself; write the name of another, or "
     "reject, drop or use_all"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: b}}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80, mode: nat, protocol: udp}\n"
     "  - {name: b, vip: 'fd01::2', port: 80, mode: nat}\n",
     "f:2:60: no_real: the service 'b' has no IPv4 tcp port, as a fallback of this one needs it; "
     "write the name of one that has"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: b}}\n"
     "  - {name: b, vip: 11.0.0.2, port: 81, mode: nat}\n"
     "  - {name: b, vip: 11.0.0.2, port: 82, mode: nat}\n",
     "f:2:60: no_real: the service 'b' has several IPv4 tcp ports, and not one that is this one's; "
     "write the name of a service with one port, or with the same"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: b}}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80, mode: l2dsr}\n",
     "f:2:60: no_real: the service 'b' is of the mode l2dsr, and this one of nat; a fallback has "
     "the same mode"},
    {"services:\n"
     "  - {name: z, vip: 11.0.0.9, port: 80, mode: nat, no_real: {fallback: a}}\n"
     "  - {name: a, vip: 11.0.0.1, port: 80, mode: nat, no_real: {fallback: b}}\n"
     "  - {name: b, vip: 11.0.0.2, port: 80, mode: nat, no_real: {fallback: c}}\n"
     "  - {name: c, vip: 11.0.0.3, port: 80, mode: nat, no_real: {fallback: a}}\n",
     "f:3:60: no_real: the fallbacks go in a circle: a, b, c, and again a; let one of them be "
     "reject, drop or use_all"},
};

TEST(ConfigErrors, AFallbackIsAnotherServiceOfTheSameKindAndLeadsToAnEnd) {
  expect_errors(kFallbackRows);
}

constexpr Row kExtentRows[] = {
    {"services: [{name: a, vip: 11.0.0.1, port: all, mode: nat}]\n",
     "f:1:43: port: 'all' is not a number; write a number from 1 to 65535, a range, as 8000-8999, "
     "or any"},
    {"services: [{name: a, vip: 11.0.0.1, port: 70000, mode: nat}]\n",
     "f:1:43: port: 70000 is out of range; write a number from 1 to 65535, a range, as 8000-8999, "
     "or any"},
    {"services: [{name: a, vip: 11.0.0.1, port: 8999-8000, mode: nat}]\n",
     "f:1:43: port: '8999-8000' is backwards; write 8000-8999"},
    {"services: [{name: a, vip: 11.0.0.1, port: 8000-8000, mode: nat}]\n",
     "f:1:43: port: '8000-8000' is a single port; write 8000"},
    {"services: [{name: a, vip: 11.0.0.1, port: 0-8000, mode: nat}]\n",
     "f:1:43: port: '0-8000' is not a range of ports from 1 to 65535; write first-last, as "
     "1024-65535"},
    {"services: [{name: a, vip: 11.0.0.1/24, port: 80, mode: nat}]\n",
     "f:1:27: vip: 11.0.0.1/24 has bits behind its length; write 11.0.0.0/24"},
    {"services: [{name: a, vip: 11.0.0.0/33, port: 80, mode: nat}]\n",
     "f:1:27: vip: '11.0.0.0/33' is not a prefix; write a prefix, as 10.20.0.0/16"},
    {"services: [{name: a, vip: 11.0.0.0/7, port: 80, mode: nat}]\n",
     "f:1:27: vip: 11.0.0.0/7 has bits behind its length; write 10.0.0.0/7"},
    {"services: [{name: a, vip: 10.0.0.0/7, port: 80, mode: nat}]\n",
     "f:1:27: vip: 10.0.0.0/7 holds too many addresses; write a prefix of length 8 or more"},
    {"services: [{name: a, vip: 'fd00::/8', port: 80, mode: nat}]\n",
     "f:1:27: vip: fd00::/8 holds too many addresses; write a prefix of length 16 or more"},
    {"services: [{name: a, vip: 224.0.0.0/16, port: 80, mode: nat}]\n",
     "f:1:27: vip: 224.0.0.0/16 is a multicast address; write a prefix of unicast addresses"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.0/24, port: any, mode: nat}\n"
     "  - {name: b, vip: 11.0.0.0/24, port: 0, mode: nat}\n",
     "f:3:20: 11.0.0.0/24:any/tcp is already served by the service in line 2; write another VIP, "
     "port or protocol"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 8000-8100, mode: nat}\n"
     "  - {name: b, vip: 11.0.0.1, port: 8100-8200, mode: nat}\n",
     "f:3:36: port: the range shares ports with that of the service in line 2, which has the same "
     "VIP; write ranges that are apart"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 8050-8060, mode: nat}\n"
     "  - {name: b, vip: 11.0.0.1, port: 8000-8100, mode: nat}\n",
     "f:3:36: port: the range shares ports with that of the service in line 2, which has the same "
     "VIP; write ranges that are apart"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.0/24, port: any, mode: nat, reals: [{address: 11.0.0.9}]}\n",
     "f:2:73: 11.0.0.9 cannot be a real's address: it lies in the VIP's prefix; write the address "
     "of another machine"},
    {"ports: [{name: a, device: d, addresses: [10.9.0.2/24]}]\n"
     "services:\n"
     "  - {name: a, vip: 10.9.0.0/28, port: any, mode: nat}\n",
     "f:3:20: the prefix cannot be a VIP: it holds 10.9.0.2, which is already a port's address "
     "(line 1); each address has one use, write another"},
    {"dns: {listen: [10.9.0.53], zones: [{name: z, services: true}]}\n"
     "services:\n"
     "  - {name: a, vip: 10.9.0.0/26, port: 80, mode: nat}\n",
     "f:3:20: the prefix cannot be a VIP: it holds 10.9.0.53, which is already a DNS address (line "
     "1); each address has one use, write another"},
    {"services:\n"
     "  - name: a\n"
     "    vip: 11.0.0.1\n"
     "    port: any\n"
     "    mode: nat\n"
     "    health: {type: tcp}\n"
     "    reals: [{address: 10.0.0.1}]\n",
     "f:6:13: health: reals that are reached at any port have none to be checked at; add the "
     "check's port, or a port to each real"},
    {"snat_pools: [{name: default, addresses: ['fd01::9']}]\n"
     "services: [{name: a, vip: 11.7.0.0/24, port: any}]\n",
     "f:2:12: the SNAT pool 'default' has no IPv4 address for the fullnat of 11.7.0.0; add one, or "
     "write a pool that has"},
};

TEST(ConfigErrors, PortsAndPrefixesThatCannotBeAreRefused) { expect_errors(kExtentRows); }

constexpr Row kQuicRows[] = {
    {"services: [{name: a, vip: 11.0.0.1, port: 443, mode: nat, quic: true}]\n",
     "f:1:65: quic: the service is one of tcp, and QUIC is carried by UDP; write protocol: udp, or "
     "quic: false"},
    {"services: [{name: a, vip: 11.0.0.1, port: 443, mode: nat, protocol: udp, quic: 1}]\n",
     "f:1:80: quic: '1' is not true or false; write one of these two"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 443, mode: nat, protocol: udp, reals: [{address: "
     "10.1.0.1, quic_id: 7}]}\n",
     "f:2:104: quic_id: connection ids are read of a service with quic: true alone; add that to "
     "it, or leave the id out"},
    {"services:\n"
     "  - name: a\n"
     "    vip: 11.0.0.1\n"
     "    port: 443\n"
     "    mode: nat\n"
     "    protocol: udp\n"
     "    quic: true\n"
     "    reals:\n"
     "      - {address: 10.1.0.1, quic_id: 7}\n"
     "      - {address: 10.1.0.2}\n"
     "      - {address: 10.1.0.3, quic_id: 7}\n",
     "f:11:38: quic_id: the real in line 9 has 7, too; each real of a service has an id of its "
     "own"},
    {"services:\n"
     "  - {name: a, vip: 11.0.0.1, port: 443, mode: nat, protocol: udp, quic: true, reals: "
     "[{address: 10.1.0.1, quic_id: 4294967296}]}\n",
     "f:2:116: quic_id: 4294967296 is out of range; write a number from 0 to 4294967295"},
};

TEST(ConfigErrors, AQuicIdIsOneOfAUdpServiceAndOfOneReal) { expect_errors(kQuicRows); }

}  // namespace
}  // namespace vipgate::config_errors_services_test
