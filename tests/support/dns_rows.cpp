#include "tests/support/dns_rows.h"

#include <algorithm>
#include <cctype>

#include "common/dns_cookie.h"
#include "tests/support/dns_fixture.h"

namespace vipgate::test {
namespace {

const SipKey kRowSecret{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

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

std::vector<unsigned> types_of(const std::vector<ParsedRecord>& records) {
  std::vector<unsigned> types;
  for (const ParsedRecord& record : records) types.push_back(record.type);
  return types;
}

void check_soa(const ParsedRecord& soa) {
  EXPECT_EQ(soa.type, kTypeSoa);
  EXPECT_EQ(soa.ttl, 5u) << "the lesser of TTL and minimum";
  std::string zone = soa.owner;
  std::transform(zone.begin(), zone.end(), zone.begin(), ::tolower);
  EXPECT_TRUE(zone == "mesos" || zone == "l4lb.test") << zone;
  EXPECT_EQ(soa.rdata, test_soa().mname + test_soa().rname + be32(7) + be32(60) + be32(600) +
                           be32(86400) + be32(5));
}

void check_sections(const ParsedMessage& reply, const Right& right) {
  const std::string asked = reply.questions == 0 ? "" : text_of_question(reply.question);
  ASSERT_EQ(types_of(reply.answers), right.answers);
  for (const ParsedRecord& record : reply.answers) {
    EXPECT_EQ(record.dns_class, right.is_chaos ? 3u : 1u);
    EXPECT_EQ(record.ttl, right.is_chaos ? 0u : 60u);
  }
  if (!reply.answers.empty()) {
    EXPECT_EQ(reply.answers.front().owner, asked) << "the owner is the name as it was asked";
  }
  ASSERT_EQ(reply.authorities.size(), right.has_soa ? 1u : 0u);
  for (const ParsedRecord& soa : reply.authorities) {
    check_soa(soa);
    if (right.answers.empty()) {
      EXPECT_TRUE(asked.ends_with(soa.owner)) << "case as it was asked";
    }
  }
  EXPECT_EQ(types_of(reply.additionals), right.additionals);
}

std::vector<std::pair<unsigned, std::string>> options_of(const std::string& rdata) {
  std::vector<std::pair<unsigned, std::string>> options;
  for (size_t at = 0; at < rdata.size();) {
    if (at + 4 > rdata.size() || at + 4 + at16(rdata, at + 2) > rdata.size()) {
      ADD_FAILURE() << "malformed options";
      break;
    }
    options.emplace_back(at16(rdata, at), rdata.substr(at + 4, at16(rdata, at + 2)));
    at += 4 + options.back().second.size();
  }
  return options;
}

}  // namespace

Right Right::opt() const {
  Right other = *this;
  other.has_opt = true;
  return other;
}
Right Right::dnssec_ok() const {
  Right other = opt();
  other.is_do = true;
  return other;
}
Right Right::option(unsigned code, const std::string& data) const {
  Right other = opt();
  other.options.emplace_back(code, data);
  return other;
}
Right Right::extended_error(unsigned code) const {
  return option(kOptionExtendedError, be16(code));
}
Right Right::cookie() const { return option(kOptionCookie, fresh_cookie()); }
Right Right::with(const std::vector<unsigned>& more) const {
  Right other = *this;
  other.additionals = more;
  return other;
}

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

DnsPolicy row_policy(bool tells) {
  DnsPolicy policy;
  policy.cookie_secrets = {kRowSecret};
  policy.tcp_idle_100ms = 100;
  if (tells) {
    policy.nsid = "gw1";
    policy.version = "vipgate";
    policy.hostname = "gw1.example";
  }
  return policy;
}

std::string fresh_cookie() {
  DnsCookie cookie{};
  std::copy(kTestClientCookie.begin(), kTestClientCookie.end(), cookie.begin());
  dns_make_cookie(kRowSecret, {kTestClient, sizeof kTestClient}, kTestUnixS, cookie);
  return {cookie.begin(), cookie.end()};
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
    EXPECT_EQ(options_of(reply->opt->rdata), right.options);
  }
  check_sections(*reply, right);
}

void DnsRows::check() {
  const Row& row = GetParam();
  static const auto table = make_test_table();
  const DnsPolicy policy = row_policy(row.tells);
  const Response response = respond(*table, row.query, 0, row.port, 2048, policy);
  EXPECT_EQ(response.octets.empty(), row.right.is_silent);
  if (row.right.is_silent || response.octets.empty()) return;
  check_reply(row, response.octets);
  EXPECT_LE(response.octets.size(), row.right.has_opt ? 1232u : 512u);
}

std::string row_test_name(const ::testing::TestParamInfo<Row>& info) {
  std::string name;
  for (const char c : info.param.name) {
    const bool is_kept = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (is_kept || (!name.empty() && name.back() != '_')) name += is_kept ? c : '_';
  }
  while (name.ends_with('_')) name.pop_back();
  return name;
}

std::string with_additional(unsigned count, std::string_view octets, std::string_view name,
                            unsigned type) {
  return dns_header(0x0100, 1, 0, 0, count) + dns_question(wire_name(name), type) +
         std::string(octets);
}

}  // namespace vipgate::test
