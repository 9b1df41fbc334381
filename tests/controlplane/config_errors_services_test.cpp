// Services that cannot be as they are written, with the exact answer.
#include "tests/controlplane/config_error_rows.h"

namespace vipgate {
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

}  // namespace
}  // namespace vipgate
