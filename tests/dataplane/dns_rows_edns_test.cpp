// EDNS: versions, sizes, flags, where the OPT record stands, and options.
#include "tests/support/dns_rows.h"

namespace vipgate::dns_rows_edns_test {
namespace {

using namespace test;

std::string with_option(unsigned code, const std::string& data) {
  return edns(dns_opt(1232, 0, dns_option(code, data)));
}

std::vector<Row> opt_rows() {
  const auto of_size = [](const char* name, unsigned size) {
    return Row{name, edns(dns_opt(size)), answer().opt()};
  };
  const auto of_version = [](const char* name, unsigned long version, const char* asked) {
    return Row{name, edns(dns_opt(1232, version << 16), asked), error(kBadvers).opt()};
  };
  return {
      of_size("OPT size 1232", 1232),
      of_size("OPT size 0", 0),
      of_size("OPT size 100", 100),
      of_size("OPT size 511", 511),
      of_size("OPT size 512", 512),
      of_size("OPT size 4096", 4096),
      of_size("OPT size 65535", 65535),
      {"OPT size 4096, 40xA", edns(dns_opt(4096), "forty.mesos"), answer(40).opt()},
      of_version("EDNS version 1", 1, "leader.mesos"),
      of_version("EDNS version 2", 2, "leader.mesos"),
      of_version("EDNS version 255", 255, "leader.mesos"),
      of_version("EDNS version 1, NXDOMAIN name", 1, "nope.mesos"),
      of_version("EDNS version 1, out of zone", 1, "example.test"),
      {"EDNS version 1, class CH",
       dns_header(0, 1, 0, 0, 1) + dns_question(wire_name("leader.mesos"), kTypeA, 3) +
           dns_opt(1232, 0x10000),
       error(kBadvers).opt()},
      {"EDNS version 1, broken options", edns(dns_opt(1232, 0x10000, "abc")),
       error(kBadvers).opt()},
      {"EDNS version 1, a cookie",
       edns(dns_opt(1232, 0x10000, dns_option(kOptionCookie, kTestClientCookie))),
       error(kBadvers).opt()},
      {"EDNS version 1, AXFR", with_additional(1, dns_opt(1232, 0x10000), "mesos", 252),
       error(kBadvers).opt()},
      {"extended RCODE in query", edns(dns_opt(1232, 0xff000000)), answer().opt()},
      {"DO bit", edns(dns_opt(1232, 0x8000)), answer().dnssec_ok()},
      {"DO bit, out of zone", edns(dns_opt(1232, 0x8000), "example.test"),
       error(kRefused).dnssec_ok().extended_error(20)},
      {"DO + all Z bits", edns(dns_opt(1232, 0xffff)), answer().dnssec_ok()},
      {"Z bits no DO", edns(dns_opt(1232, 0x7fff)), answer().opt()},
      {"two OPTs", with_additional(2, dns_opt(1232) + dns_opt(1232)), error(kFormerr)},
      {"OPT owner not root", edns("\x01x" + dns_opt(1232)), error(kFormerr)},
      // Offset 25 is the root octet of leader.mesos.
      {"OPT owner = pointer to root byte", edns("\xc0\x19" + dns_opt(1232).substr(1)),
       error(kFormerr)},
      {"OPT in answer section", dns_header(0, 1, 1) + question_a() + dns_opt(1232),
       error(kFormerr)},
      {"OPT in authority section", dns_header(0, 1, 0, 1) + question_a() + dns_opt(1232),
       error(kFormerr)},
      {"OPT truncated (5 of 11 bytes)", edns(dns_opt(1232).substr(0, 5)), error(kFormerr)},
      {"OPT data past the end", edns(dns_opt(1232, 0, "abcd").substr(0, 13)), error(kFormerr)},
  };
}

std::vector<Row> option_rows() {
  const auto ignored = [](const char* name, unsigned code, const std::string& data) {
    return Row{name, with_option(code, data), answer().opt()};
  };
  const std::string v4 = be16(1);
  return {
      {"option length past RDLEN", edns(dns_opt(1232, 0, be16(100) + be16(50) + "abc")),
       error(kFormerr).opt()},
      {"option length past RDLEN, within the message",
       edns(dns_opt(1232, 0, be16(100) + be16(4) + "abc") + "defgh"), error(kFormerr).opt()},
      {"option length past RDLEN behind a cookie",
       edns(dns_opt(1232, 0, dns_option(kOptionCookie, kTestClientCookie) + be16(100) + be16(50))),
       error(kFormerr).opt()},
      {"3 byte option (no length)", edns(dns_opt(1232, 0, "abc")), error(kFormerr).opt()},
      ignored("unknown option 100, empty", 100, ""),
      ignored("unknown option 65001 w/ 200 bytes", 65001, std::string(200, 'x')),
      ignored("NSID request with data", kOptionNsid, "abc"),
      {.name = "NSID request with data, where it is set",
       .query = with_option(kOptionNsid, "abc"),
       .right = answer().option(kOptionNsid, "gw1"),
       .tells = true},
      {.name = "NSID request twice, NXDOMAIN",
       .query = edns(dns_opt(1232, 0, dns_option(kOptionNsid, "") + dns_option(kOptionNsid, "")),
                     "nope.mesos"),
       .right = nxdomain().option(kOptionNsid, "gw1"),
       .tells = true},
      {.name = "no NSID request, where it is set",
       .query = edns(dns_opt(1232)),
       .right = answer().opt(),
       .tells = true},
      ignored("ECS 10.0.0.0/24", 8, v4 + std::string("\x18\x00\x0a\x00\x00", 5)),
      ignored("ECS /0", 8, v4 + std::string(2, '\0')),
      ignored("ECS prefix 33 (bad)", 8, v4 + std::string("\x21\0\x0a\0\0\0\0", 7)),
      ignored("ECS scope != 0 (bad)", 8, v4 + std::string("\x18\x18\x0a\x00\x00", 5)),
      ignored("ECS too short (bad)", 8, "\x01"),
      ignored("ECS unknown family 99", 8, be16(99) + std::string("\x18\0\x0a\0\0", 5)),
      ignored("TCP keepalive over UDP", kOptionKeepalive, ""),
      ignored("padding option", 12, std::string(64, '\0')),
      ignored("extended error in query", kOptionExtendedError, be16(20)),
      {"EXPIRE", with_additional(1, dns_opt(1232, 0, dns_option(9, "")), "mesos", kTypeSoa),
       answer(1, kTypeSoa).opt()},
      {"out of zone, RD=1, with EDNS", edns(dns_opt(1232), "www.example.test"),
       error(kRefused).extended_error(20)},
  };
}

VIPGATE_DNS_ROWS(DnsOptRows, opt_rows);
VIPGATE_DNS_ROWS(DnsOptionRows, option_rows);

}  // namespace
}  // namespace vipgate::dns_rows_edns_test
