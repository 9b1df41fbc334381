// Headers, opcodes, flags and section counts.
#include "tests/support/dns_rows.h"

namespace vipgate::dns_rows_header_test {
namespace {

using namespace test;

std::vector<Row> header_rows() {
  return {
      {"empty datagram", "", silence()},
      {"2 bytes", be16(kTestId), silence()},
      {"11 bytes (short header)", dns_header(0, 1).substr(0, 11), silence()},
      {"12 bytes, QDCOUNT=1, no question", dns_header(0x0100, 1), header_only(kFormerr)},
      {"12 bytes, QR=1", dns_header(0x8000, 1), silence()},
      {"QR=1, whole valid question", dns_header(0x8100, 1) + question_a(), silence()},
      {"QR=1 NOERROR answer-like packet",
       dns_header(0x8580, 1, 1) + question_a() + dns_record("\xc0\x0c", kTypeA, "abcd"), silence()},
      {"QR=1, opcode 5", dns_header(0xa800, 1) + question_a(), silence()},
      {"plain A query, RD=0", dns_header(0, 1) + question_a(), answer()},
      {"plain A query, RD=1", a_query(), answer()},
  };
}

std::vector<Row> opcode_rows() {
  const std::string soa = dns_question(wire_name("mesos"), kTypeSoa);
  const auto asks = [&](unsigned opcode, const char* name) {
    return Row{name, dns_header(opcode << 11, 1) + soa, header_only(kNotimp)};
  };
  const auto bare = [&](unsigned opcode, const char* name) {
    return Row{name, dns_header(opcode << 11, 0), header_only(kNotimp)};
  };
  return {
      asks(1, "opcode 1 (IQUERY), question SOA"),
      bare(1, "opcode 1 (IQUERY), 12 bytes only"),
      asks(2, "opcode 2 (STATUS), question SOA"),
      bare(2, "opcode 2 (STATUS), 12 bytes only"),
      asks(3, "opcode 3 (unassigned), question SOA"),
      bare(3, "opcode 3 (unassigned), 12 bytes only"),
      asks(4, "opcode 4 (NOTIFY), question SOA"),
      bare(4, "opcode 4 (NOTIFY), 12 bytes only"),
      asks(5, "opcode 5 (UPDATE), question SOA"),
      bare(5, "opcode 5 (UPDATE), 12 bytes only"),
      asks(6, "opcode 6 (DSO), question SOA"),
      bare(6, "opcode 6 (DSO), 12 bytes only"),
      asks(7, "opcode 7 (unassigned), question SOA"),
      asks(14, "opcode 14 (unassigned), question SOA"),
      asks(15, "opcode 15 (unassigned), question SOA"),
      bare(15, "opcode 15 (unassigned), 12 bytes only"),
      {"opcode 15, 12 bytes, all flags set", dns_header(0x7fff, 0), header_only(kNotimp)},
      {"opcode 4 NOTIFY + EDNS", dns_header(4 << 11, 1, 0, 0, 1) + soa + dns_opt(1232),
       header_only(kNotimp)},
      {"opcode 2 + EDNS version 1", dns_header(2 << 11, 1, 0, 0, 1) + soa + dns_opt(1232, 0x10000),
       header_only(kNotimp)},
      {"opcode 5 and a broken body", dns_header(5 << 11, 9, 9, 9, 9) + "\xc0\x0c",
       header_only(kNotimp)},
  };
}

std::vector<Row> flag_rows() {
  const auto flags = [](unsigned value) { return dns_header(value, 1) + question_a(); };
  const auto flags_do = [](unsigned value) {
    return dns_header(value, 1, 0, 0, 1) + question_a() + dns_opt(1232, 0x8000);
  };
  return {
      {"AA set in query", flags(0x0400), answer()},
      {"TC set in query", flags(0x0200), answer()},
      {"RA set in query", flags(0x0080), answer()},
      {"Z set in query", flags(0x0040), answer()},
      {"AD set in query", flags(0x0020), answer()},
      {"CD set in query", flags(0x0010), answer()},
      {"RCODE set in query", flags(0x000f), answer()},
      {"all of AA TC RD RA Z AD CD", flags(0x07f0), answer()},
      {"AD+EDNS DO", flags_do(0x0020), answer().dnssec_ok()},
      {"CD+EDNS DO", flags_do(0x0010), answer().dnssec_ok()},
  };
}

std::vector<Row> section_count_rows() {
  const std::string a = dns_record(wire_name("other.test"), kTypeA, "abcd");
  const std::string pointing_a = dns_record("\xc0\x0c", kTypeA, "abcd");
  const std::string q = question_a();
  const auto cookie_opt = [](const std::string& data) {
    return dns_header(0, 0, 0, 0, 1) + dns_opt(1232, 0, dns_option(kOptionCookie, data));
  };
  return {
      {"QDCOUNT=0", dns_header(0, 0), header_only(kFormerr)},
      {"QDCOUNT=0 + OPT", dns_header(0, 0, 0, 0, 1) + dns_opt(1232), header_only(kFormerr).opt()},
      {"QDCOUNT=0 + OPT cut short", dns_header(0, 0, 0, 0, 1) + dns_opt(1232).substr(0, 9),
       header_only(kFormerr)},
      {"QDCOUNT=0 + OPT with cookie (RFC 7873 5.4)", cookie_opt(kTestClientCookie),
       header_only(0).cookie()},
      {"QDCOUNT=0 + OPT with cookie of 7 bytes", cookie_opt("1234567"),
       header_only(kFormerr).opt()},
      {"QDCOUNT=0 + OPT of version 1 with cookie (RFC 6891 6.1.3)",
       dns_header(0, 0, 0, 0, 1) +
           dns_opt(1232, 1 << 16, dns_option(kOptionCookie, kTestClientCookie)),
       header_only(kBadvers).opt()},
      {"QDCOUNT=0 + OPT of version 1", dns_header(0, 0, 0, 0, 1) + dns_opt(1232, 1 << 16),
       header_only(kFormerr).opt()},
      {"QDCOUNT=2, two questions", dns_header(0, 2) + q + q, header_only(kFormerr)},
      {"QDCOUNT=2, one question only", dns_header(0, 2) + q, header_only(kFormerr)},
      {"QDCOUNT=65535, one question", dns_header(0, 65535) + q, header_only(kFormerr)},
      {"ANCOUNT=1, no record", dns_header(0, 1, 1) + q, error(kFormerr)},
      {"ANCOUNT=1 with an A record", dns_header(0, 1, 1) + q + a, error(kFormerr)},
      {"NSCOUNT=1 with an A record", dns_header(0, 1, 0, 1) + q + a, error(kFormerr)},
      {"ARCOUNT=1, no record", dns_header(0, 1, 0, 0, 1) + q, error(kFormerr)},
      {"ARCOUNT=1, an A record", with_additional(1, a), answer()},
      {"ARCOUNT=1, an A record whose owner is a pointer", with_additional(1, pointing_a), answer()},
      {"ARCOUNT=2, A record then OPT", with_additional(2, a + dns_opt(1232)), answer().opt()},
      {"ARCOUNT=2, OPT then A record", with_additional(2, dns_opt(1232) + a), answer().opt()},
      {"ARCOUNT=2, A record cut short, OPT first",
       with_additional(2, dns_opt(1232) + a.substr(0, 20)), error(kFormerr)},
      {"ARCOUNT=65535, OPT only", with_additional(65535, dns_opt(1232)), error(kFormerr)},
      {"1 trailing byte", a_query() + "x", answer()},
      {"100 trailing bytes 0xff", a_query() + std::string(100, '\xff'), answer()},
      {"OPT + 4 trailing bytes", edns(dns_opt(1232) + "abcd"), answer().opt()},
  };
}

VIPGATE_DNS_ROWS(DnsHeaderRows, header_rows);
VIPGATE_DNS_ROWS(DnsOpcodeRows, opcode_rows);
VIPGATE_DNS_ROWS(DnsFlagRows, flag_rows);
VIPGATE_DNS_ROWS(DnsSectionCountRows, section_count_rows);

}  // namespace
}  // namespace vipgate::dns_rows_header_test
