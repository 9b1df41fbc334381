#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "controlplane/config/config_reader_rest.h"
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_rest_test {
namespace {

using ::testing::HasSubstr;

constexpr Row kRestRows[] = {
    {"rest: {listen: [localhost:80]}\n",
     "f:1:17: listen: 'localhost:80' is no address and port; write 127.0.0.1:8080 or "
     "\"[::1]:8080\""},
    {"rest: {listen: [\"::1:80\"]}\n",
     "f:1:17: listen: '::1:80' is no address and port; write 127.0.0.1:8080 or \"[::1]:8080\""},
    {"rest: {listen: [\"127.0.0.1:0\"]}\n",
     "f:1:17: listen: '127.0.0.1:0' is no address and port; write 127.0.0.1:8080 or "
     "\"[::1]:8080\""},
    {"rest: {listen: [\"10.0.0.1:8080\"]}\n",
     "f:1:17: listen: 10.0.0.1 is no loopback address, so the API needs tls and tokens_file there; "
     "add them, or write 127.0.0.1"},
    {"rest: {listen: [\"[::1]:8080\"], tls: {cert_file: /c.pem}}\n",
     "f:1:37: tls: cert_file and key_file belong together; write both or neither"},
    {"rest: {listen: [\"[::1]:8080\"], tls: {client_ca_file: /ca.pem}}\n",
     "f:1:54: client_ca_file: clients' certificates need cert_file and key_file, and tokens_file "
     "with lines as: admin CN=NAME-IN-THE-CERTIFICATE NAME"},
    {"rest: {mesos_dns_listen: [localhost]}\n",
     "f:1:27: mesos_dns_listen: 'localhost' is no address, nor one with a port; write 127.0.0.1, "
     "127.0.0.1:8123 or \"[::1]:8123\""},
    {"rest: {mesos_dns_listen: [\"::1:8123\"]}\n",
     "f:1:27: mesos_dns_listen: '::1:8123' is no address, nor one with a port; write 127.0.0.1, "
     "127.0.0.1:8123 or \"[::1]:8123\""},
    {"rest: {mesos_dns_listen: [10.0.0.1]}\n",
     "f:1:27: mesos_dns_listen: 10.0.0.1 is no loopback address; write plaintext: true to let "
     "everybody who reaches it read all names, or add tls and tokens_file, which clients of "
     "Mesos-DNS do not know"},
    {"rest: {listen: [\"127.0.0.1:8123\"], mesos_dns_listen: [\"[::1]\", 127.0.0.1]}\n",
     "f:1:64: mesos_dns_listen: 127.0.0.1:8123 is where the API listens (listen); write another "
     "port"},
    {"rest: {plaintext: 1}\n",
     "f:1:19: plaintext: '1' is not true or false; write one of these two"},
};

TEST(ConfigErrors, WhereTheApiListensIsChecked) { expect_errors(kRestRows); }

TEST(ConfigErrors, WhereMesosDnsIsToldMayBePlainBeyondLoopbackIfTheFileSaysSo) {
  const auto config = parse_config(
      "rest: {mesos_dns_listen: [10.0.0.1, \"[fd00::1]:80\", 127.0.0.1], plaintext: true}\n", "f");
  ASSERT_TRUE(config.ok()) << config.error();
  const RestConfig& rest = config->rest;
  ASSERT_EQ(rest.mesos_dns_listen.size(), 3u);
  EXPECT_EQ(rest.mesos_dns_listen[0].port, 8123);
  EXPECT_EQ(to_string(rest.mesos_dns_listen[1].address), "fd00::1");
  EXPECT_EQ(rest.mesos_dns_listen[1].port, 80);
  EXPECT_TRUE(mesos_dns_is_plain(rest, rest.mesos_dns_listen[0]));
  RestConfig guarded = rest;
  guarded.plaintext = false;
  EXPECT_FALSE(mesos_dns_is_plain(guarded, rest.mesos_dns_listen[0]));
  EXPECT_TRUE(mesos_dns_is_plain(guarded, rest.mesos_dns_listen[2]));
}

class TokensTest : public ::testing::Test {
 protected:
  Result<std::vector<HttpToken>> read(const std::string& text) {
    const std::string path = ::testing::TempDir() + "vipgate-tokens";
    std::ofstream(path) << text;
    auto tokens = read_tokens(path);
    std::remove(path.c_str());
    return tokens;
  }
};

TEST_F(TokensTest, LinesNameRoleTokenAndName) {
  const auto tokens = read("# who may\n\nadmin 0123456789abcdef ops\nread fedcba9876543210 graf\n");
  ASSERT_TRUE(tokens.ok()) << tokens.error();
  ASSERT_EQ(tokens->size(), 2u);
  EXPECT_EQ((*tokens)[0].role, ApiRole::kAdmin);
  EXPECT_EQ((*tokens)[1].role, ApiRole::kReader);
  EXPECT_EQ((*tokens)[1].token, "fedcba9876543210");
  EXPECT_EQ((*tokens)[1].name, "graf");
}

TEST_F(TokensTest, LinesMayNameCertificatesInThePlaceOfTokens) {
  const auto tokens = read("read CN=graf.example.org graf\n");
  ASSERT_TRUE(tokens.ok()) << tokens.error();
  EXPECT_TRUE((*tokens)[0].is_certificate);
  EXPECT_EQ((*tokens)[0].token, "graf.example.org");
  EXPECT_EQ((*tokens)[0].name, "graf");
}

TEST_F(TokensTest, AMistakeNamesItsLineAndNoToken) {
  EXPECT_THAT(read("root 0123456789abcdef ops\n").error(), HasSubstr("line 1: a line begins with"));
  EXPECT_THAT(read("\nadmin short ops\n").error(),
              HasSubstr("line 2: the token of 'ops' has fewer"));
  EXPECT_THAT(read("admin 0123456789abcdef\n").error(), HasSubstr("line 1: write the role"));
  EXPECT_THAT(read("read CN= graf\n").error(), HasSubstr("line 1: a name comes behind CN="));
  EXPECT_THAT(read("# none\n").error(), HasSubstr("has no token"));
  EXPECT_THAT(read_tokens("/nowhere/tokens").error(),
              HasSubstr("'/nowhere/tokens' cannot be read"));
}

}  // namespace
}  // namespace vipgate::config_errors_rest_test
