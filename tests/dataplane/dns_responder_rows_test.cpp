// Inputs, good and bad, with the one right answer of each; the rows are named by what is sent.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/dns_fixture.h"

namespace vipgate {
namespace {

using namespace testing;

constexpr unsigned kTypeA = 1, kTypeSoa = 6, kTypeAaaa = 28;
constexpr unsigned kFormerr = 1, kNxdomain = 3, kNotimp = 4, kRefused = 5, kBadvers = 16;

// What the reply must be; everything not mentioned must be absent or zero.
struct Right {
  bool is_silent = false;
  unsigned rcode = 0;
  bool has_question = true;
  bool has_opt = false;
  bool is_do = false;
  bool is_truncated = false;
  size_t answers = 0;
  bool has_soa = false;  // in authority
  unsigned answer_type = kTypeA;

  Right opt() const {
    Right other = *this;
    other.has_opt = true;
    return other;
  }
  Right dnssec_ok() const {
    Right other = opt();
    other.is_do = true;
    return other;
  }
  Right of_type(unsigned type) const {
    Right other = *this;
    other.answer_type = type;
    return other;
  }
  bool is_authoritative() const { return answers != 0 || has_soa || is_truncated; }
};

Right silence() { return {.is_silent = true}; }
Right header_only(unsigned rcode) { return {.rcode = rcode, .has_question = false}; }
Right error(unsigned rcode) { return {.rcode = rcode}; }
Right answer(size_t count = 1) { return {.answers = count}; }
Right nodata() { return {.has_soa = true}; }
Right nxdomain() { return {.rcode = kNxdomain, .has_soa = true}; }
Right truncated() { return {.is_truncated = true}; }

struct Row {
  std::string name;
  std::string query;
  Right right;
  uint16_t port = 40000;
};

unsigned at16(const std::string& octets, size_t at) {
  return static_cast<uint8_t>(octets[at]) * 256u + static_cast<uint8_t>(octets[at + 1]);
}

std::string text_of_question(const std::string& question) {
  std::string text;
  for (size_t at = 0; question[at] != 0; at += static_cast<uint8_t>(question[at]) + 1u) {
    if (!text.empty()) text += '.';
    text += question.substr(at + 1, static_cast<uint8_t>(question[at]));
  }
  return text;
}

void check_records(const ParsedMessage& reply, const Right& right) {
  const std::string asked = reply.questions == 0 ? "" : text_of_question(reply.question);
  ASSERT_EQ(reply.answers.size(), right.answers);
  for (const ParsedRecord& record : reply.answers) {
    EXPECT_EQ(record.owner, asked) << "the owner is the name as it was asked";
    EXPECT_EQ(record.type, right.answer_type);
    EXPECT_EQ(record.dns_class, 1u);
    EXPECT_EQ(record.ttl, 60u);
  }
  ASSERT_EQ(reply.authorities.size(), right.has_soa ? 1u : 0u);
  for (const ParsedRecord& soa : reply.authorities) {
    EXPECT_EQ(soa.type, kTypeSoa);
    EXPECT_EQ(soa.ttl, 5u) << "the lesser of TTL and minimum";
    std::string zone = soa.owner;
    std::transform(zone.begin(), zone.end(), zone.begin(), ::tolower);
    EXPECT_TRUE(zone == "mesos" || zone == "l4lb.test") << zone;
    EXPECT_TRUE(asked.ends_with(soa.owner));
    EXPECT_EQ(soa.rdata, test_soa().mname + test_soa().rname + be32(7) + be32(60) + be32(600) +
                             be32(86400) + be32(5));
  }
  EXPECT_TRUE(reply.additionals.empty());
}

void check_reply(const Row& row, const std::string& octets) {
  const Right& right = row.right;
  const auto reply = parse_dns(octets);
  ASSERT_TRUE(reply) << "the reply is one well-formed message";
  const unsigned query_flags = at16(row.query, 2);
  EXPECT_EQ(reply->id, at16(row.query, 0));
  EXPECT_EQ(reply->opcode(), query_flags >> 11 & 15);
  EXPECT_EQ(reply->rcode(), right.rcode);
  const unsigned rd = reply->opcode() == 0 ? query_flags & 0x0100 : 0;
  const unsigned flags =
      0x8000 | rd | (right.is_authoritative() ? 0x0400 : 0) | (right.is_truncated ? 0x0200 : 0);
  EXPECT_EQ(reply->flags & ~0x780fu, flags) << "QR, AA, TC and RD as they must be, others zero";
  ASSERT_EQ(reply->questions, right.has_question ? 1u : 0u);
  EXPECT_EQ(reply->question, row.query.substr(12, reply->question.size())) << "octet by octet";
  ASSERT_EQ(reply->opt.has_value(), right.has_opt);
  if (reply->opt) {
    EXPECT_EQ(reply->opt->dns_class, 1232u);
    EXPECT_EQ(reply->opt->ttl & 0xffffff, right.is_do ? 0x8000u : 0u) << "version 0, DO, no Z";
    EXPECT_EQ(reply->opt->rdata, "");
  }
  check_records(*reply, right);
  EXPECT_LE(octets.size(), right.has_opt ? 1232u : 512u);
}

void check(const std::vector<Row>& rows) {
  const auto table = make_test_table();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const Response response = respond(*table, row.query, 0, row.port);
    EXPECT_EQ(response.octets.empty(), row.right.is_silent);
    if (!row.right.is_silent && !response.octets.empty()) check_reply(row, response.octets);
  }
}

std::string question_a(std::string_view name = "leader.mesos") {
  return dns_question(wire_name(name), kTypeA);
}
std::string a_query(std::string_view name = "leader.mesos") { return dns_query(name, kTypeA); }
// A query for A with the given additional octets.
std::string with_additional(unsigned count, std::string_view octets,
                            std::string_view name = "leader.mesos", unsigned type = kTypeA) {
  return dns_header(0x0100, 1, 0, 0, count) + dns_question(wire_name(name), type) +
         std::string(octets);
}
std::string edns(std::string_view opt, std::string_view name = "leader.mesos") {
  return with_additional(1, opt, name);
}
std::string with_name(std::string_view wire) { return dns_header(0x0100, 1) + std::string(wire); }
std::string repeat(std::string_view text, int count) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

TEST(DnsResponderRows, Header) {
  check({
      {"empty datagram", "", silence()},
      {"2 bytes", be16(kTestId), silence()},
      {"11 bytes (short header)", dns_header(0, 1).substr(0, 11), silence()},
      {"12 bytes, QDCOUNT=1, no question", dns_header(0x0100, 1), header_only(kFormerr)},
      {"12 bytes, QR=1", dns_header(0x8000, 1), silence()},
      {"QR=1, whole valid question", dns_header(0x8100, 1) + question_a(), silence()},
      {"QR=1 NOERROR answer-like packet",
       dns_header(0x8580, 1, 1) + question_a() + dns_record("\xc0\x0c", kTypeA, "abcd"), silence()},
      {"plain A query, RD=0", dns_header(0, 1) + question_a(), answer()},
      {"plain A query, RD=1", a_query(), answer()},
  });
}

TEST(DnsResponderRows, Opcodes) {
  const std::string soa = dns_question(wire_name("mesos"), kTypeSoa);
  std::vector<Row> rows;
  for (const unsigned opcode : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 14u, 15u}) {
    const std::string name = "opcode " + std::to_string(opcode);
    rows.push_back(
        {name + ", question SOA", dns_header(opcode << 11, 1) + soa, header_only(kNotimp)});
    rows.push_back({name + ", 12 bytes only", dns_header(opcode << 11, 0), header_only(kNotimp)});
  }
  rows.push_back(
      {"opcode 15, 12 bytes, all flags set", dns_header(0x7fff, 0), header_only(kNotimp)});
  rows.push_back({"opcode 4 NOTIFY + EDNS", dns_header(4 << 11, 1, 0, 0, 1) + soa + dns_opt(1232),
                  header_only(kNotimp)});
  rows.push_back({"opcode 2 + EDNS version 1",
                  dns_header(2 << 11, 1, 0, 0, 1) + soa + dns_opt(1232, 0x10000),
                  header_only(kNotimp)});
  check(rows);
}

