#include "controlplane/dns/dns_secrets.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "controlplane/config/config_reader.h"
#include "controlplane/dns/dns_policy_compiler.h"

namespace vipgate::dns_secrets_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kNewer[] = "445536bcd2513298075a5d379663c962";
constexpr char kOlder[] = "dd3bdf9344b678b185a6f5cb60fca715";
const SipKey kNewerKey{{0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98, 0x07, 0x5a, 0x5d, 0x37,
                        0x96, 0x63, 0xc9, 0x62}};
const SipKey kOlderKey{{0xdd, 0x3b, 0xdf, 0x93, 0x44, 0xb6, 0x78, 0xb1, 0x85, 0xa6, 0xf5, 0xcb,
                        0x60, 0xfc, 0xa7, 0x15}};

class DnsSecretsTest : public ::testing::Test {
 protected:
  ~DnsSecretsTest() override { std::remove(path_.c_str()); }
  void write(const std::string& text) const { std::ofstream(path_) << text; }
  std::string error_of(const std::string& text) const {
    write(text);
    const auto secrets = read_cookie_secrets(path_);
    return secrets ? "" : secrets.error();
  }

  const std::string path_ =
      ::testing::TempDir() + "dns_secrets." + std::to_string(getpid()) + ".txt";
};

TEST_F(DnsSecretsTest, AreReadNewestFirst) {
  write("# since Monday\n" + std::string(kNewer) + "\r\n\n" + kOlder);
  const auto secrets = read_cookie_secrets(path_);
  ASSERT_TRUE(secrets.ok()) << secrets.error();
  EXPECT_THAT(*secrets, ElementsAre(kNewerKey, kOlderKey));
}

TEST_F(DnsSecretsTest, ThatAreNoneAreToldOfWithTheLine) {
  const std::string good = std::string(kNewer) + "\n";
  EXPECT_THAT(error_of(good + kOlder + "0\n"), HasSubstr("line 2: a secret is 32 hex digits"));
  EXPECT_THAT(error_of("\n" + std::string(32, 'g')), HasSubstr("line 2: a secret is 32 hex"));
  EXPECT_THAT(error_of(good + " " + kOlder), HasSubstr("line 2: a secret is 32 hex digits"));
  EXPECT_THAT(error_of(good + good + good + good + good), HasSubstr("line 5: there are more than"));
  EXPECT_THAT(error_of("# none\n"), HasSubstr("holds no secret"));
  EXPECT_THAT(error_of(std::string(5000, '#')), HasSubstr("more than 4096 octets"));
  EXPECT_THAT(read_cookie_secrets(path_ + ".none").error(), HasSubstr("cannot be read"));
  EXPECT_THAT(read_cookie_secrets("/tmp").error(), HasSubstr("'/tmp'"));
}

TEST_F(DnsSecretsTest, AreConfigurationErrorsWithTheirPlace) {
  const std::string text = "dns: {cookies: {secret_file: " + path_ + "}}\n";
  write("no secret\n");
  EXPECT_EQ(parse_config(text, "f").error(),
            "f:1:30: secret_file: '" + path_ +
                "' line 1: a secret is 32 hex digits; make one with `openssl rand -hex 16`");
  EXPECT_TRUE(parse_config(text, "f", ConfigUse::kCompile).ok())
      << "names are compiled where the secrets are not";
  EXPECT_EQ(
      parse_config("dns: {cookies: {enabled: false, secret_file: " + path_ + "}}\n", "f").error(),
      "f:1:46: secret_file: a secret without cookies; remove it, or set enabled: true");
}

TEST_F(DnsSecretsTest, AndTextsComeIntoThePolicy) {
  write(std::string(kNewer) + "\n" + kOlder + "\n");
  const auto config = parse_config(
      "dns: {nsid: 0x00FF6e, tcp: {idle_s: 30}, chaos: {version: v, hostname: h}, cookies: "
      "{secret_file: " +
          path_ + "}}\n",
      "f");
  ASSERT_TRUE(config.ok()) << config.error();
  const DnsPolicy policy = dns_policy_of(*config);
  EXPECT_EQ(policy.nsid, std::string("\0\xffn", 3));
  EXPECT_EQ(policy.version, "v");
  EXPECT_EQ(policy.hostname, "h");
  EXPECT_EQ(policy.tcp_idle_100ms, 300);
  EXPECT_THAT(policy.cookie_secrets, ElementsAre(kNewerKey, kOlderKey));
}

TEST_F(DnsSecretsTest, AreNotThereByDefaultOrWhereCookiesAreOff) {
  EXPECT_EQ(dns_policy_of(Config{}).nsid, "");
  EXPECT_THAT(dns_policy_of(Config{}).cookie_secrets, IsEmpty()) << "that of the boot is added";
  Config off;
  off.dns.cookies = {.enabled = false, .secret_file = "", .secrets = {kNewerKey}};
  EXPECT_THAT(dns_policy_of(off).cookie_secrets, IsEmpty());
}

}  // namespace
}  // namespace vipgate::dns_secrets_test
