// Query types, ordinary answers, sizes, and ports that are not answered.
#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_rows_answers_test {
namespace {

using namespace test;

std::vector<Row> type_rows() {
  const std::string soa_record = dns_record(
      wire_name("mesos"), kTypeSoa, test_soa().mname + test_soa().rname + std::string(20, '\0'));
  const std::string ixfr_question = dns_question(wire_name("mesos"), 251);
  const auto of_type = [](const char* name, unsigned type) {
    return Row{name, dns_query("leader.mesos", type), nodata()};
  };
  return {
      of_type("qtype 0", 0),
      of_type("qtype NULL", 10),
      of_type("qtype MAILB", 253),
      of_type("qtype MAILA", 254),
      of_type("qtype OPT as qtype", 41),
      of_type("qtype TKEY as qtype", 249),
      of_type("qtype TSIG as qtype", kTypeTsig),
      of_type("qtype RRSIG", 46),
      of_type("qtype NSEC", 47),
      {"qtype DS at apex", dns_query("mesos", 43), nodata()},
      {"qtype DNSKEY", dns_query("mesos", 48), nodata()},
      of_type("qtype HTTPS", 65),
      of_type("qtype SVCB", 64),
      of_type("qtype TYPE666", 666),
      of_type("qtype 65535", 65535),
      of_type("qtype 65280 private", 65280),
      {"TYPE666 at a name that does not exist", dns_query("nope.mesos", 666), nxdomain()},
      {"qtype AXFR over UDP", dns_query("mesos", 252), error(kNotimp)},
      {"qtype IXFR over UDP, no SOA", dns_query("mesos", 251), error(kRefused)},
      {"IXFR over UDP with SOA in authority", dns_header(0, 1, 0, 1) + ixfr_question + soa_record,
       error(kRefused)},
      {"IXFR with SOA and OPT",
       dns_header(0, 1, 0, 1, 1) + ixfr_question + soa_record + dns_opt(1232),
       error(kRefused).extended_error(18)},
      {"IXFR with OPT in authority", dns_header(0, 1, 0, 1) + ixfr_question + dns_opt(1232),
       error(kFormerr)},
      {"IXFR with two records in authority",
       dns_header(0, 1, 0, 2) + ixfr_question + soa_record + soa_record, error(kFormerr)},
      {"ANY at app5 (3 A) +EDNS",
       dns_header(0, 1, 0, 0, 1) + dns_question(wire_name("app5.mesos"), 255) + dns_opt(1232),
       answer(3).opt()},
      {"ANY at the apex", dns_query("l4lb.test", 255), answer(1, kTypeSoa)},
      {"ANY at an empty non-terminal", dns_query("marathon.mesos", 255), nodata()},
      {"ANY at NXDOMAIN name", dns_query("nope.mesos", 255), nxdomain()},
  };
}

std::vector<Row> ordinary_rows() {
  return {
      {"SOA apex", dns_query("mesos", kTypeSoa), answer(1, kTypeSoa)},
      {"SOA apex of another zone", dns_query("L4LB.test", kTypeSoa), answer(1, kTypeSoa)},
      {"SOA below the apex", dns_query("leader.mesos", kTypeSoa), nodata()},
      {"NS apex", dns_query("mesos", kTypeNs), answer(1, kTypeNs).with({kTypeA, kTypeAaaa})},
      {"A apex", a_query("mesos"), nodata()},
      {"three A", a_query("app5.mesos"), answer(3)},
      {"A of a dual-stack name", a_query("dual.mesos"), answer()},
      {"AAAA of a dual-stack name", dns_query("dual.mesos", kTypeAaaa), answer(1, kTypeAaaa)},
      {"A of a service in another zone", a_query("redis.marathon.l4lb.test"), answer()},
      {"AAAA leader (NODATA)", dns_query("leader.mesos", kTypeAaaa), nodata()},
      {"NXDOMAIN", a_query("nope.mesos"), nxdomain()},
      {"NXDOMAIN in another zone", a_query("nope.l4lb.test"), nxdomain()},
      {"NXDOMAIN below a leaf (x.leader)", a_query("x.leader.mesos"), nxdomain()},
      {"NXDOMAIN with EDNS", edns(dns_opt(1232), "nope.mesos"), nxdomain().opt()},
      {"empty non-terminal marathon.mesos A (NODATA)", a_query("marathon.mesos"), nodata()},
      {"empty non-terminal ent.mesos", a_query("ent.mesos"), nodata()},
      {"empty non-terminal below.ent.mesos", a_query("below.ent.mesos"), nodata()},
      {"CNAME cn CNAME", dns_query("cn.mesos", kTypeCname), answer(1, kTypeCname)},
      {"CNAME cn A", a_query("cn.mesos"), {.answers = {kTypeCname, kTypeA}}},
      {"CNAME cn AAAA (target NODATA)",
       dns_query("cn.mesos", kTypeAaaa),
       {.answers = {kTypeCname}, .has_soa = true}},
      {"CNAME to a name that does not exist",
       a_query("dangling.mesos"),
       {.rcode = kNxdomain, .answers = {kTypeCname}, .has_soa = true}},
      {"SRV (glue in additional)", dns_query("_one._tcp.mesos", kTypeSrv),
       answer(1, kTypeSrv).with({kTypeA})},
      {"SRV 3 targets", dns_query("_web._tcp.mesos", kTypeSrv),
       answer(3, kTypeSrv).with({kTypeA, kTypeA, kTypeAaaa})},
      {"TXT", dns_query("text.mesos", kTypeTxt), answer(1, kTypeTxt)},
  };
}

std::vector<Row> wildcard_rows() {
  return {
      {"wildcard match x.wild A", a_query("x.wild.mesos"), answer()},
      {"wildcard match x.y.wild A", a_query("x.y.wild.mesos"), answer()},
      {"wildcard NODATA x.wild TXT", dns_query("x.wild.mesos", kTypeTxt), nodata()},
      {"literal *.wild A", a_query("*.wild.mesos"), answer()},
      {"wild.mesos itself (ENT)", a_query("wild.mesos"), nodata()},
  };
}

std::vector<Row> size_rows() {
  const auto padded = [](size_t size) {
    return edns(dns_opt(1232, 0, dns_option(12, std::string(size, '\0'))));
  };
  const auto with_cookie = [](unsigned size) {
    return edns(dns_opt(size, 0, dns_option(kOptionCookie, kTestClientCookie)), "forty.mesos");
  };
  return {
      {"40 A (668 B), no EDNS", a_query("forty.mesos"), truncated()},
      {"40 A, EDNS 1232", edns(dns_opt(1232), "forty.mesos"), answer(40).opt()},
      {"40 A, EDNS 600", edns(dns_opt(600), "forty.mesos"), truncated().opt()},
      // 12 header, 17 question, 40 * 16 records, 11 OPT.
      {"40 A, EDNS exactly large enough", edns(dns_opt(680), "forty.mesos"), answer(40).opt()},
      {"40 A, EDNS one octet too small", edns(dns_opt(679), "forty.mesos"), truncated().opt()},
      // The cookie takes 28.
      {"40 A and a cookie, EDNS exactly large enough", with_cookie(708), answer(40).cookie()},
      {"40 A and a cookie, EDNS one octet too small", with_cookie(707), truncated().cookie()},
      {"40 A, DO, EDNS 512", edns(dns_opt(512, 0x8000), "forty.mesos"), truncated().dnssec_ok()},
      {"120 A (1948 B), no EDNS", a_query("many.mesos"), truncated()},
      {"120 A, EDNS 4096", edns(dns_opt(4096), "many.mesos"), truncated().opt()},
      {"query of 4096 bytes (padding)", padded(4096), answer().opt()},
      {"query of 9000 bytes (padding)", padded(9000), answer().opt()},
  };
}

std::vector<Row> port_rows() {
  std::vector<Row> rows;
  for (const unsigned port : {0u, 7u, 13u, 17u, 19u, 37u, 464u}) {
    rows.push_back({"from source port " + std::to_string(port), a_query(), silence(),
                    static_cast<uint16_t>(port)});
  }
  for (const unsigned port : {1u, 53u, 63u, 64u, 71u, 123u, 1024u, 65535u}) {
    rows.push_back({"from source port " + std::to_string(port), a_query(), answer(),
                    static_cast<uint16_t>(port)});
  }
  return rows;
}

VIPGATE_DNS_ROWS(DnsTypeRows, type_rows);
VIPGATE_DNS_ROWS(DnsOrdinaryRows, ordinary_rows);
VIPGATE_DNS_ROWS(DnsWildcardRows, wildcard_rows);
VIPGATE_DNS_ROWS(DnsSizeRows, size_rows);
VIPGATE_DNS_ROWS(DnsPortRows, port_rows);

}  // namespace
}  // namespace vipgate::dns_rows_answers_test