TEST(DnsResponderRows, HeaderFlagsInTheQuery) {
  const auto flags = [](unsigned value) { return dns_header(value, 1) + question_a(); };
  const auto flags_do = [](unsigned value) {
    return dns_header(value, 1, 0, 0, 1) + question_a() + dns_opt(1232, 0x8000);
  };
  check({
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
  });
}

TEST(DnsResponderRows, SectionCounts) {
  const std::string a = dns_record(wire_name("other.test"), kTypeA, "abcd");
  const std::string pointing_a = dns_record("\xc0\x0c", kTypeA, "abcd");
  const std::string q = question_a();
  check({
      {"QDCOUNT=0", dns_header(0, 0), header_only(kFormerr)},
      {"QDCOUNT=0 + OPT", dns_header(0, 0, 0, 0, 1) + dns_opt(1232), header_only(kFormerr).opt()},
      {"QDCOUNT=0 + OPT cut short", dns_header(0, 0, 0, 0, 1) + dns_opt(1232).substr(0, 9),
       header_only(kFormerr)},
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
  });
}

TEST(DnsResponderRows, MalformedNames) {
  const std::string tail = be16(kTypeA) + be16(1);
  const std::string label63 = '\x3f' + std::string(63, 'a');
  const auto bad = [](const char* name, std::string_view wire) {
    return Row{name, with_name(wire), header_only(kFormerr)};
  };
  const std::string zero_pointer("\xc0\x00", 2);
  check({
      bad("qname = pointer to itself (c00c)", "\xc0\x0c" + tail),
      bad("qname = pointer to header (c000)", zero_pointer + tail),
      bad("qname = forward pointer past end", "\xff\xff" + tail),
      bad("qname = forward pointer to valid name after the question",
          "\xc0\x12" + tail + wire_name("leader.mesos")),
      bad("qname ends in pointer to a ZERO byte in header",
          "\x06leader\x05mesos" + std::string("\xc0\x04") + tail),
      bad("label type 0x40", '\x41' + std::string(65, 'a') + '\0' + tail),
      bad("label type 0x80", '\x81' + std::string(65, 'a') + '\0' + tail),
      bad("name of 256 bytes",
          repeat(label63, 3) + '\x3e' + std::string(62, 'b') + std::string(1, '\0') + tail),
      bad("128 one-byte labels (257 bytes)", repeat("\x01z", 128) + std::string(1, '\0') + tail),
      bad("label runs past end", "\x3fleader"),
      bad("no terminator", "\x06leader\x05mesos"),
      bad("no QTYPE/QCLASS", wire_name("leader.mesos")),
      bad("QTYPE only, no QCLASS", wire_name("leader.mesos") + be16(kTypeA)),
      bad("3 of 4 bytes of type/class", wire_name("leader.mesos") + tail.substr(0, 3)),
  });
}

