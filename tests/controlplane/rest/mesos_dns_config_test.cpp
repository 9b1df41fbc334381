#include "controlplane/rest/mesos_dns_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vipgate::mesos_dns_config_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string config_text_of(const Config& config) {
  return mesos_dns_config_text(config, {*parse_ip_address("127.0.0.1"), 8123}, 77);
}

TEST(MesosDnsConfig, PasswordsAndSecretsAreNotTold) {
  Config config;
  MesosConfig& mesos = config.mesos.emplace_back();
  mesos.masters = {"zk://ann:sesame@10.0.0.1:2181,10.0.0.2:2181/mesos", "https://10.0.0.3:5050"};
  mesos.auth = {MesosAuthType::kBasic, "vipgate", "/etc/vipgate/open", ""};
  config.dns.cookies.secret_file = "/etc/vipgate/cookie";
  config.store = "zk://bob:barley@10.0.0.1:2181/vipgate";
  const std::string text = config_text_of(config);
  for (const char* hidden : {"sesame", "open", "cookie", "barley"}) {
    EXPECT_THAT(text, Not(HasSubstr(hidden)));
  }
  EXPECT_THAT(text, HasSubstr("\"Zk\": \"zk://ann:***@10.0.0.1:2181,10.0.0.2:2181/mesos\""));
  EXPECT_THAT(text, HasSubstr("\"Masters\": [\n  \"https://10.0.0.3:5050\"\n ]"));
  EXPECT_THAT(text, HasSubstr("\"MesosHTTPSOn\": true"));
  EXPECT_THAT(text, HasSubstr("\"Secret\": \"******\""));
  EXPECT_THAT(text, HasSubstr("\"MesosAuthentication\": \"basic\""));
}

TEST(MesosDnsConfig, WhatIsInForceIsToldInItsWords) {
  Config config;
  config.dns.ttl_s = 7;
  config.dns.listen = {*parse_ip_address("10.0.0.53")};
  config.dns.forward.is_on = true;
  config.dns.forward.resolvers = {{*parse_ip_address("10.0.0.1"), 53},
                                  {*parse_ip_address("10.0.0.2"), 5353}};
  config.dns.forward.zones = {{"corp", {{*parse_ip_address("fd00::1"), 53}}}};
  MesosConfig& mesos = config.mesos.emplace_back();
  mesos.ip_sources = {IpSource::kHost, IpSource::kDocker};
  mesos.enforce_rfc952 = true;
  const std::string text = config_text_of(config);
  EXPECT_THAT(text, HasSubstr("\"TTL\": 7,"));
  EXPECT_THAT(text, HasSubstr("\"Listener\": \"10.0.0.53\","));
  EXPECT_THAT(text, HasSubstr("\"Resolvers\": [\n  \"10.0.0.1\",\n  \"10.0.0.2:5353\"\n ]"));
  EXPECT_THAT(text, HasSubstr("\"ZoneResolvers\": {\n  \"corp\": [\n   \"fd00::1\"\n  ]\n }"));
  EXPECT_THAT(text, HasSubstr("\"ExternalOn\": true,"));
  EXPECT_THAT(text, HasSubstr("\"IPSources\": [\n  \"host\",\n  \"docker\"\n ]"));
  EXPECT_THAT(text, HasSubstr("\"EnforceRFC952\": true,"));
  EXPECT_THAT(text, HasSubstr("\"SOASerial\": 77,"));
}

TEST(MesosDnsConfig, WithoutAClusterTheDefaultsAreTold) {
  EXPECT_THAT(config_text_of(Config{}), HasSubstr("\"Domain\": \"mesos\""));
}

}  // namespace
}  // namespace vipgate::mesos_dns_config_test
