// Cookies (RFC 7873, RFC 9018) and signed queries (RFC 8945, RFC 2931).
#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate::dns_rows_cookies_test {
namespace {

using namespace test;

std::string cookie_of(size_t length) {
  std::string cookie = kTestClientCookie + std::string(40, '\x5a');
  cookie.resize(length);
  return cookie;
}
std::string cookie_option(size_t length) { return dns_option(kOptionCookie, cookie_of(length)); }

std::vector<Row> cookie_rows() {
  const auto asks = [](const std::string& options, const char* name = "leader.mesos") {
    return edns(dns_opt(1232, 0, options), name);
  };
  const auto illegal = [&](const char* name, size_t length) {
    return Row{name, asks(cookie_option(length)), error(kFormerr).opt()};
  };
  const auto legal = [&](const char* name, size_t length) {
    return Row{name, asks(cookie_option(length)), answer().cookie()};
  };
  const std::string ours = dns_option(kOptionCookie, fresh_cookie());
  return {
      illegal("COOKIE of 0 bytes", 0),
      illegal("COOKIE of 7 bytes", 7),
      legal("COOKIE of 8 bytes", 8),
      illegal("COOKIE of 9 bytes", 9),
      illegal("COOKIE of 15 bytes", 15),
      legal("COOKIE of 16 bytes", 16),
      legal("COOKIE of 24 bytes", 24),
      legal("COOKIE of 32 bytes", 32),
      legal("COOKIE of 40 bytes", 40),
      illegal("COOKIE of 41 bytes", 41),
      {"COOKIE of 24 bytes that we gave", asks(ours), answer().cookie()},
      {"two COOKIEs", asks(cookie_option(8) + dns_option(kOptionCookie, "12345678")),
       answer().cookie()},
      {"two COOKIEs, the second of 7 bytes", asks(cookie_option(8) + cookie_option(7)),
       answer().cookie()},
      {"COOKIE 8 + NXDOMAIN", asks(cookie_option(8), "nope.mesos"), nxdomain().cookie()},
      {"COOKIE 8 + out of zone", asks(cookie_option(8), "example.test"),
       error(kRefused).cookie().extended_error(20)},
      {"COOKIE 8 + TC", edns(dns_opt(512, 0, cookie_option(8)), "forty.mesos"),
       truncated().cookie()},
      {.name = "COOKIE 8 + NSID",
       .query = asks(dns_option(kOptionNsid, "") + cookie_option(8)),
       .right = answer().cookie().option(kOptionNsid, "gw1"),
       .tells = true},
      {"COOKIE 8, A record then OPT",
       with_additional(
           2, dns_record(wire_name("a.test"), kTypeA, "abcd") + dns_opt(1232, 0, cookie_option(8))),
       answer().cookie()},
  };
}

// The data of a TSIG record (RFC 8945 4.2).
std::string tsig_data(const std::string& algorithm, const std::string& mac) {
  return algorithm + be16(0) + be32(1559731985) + be16(300) +
         be16(static_cast<unsigned>(mac.size())) + mac + be16(kTestId) + be16(0) + be16(0);
}
const std::string kAlgorithm = wire_name("hmac-sha256");

std::string tsig(const std::string& owner, const std::string& data, unsigned dns_class = 255) {
  return owner + be16(kTypeTsig) + be16(dns_class) + be32(0) +
         be16(static_cast<unsigned>(data.size())) + data;
}
std::string good_tsig() {
  return tsig(wire_name("key.test"), tsig_data(kAlgorithm, std::string(32, 'm')));
}

std::vector<Row> signature_rows() {
  const Right badkey = error(kNotauth).with({kTypeTsig});
  const std::string data = tsig_data(kAlgorithm, std::string(32, 'm'));
  const std::string sig0 =
      std::string(1, '\0') + be16(24) + be16(255) + be32(0) + be16(18) + std::string(18, '\0');
  return {
      {"TSIG unknown key", with_additional(1, good_tsig()), badkey},
      {"TSIG unknown key, OPT with cookie before it",
       with_additional(2, dns_opt(1232, 0, cookie_option(8)) + good_tsig()), badkey.cookie()},
      {"TSIG whose owner is a pointer to the question", with_additional(1, tsig("\xc0\x0c", data)),
       badkey},
      {"TSIG not last (TSIG, OPT)", with_additional(2, good_tsig() + dns_opt(1232)),
       error(kFormerr)},
      {"two TSIGs", with_additional(2, good_tsig() + good_tsig()), error(kFormerr)},
      {"TSIG in authority",
       dns_header(0, 1, 0, 1) + dns_question(wire_name("mesos"), 251) + good_tsig(),
       error(kFormerr)},
      {"TSIG of class IN", with_additional(1, tsig(wire_name("key.test"), data, 1)),
       error(kFormerr)},
      {"TSIG cut short", with_additional(1, good_tsig().substr(0, 60)), error(kFormerr)},
      {"TSIG without data", with_additional(1, tsig(wire_name("key.test"), "")), error(kFormerr)},
      {"TSIG with a MAC past its end",
       with_additional(1, tsig(wire_name("key.test"), data.substr(0, data.size() - 8))),
       error(kFormerr)},
      {"TSIG with octets behind its data",
       with_additional(1, tsig(wire_name("key.test"), data + "x")), error(kFormerr)},
      {"TSIG of a name that does not fit beside the question",
       with_name(dns_question(repeat("\x01z", 120) + wire_name("mesos"), kTypeA))
               .replace(10, 2, be16(1)) +
           tsig(repeat("\x01k", 120) + std::string(1, '\0'), data),
       error(kNotauth)},
      {"SIG(0) record", with_additional(1, sig0), answer()},
      {"SIG(0) record behind OPT", with_additional(2, dns_opt(1232) + sig0), answer().opt()},
  };
}

VIPGATE_DNS_ROWS(DnsCookieRows, cookie_rows);
VIPGATE_DNS_ROWS(DnsSignatureRows, signature_rows);

// RFC 8945 5.3.2, 4.2: the key's and the algorithm's names, time and id of the query, no MAC.
TEST(DnsSignature, RefusesWithTheErrorBadkeyAndUnsigned) {
  const auto table = make_test_table();
  for (const std::string& record :
       {good_tsig(), tsig("\xc0\x0c", tsig_data(kAlgorithm, std::string(32, 'm')))}) {
    const auto reply = parse_dns(respond(*table, with_additional(1, record)).octets);
    ASSERT_TRUE(reply && reply->additionals.size() == 1);
    const ParsedRecord& tsig = reply->additionals.front();
    EXPECT_EQ(tsig.owner, record[0] == '\x03' ? "key.test" : "leader.mesos");
    EXPECT_EQ(tsig.dns_class, 255u);
    EXPECT_EQ(tsig.ttl, 0u);
    EXPECT_EQ(tsig.rdata, kAlgorithm + be16(0) + be32(1559731985) + be16(300) + be16(0) +
                              be16(kTestId) + be16(17) + be16(0));
  }
}

}  // namespace
}  // namespace vipgate::dns_rows_cookies_test