TEST(DnsResponderRows, Names) {
  const std::string label63 = '\x3f' + std::string(63, 'a');
  // 3 * 64 + 1 + 55 + 6 + 1
  const std::string longest =
      repeat(label63, 3) + '\x37' + std::string(55, 'b') + wire_name("mesos");
  ASSERT_EQ(longest.size(), 255u);
  const auto ask = [](std::string_view wire) { return with_name(dns_question(wire, kTypeA)); };
  check({
      {"name of 255 bytes (legal max) in zone", ask(longest), nxdomain()},
      {"127 one-byte labels (255 bytes, out of zone)",
       ask(repeat("\x01z", 127) + std::string(1, '\0')), error(kRefused)},
      {"mixed case LeAdEr.MeSoS (0x20)", a_query("LeAdEr.MeSoS"), answer()},
      {"mixed case NXDOMAIN", a_query("NoPe.MeSoS"), nxdomain()},
      {"NUL byte in label", ask(std::string("\x06lea\0er", 7) + wire_name("mesos")), nxdomain()},
      {"dot byte in label (\"leader.mesos\" in one label)",
       ask("\x0cleader.mesos" + std::string(1, '\0')), error(kRefused)},
      {"zone's octets inside a label", ask("\x08xx\x05mesos" + std::string(1, '\0')),
       error(kRefused)},
      {"bytes 0x40 0x5b 0x60 0x7b are not letters", a_query("@[`{.mesos"), nxdomain()},
      {"root A", a_query(""), error(kRefused)},
      {"root NS", dns_query("", 2), error(kRefused)},
      {"out of zone, RD=1", a_query("www.example.test"), error(kRefused)},
      {"suffix but not on label boundary xmesos", a_query("leader.xmesos"), error(kRefused)},
      {"the zone's parent", a_query("test"), error(kRefused)},
  });
}

