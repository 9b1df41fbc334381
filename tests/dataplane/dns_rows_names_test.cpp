// Names and classes.
#include "tests/support/dns_rows.h"

namespace vipgate::dns_rows_names_test {
namespace {

using namespace test;

const std::string kLabel63 = '\x3f' + std::string(63, 'a');
const std::string kRoot(1, '\0');

std::vector<Row> malformed_name_rows() {
  const std::string tail = be16(kTypeA) + be16(1);
  const auto bad = [](const char* name, std::string_view wire) {
    return Row{name, with_name(wire), header_only(kFormerr)};
  };
  const std::string zero_pointer("\xc0\x00", 2);
  return {
      bad("qname = pointer to itself (c00c)", "\xc0\x0c" + tail),
      bad("qname = pointer to header (c000)", zero_pointer + tail),
      bad("qname = forward pointer past end", "\xff\xff" + tail),
      bad("qname = forward pointer to valid name after the question",
          "\xc0\x12" + tail + wire_name("leader.mesos")),
      bad("qname ends in pointer to a ZERO byte in header",
          "\x06leader\x05mesos" + std::string("\xc0\x04") + tail),
      bad("label type 0x40", '\x41' + std::string(65, 'a') + '\0' + tail),
      bad("label type 0x80", '\x81' + std::string(65, 'a') + '\0' + tail),
      bad("name of 256 bytes", repeat(kLabel63, 3) + '\x3e' + std::string(62, 'b') + kRoot + tail),
      bad("128 one-byte labels (257 bytes)", repeat("\x01z", 128) + kRoot + tail),
      bad("label runs past end", "\x3fleader"),
      bad("no terminator", "\x06leader\x05mesos"),
      bad("no QTYPE/QCLASS", wire_name("leader.mesos")),
      bad("QTYPE only, no QCLASS", wire_name("leader.mesos") + be16(kTypeA)),
      bad("3 of 4 bytes of type/class", wire_name("leader.mesos") + tail.substr(0, 3)),
  };
}

std::vector<Row> name_rows() {
  // 3 * 64 + 1 + 55 + 6 + 1
  const std::string longest =
      repeat(kLabel63, 3) + '\x37' + std::string(55, 'b') + wire_name("mesos");
  EXPECT_EQ(longest.size(), 255u);
  const auto ask = [](std::string_view wire) { return with_name(dns_question(wire, kTypeA)); };
  return {
      {"name of 255 bytes (legal max) in zone", ask(longest), nxdomain()},
      {"127 one-byte labels (255 bytes, out of zone)", ask(repeat("\x01z", 127) + kRoot),
       error(kRefused)},
      {"mixed case LeAdEr.MeSoS (0x20)", a_query("LeAdEr.MeSoS"), answer()},
      {"mixed case NXDOMAIN", a_query("NoPe.MeSoS"), nxdomain()},
      {"NUL byte in label", ask(std::string("\x06lea\0er", 7) + wire_name("mesos")), nxdomain()},
      {"dot byte in label (\"leader.mesos\" in one label)", ask("\x0cleader.mesos" + kRoot),
       error(kRefused)},
      {"zone's octets inside a label", ask("\x08xx\x05mesos" + kRoot), error(kRefused)},
      {"bytes 0x40 0x5b 0x60 0x7b are not letters", a_query("@[`{.mesos"), nxdomain()},
      {"root A", a_query(""), error(kRefused)},
      {"root NS", dns_query("", kTypeNs), error(kRefused)},
      {"out of zone, RD=1", a_query("www.example.test"), error(kRefused)},
      {"suffix but not on label boundary xmesos", a_query("leader.xmesos"), error(kRefused)},
      {"the zone's parent", a_query("test"), error(kRefused)},
  };
}

std::vector<Row> class_rows() {
  const auto of_class = [](const char* name, unsigned dns_class) {
    return Row{name, with_name(dns_question(wire_name("leader.mesos"), kTypeA, dns_class)),
               error(kRefused)};
  };
  const auto chaos = [](const char* name, const char* asked, unsigned type, const Right& right,
                        bool tells = true) {
    return Row{.name = name,
               .query = with_name(dns_question(wire_name(asked), type, 3)),
               .right = right,
               .tells = tells};
  };
  Right text = answer(1, kTypeTxt);
  text.is_chaos = true;
  return {
      of_class("class 0, A leader.mesos", 0),
      of_class("class 2, A leader.mesos", 2),
      of_class("class 3, A leader.mesos", 3),
      of_class("class 4, A leader.mesos", 4),
      of_class("class 5, A leader.mesos", 5),
      of_class("class 254, A leader.mesos", 254),
      of_class("class 255, A leader.mesos", 255),
      of_class("class 256, A leader.mesos", 256),
      of_class("class 65535, A leader.mesos", 65535),
      {"class 3, A leader.mesos with EDNS",
       dns_header(0, 1, 0, 0, 1) + dns_question(wire_name("leader.mesos"), kTypeA, 3) +
           dns_opt(1232),
       error(kRefused).extended_error(20)},
      chaos("CH TXT version.bind", "version.bind", kTypeTxt, text),
      chaos("CH TXT version.server", "version.server", kTypeTxt, text),
      chaos("CH TXT hostname.bind", "hostname.bind", kTypeTxt, text),
      chaos("CH TXT id.server", "id.server", kTypeTxt, text),
      chaos("CH TXT VERSION.bind, mixed case", "VeRsIoN.BiNd", kTypeTxt, text),
      chaos("CH TXT version.bind, not set", "version.bind", kTypeTxt, error(kRefused), false),
      chaos("CH TXT id.server, not set", "id.server", kTypeTxt, error(kRefused), false),
      chaos("CH A version.bind", "version.bind", kTypeA, error(kRefused)),
      chaos("CH TXT nope.bind", "nope.bind", kTypeTxt, error(kRefused)),
      chaos("CH TXT x.version.bind", "x.version.bind", kTypeTxt, error(kRefused)),
      chaos("CH ANY version.bind", "version.bind", 255, error(kRefused)),
  };
}

VIPGATE_DNS_ROWS(DnsMalformedNameRows, malformed_name_rows);
VIPGATE_DNS_ROWS(DnsNameRows, name_rows);
VIPGATE_DNS_ROWS(DnsClassRows, class_rows);

}  // namespace
}  // namespace vipgate::dns_rows_names_test
