// Tables of inputs, good and bad, each with its one right answer. A row is named by what is sent,
// and is a test of that name.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/dns_policy.h"
#include "tests/support/dns_message.h"

namespace vipgate::test {

constexpr unsigned kTypeA = 1, kTypeNs = 2, kTypeCname = 5, kTypeSoa = 6, kTypeTxt = 16,
                   kTypeAaaa = 28, kTypeSrv = 33, kTypeTsig = 250;
constexpr unsigned kFormerr = 1, kNxdomain = 3, kNotimp = 4, kRefused = 5, kNotauth = 9,
                   kBadvers = 16;
constexpr unsigned kOptionNsid = 3, kOptionCookie = 10, kOptionKeepalive = 11,
                   kOptionExtendedError = 15;

// What the reply must be; everything not mentioned must be absent or zero.
struct Right {
  bool is_silent = false;
  unsigned rcode = 0;
  bool has_question = true;
  bool has_opt = false;
  bool is_do = false;
  bool is_truncated = false;
  std::vector<unsigned> answers{};  // types, in order; the first one's owner is the name asked for
  bool has_soa = false;             // in authority
  std::vector<unsigned> additionals{};  // types, but OPT
  bool is_chaos = false;                // class CH, TTL 0
  // Options of the OPT record, in order: code and data.
  std::vector<std::pair<unsigned, std::string>> options{};

  Right opt() const;
  Right dnssec_ok() const;
  Right option(unsigned code, const std::string& data) const;
  // Not Authoritative or another code of RFC 8914, in an OPT record.
  Right extended_error(unsigned code) const;
  // A fresh cookie for kTestClientCookie.
  Right cookie() const;
  Right with(const std::vector<unsigned>& more) const;  // additionals
  bool is_authoritative() const { return !answers.empty() || has_soa || is_truncated; }
};

inline Right silence() { return {.is_silent = true}; }
inline Right header_only(unsigned rcode) { return {.rcode = rcode, .has_question = false}; }
inline Right error(unsigned rcode) { return {.rcode = rcode}; }
inline Right answer(size_t count = 1, unsigned type = kTypeA) {
  return {.answers = std::vector<unsigned>(count, type)};
}
inline Right nodata() { return {.has_soa = true}; }
inline Right nxdomain() { return {.rcode = kNxdomain, .has_soa = true}; }
inline Right truncated() { return {.is_truncated = true}; }

struct Row {
  std::string name;
  std::string query;
  Right right{};
  uint16_t port = 40000;
  bool tells = false;  // NSID and class CH are configured
};

// For a failure's text.
std::ostream& operator<<(std::ostream& out, const Row& row);

// What is in force for rows: cookies, and what Row::tells says.
DnsPolicy row_policy(bool tells);
// The client cookie of rows, and the whole one that the responder makes of it at the time and for
// the client of dns_fixture.h.
inline const std::string kTestClientCookie = "\x24\x64\xc4\xab\xcf\x10\xc9\x57";
std::string fresh_cookie();

// Whether `octets` are the row's right answer.
void check_reply(const Row& row, const std::string& octets);

class DnsRows : public ::testing::TestWithParam<Row> {
 protected:
  // Over UDP.
  static void check();
};

// The row's name with what a test's name may not have replaced by '_'.
std::string row_test_name(const ::testing::TestParamInfo<Row>& info);

// A query for A with the given additional octets.
std::string with_additional(unsigned count, std::string_view octets,
                            std::string_view name = "leader.mesos", unsigned type = kTypeA);
inline std::string edns(std::string_view opt, std::string_view name = "leader.mesos") {
  return with_additional(1, opt, name);
}
inline std::string question_a(std::string_view name = "leader.mesos") {
  return dns_question(wire_name(name), kTypeA);
}
inline std::string a_query(std::string_view name = "leader.mesos") {
  return dns_query(name, kTypeA);
}
inline std::string with_name(std::string_view wire) {
  return dns_header(0x0100, 1) + std::string(wire);
}
inline std::string repeat(std::string_view text, int count) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}

}  // namespace vipgate::test

// A table of rows, each a test of the suite Dns over UDP.
#define VIPGATE_DNS_ROWS(table, rows)               \
  class table : public ::vipgate::test::DnsRows {}; \
  TEST_P(table, GetsTheRightAnswer) { check(); }    \
  INSTANTIATE_TEST_SUITE_P(Dns, table, ::testing::ValuesIn(rows()), ::vipgate::test::row_test_name)