TEST(DnsResponderRows, Classes) {
  std::vector<Row> rows;
  for (const unsigned dns_class : {0u, 2u, 3u, 4u, 5u, 254u, 255u, 256u, 65535u}) {
    rows.push_back({"class " + std::to_string(dns_class) + ", A leader.mesos",
                    with_name(dns_question(wire_name("leader.mesos"), kTypeA, dns_class)),
                    error(kRefused)});
  }
  rows.push_back({"class 3 with EDNS",
                  dns_header(0, 1, 0, 0, 1) + dns_question(wire_name("leader.mesos"), kTypeA, 3) +
                      dns_opt(1232),
                  error(kRefused).opt()});
  check(rows);
}

TEST(DnsResponderRows, QueryTypes) {
  const std::string soa_record = dns_record(
      wire_name("mesos"), kTypeSoa, test_soa().mname + test_soa().rname + std::string(20, '\0'));
  const std::string ixfr_question = dns_question(wire_name("mesos"), 251);
  std::vector<Row> rows = {
      {"qtype AXFR over UDP", dns_query("mesos", 252), error(kNotimp)},
      {"qtype IXFR over UDP, no SOA", dns_query("mesos", 251), error(kRefused)},
      {"IXFR over UDP with SOA in authority", dns_header(0, 1, 0, 1) + ixfr_question + soa_record,
       error(kRefused)},
      {"IXFR with SOA and OPT",
       dns_header(0, 1, 0, 1, 1) + ixfr_question + soa_record + dns_opt(1232),
       error(kRefused).opt()},
      {"IXFR with OPT in authority", dns_header(0, 1, 0, 1) + ixfr_question + dns_opt(1232),
       error(kFormerr)},
      {"IXFR with two records in authority",
       dns_header(0, 1, 0, 2) + ixfr_question + soa_record + soa_record, error(kFormerr)},
      {"ANY at app5 (3 A) +EDNS",
       dns_header(0, 1, 0, 0, 1) + dns_question(wire_name("app5.mesos"), 255) + dns_opt(1232),
       answer(3).opt()},
      {"ANY at the apex", dns_query("mesos", 255), answer().of_type(kTypeSoa)},
      {"ANY at an empty non-terminal", dns_query("marathon.mesos", 255), nodata()},
      {"ANY at NXDOMAIN name", dns_query("nope.mesos", 255), nxdomain()},
      {"qtype DS at apex", dns_query("mesos", 43), nodata()},
      {"TYPE666 at a name that does not exist", dns_query("nope.mesos", 666), nxdomain()},
  };
  // NULL, MAILB, MAILA, OPT, TKEY, RRSIG, NSEC, DNSKEY, SVCB, HTTPS and unknown ones.
  for (const unsigned type :
       {0u, 10u, 253u, 254u, 41u, 249u, 46u, 47u, 48u, 64u, 65u, 666u, 65280u, 65535u}) {
    rows.push_back({"qtype " + std::to_string(type), dns_query("leader.mesos", type), nodata()});
  }
  check(rows);
}

TEST(DnsResponderRows, OrdinaryAnswers) {
  check({
      {"SOA apex", dns_query("mesos", kTypeSoa), answer().of_type(kTypeSoa)},
      {"SOA apex of another zone", dns_query("L4LB.test", kTypeSoa), answer().of_type(kTypeSoa)},
      {"SOA below the apex", dns_query("leader.mesos", kTypeSoa), nodata()},
      {"A apex", a_query("mesos"), nodata()},
      {"three A", a_query("app5.mesos"), answer(3)},
      {"A of a dual-stack name", a_query("dual.mesos"), answer()},
      {"AAAA of a dual-stack name", dns_query("dual.mesos", kTypeAaaa),
       answer().of_type(kTypeAaaa)},
      {"A of a service in another zone", a_query("redis.marathon.l4lb.test"), answer()},
      {"AAAA leader (NODATA)", dns_query("leader.mesos", kTypeAaaa), nodata()},
      {"NXDOMAIN", a_query("nope.mesos"), nxdomain()},
      {"NXDOMAIN in another zone", a_query("nope.l4lb.test"), nxdomain()},
      {"NXDOMAIN below a leaf (x.leader)", a_query("x.leader.mesos"), nxdomain()},
      {"NXDOMAIN with EDNS", edns(dns_opt(1232), "nope.mesos"), nxdomain().opt()},
      {"empty non-terminal marathon.mesos A (NODATA)", a_query("marathon.mesos"), nodata()},
      {"empty non-terminal ent.mesos", a_query("ent.mesos"), nodata()},
      {"empty non-terminal below.ent.mesos", a_query("below.ent.mesos"), nodata()},
  });
}

TEST(DnsResponderRows, Edns) {
  std::vector<Row> rows = {
      {"OPT size 4096, 40xA", edns(dns_opt(4096), "forty.mesos"), answer(40).opt()},
      {"EDNS version 1, NXDOMAIN name", edns(dns_opt(1232, 0x10000), "nope.mesos"),
       error(kBadvers).opt()},
      {"EDNS version 1, out of zone", edns(dns_opt(1232, 0x10000), "example.test"),
       error(kBadvers).opt()},
      {"EDNS version 1, class CH",
       dns_header(0, 1, 0, 0, 1) + dns_question(wire_name("leader.mesos"), kTypeA, 3) +
           dns_opt(1232, 0x10000),
       error(kBadvers).opt()},
      {"EDNS version 1, broken options", edns(dns_opt(1232, 0x10000, "abc")),
       error(kBadvers).opt()},
      {"EDNS version 1, AXFR", with_additional(1, dns_opt(1232, 0x10000), "mesos", 252),
       error(kBadvers).opt()},
      {"extended RCODE in query", edns(dns_opt(1232, 0xff000000)), answer().opt()},
      {"DO bit", edns(dns_opt(1232, 0x8000)), answer().dnssec_ok()},
      {"DO bit, out of zone", edns(dns_opt(1232, 0x8000), "example.test"),
       error(kRefused).dnssec_ok()},
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
      {"option length past RDLEN", edns(dns_opt(1232, 0, be16(100) + be16(50) + "abc")),
       error(kFormerr).opt()},
      {"option length past RDLEN, within the message",
       edns(dns_opt(1232, 0, be16(100) + be16(4) + "abc") + "defgh"), error(kFormerr).opt()},
      {"3 byte option (no length)", edns(dns_opt(1232, 0, "abc")), error(kFormerr).opt()},
      {"unknown option 100, empty", edns(dns_opt(1232, 0, dns_option(100, ""))), answer().opt()},
      {"unknown option 65001 w/ 200 bytes",
       edns(dns_opt(1232, 0, dns_option(65001, std::string(200, 'x')))), answer().opt()},
      {"NSID request with data", edns(dns_opt(1232, 0, dns_option(3, "abc"))), answer().opt()},
      {"TCP keepalive over UDP", edns(dns_opt(1232, 0, dns_option(11, ""))), answer().opt()},
      {"padding option", edns(dns_opt(1232, 0, dns_option(12, std::string(64, '\0')))),
       answer().opt()},
      {"EXPIRE", with_additional(1, dns_opt(1232, 0, dns_option(9, "")), "mesos", kTypeSoa),
       answer().opt().of_type(kTypeSoa)},
  };
  for (const unsigned size : {0u, 100u, 511u, 512u, 1232u, 4096u, 65535u}) {
    rows.push_back({"OPT size " + std::to_string(size), edns(dns_opt(size)), answer().opt()});
  }
  for (const unsigned long version : {1ul, 2ul, 255ul}) {
    rows.push_back({"EDNS version " + std::to_string(version), edns(dns_opt(1232, version << 16)),
                    error(kBadvers).opt()});
  }
  const std::string ecs_v4 = be16(1);
  for (const auto& [name, data] : std::vector<std::pair<std::string, std::string>>{
           {"ECS 10.0.0.0/24", ecs_v4 + std::string("\x18\x00\x0a\x00\x00", 5)},
           {"ECS /0", ecs_v4 + std::string(2, '\0')},
           {"ECS prefix 33 (bad)", ecs_v4 + std::string("\x21\0\x0a\0\0\0\0", 7)},
           {"ECS scope != 0 (bad)", ecs_v4 + std::string("\x18\x18\x0a\x00\x00", 5)},
           {"ECS too short (bad)", "\x01"},
           {"ECS unknown family 99", be16(99) + std::string("\x18\0\x0a\0\0", 5)}}) {
    rows.push_back({name, edns(dns_opt(1232, 0, dns_option(8, data))), answer().opt()});
  }
  check(rows);
}

TEST(DnsResponderRows, SizesAndTruncation) {
  const auto padded = [](size_t size) {
    return edns(dns_opt(1232, 0, dns_option(12, std::string(size, '\0'))));
  };
  check({
      {"40 A (668 B), no EDNS", a_query("forty.mesos"), truncated()},
      {"40 A, EDNS 1232", edns(dns_opt(1232), "forty.mesos"), answer(40).opt()},
      {"40 A, EDNS 600", edns(dns_opt(600), "forty.mesos"), truncated().opt()},
      // 12 header, 17 question, 40 * 16 records, 11 OPT.
      {"40 A, EDNS exactly large enough", edns(dns_opt(680), "forty.mesos"), answer(40).opt()},
      {"40 A, EDNS one octet too small", edns(dns_opt(679), "forty.mesos"), truncated().opt()},
      {"40 A, DO, EDNS 512", edns(dns_opt(512, 0x8000), "forty.mesos"), truncated().dnssec_ok()},
      {"120 A (1948 B), no EDNS", a_query("many.mesos"), truncated()},
      {"120 A, EDNS 4096", edns(dns_opt(4096), "many.mesos"), truncated().opt()},
      {"query of 4096 bytes (padding)", padded(4096), answer().opt()},
      {"query of 9000 bytes (padding)", padded(9000), answer().opt()},
  });
}

TEST(DnsResponderRows, UdpSourcePort) {
  std::vector<Row> rows;
  for (const unsigned port : {0u, 7u, 13u, 17u, 19u, 37u, 464u}) {
    rows.push_back({"from source port " + std::to_string(port), a_query(), silence(),
                    static_cast<uint16_t>(port)});
  }
  for (const unsigned port : {1u, 53u, 63u, 64u, 71u, 123u, 1024u, 65535u}) {
    rows.push_back({"from source port " + std::to_string(port), a_query(), answer(),
                    static_cast<uint16_t>(port)});
  }
  check(rows);
}

}  // namespace
}  // namespace vipgate
