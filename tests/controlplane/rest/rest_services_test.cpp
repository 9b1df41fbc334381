#include "controlplane/rest/rest_services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "controlplane/config/config_reader.h"
#include "controlplane/rest/json_document.h"
#include "tests/support/test_net.h"

namespace vipgate::rest_services_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kConfig =
    "ports:\n"
    "  - {name: edge, device: \"net_null0\", addresses: [10.9.0.2/24]}\n"
    "snat_pools: [{name: default, addresses: [10.9.0.100]}]\n"
    "dns: {zones: [{name: l4lb.test, services: true}]}\n"
    "timeouts: {udp_s: 77}\n";

class RestServicesTest : public ::testing::Test {
 protected:
  RestServicesTest() : config_(std::move(parse_config(kConfig, "test.yaml").value())) {}

  static YamlNodePtr json(const std::string& text) {
    Diagnostics diagnostics("body");
    auto node = read_json(text, diagnostics);
    EXPECT_NE(node, nullptr) << diagnostics.text();
    return node;
  }

  static std::string service(const std::string& name, const std::string& vip, int port,
                             const std::string& more = {}) {
    return R"({"name":")" + name + R"(","vip":")" + vip + R"(","port":)" + std::to_string(port) +
           more + R"(,"reals":[{"address":"10.9.0.11","port":8080}]})";
  }

  RestPlan good(RestResult<RestPlan> result) {
    if (const auto* problem = std::get_if<RestProblem>(&result)) {
      std::string all = problem->detail;
      for (const FieldError& error : problem->errors)
        all += "\n" + error.field + ": " + error.detail;
      ADD_FAILURE() << all;
      return {};
    }
    return std::get<RestPlan>(std::move(result));
  }
  static RestProblem bad(RestResult<RestPlan> result) {
    if (const auto* problem = std::get_if<RestProblem>(&result)) return *problem;
    ADD_FAILURE() << "it was taken";
    return {};
  }

  // Names get addresses in the order in which they come.
  Status give_addresses(Config& config) {
    for (ServiceConfig& each : config.services) {
      if (!each.vip_auto) continue;
      auto [known, is_new] =
          given_.try_emplace(each.name, test::ip("11.0.0." + std::to_string(given_.size() + 1)));
      each.vip = known->second;
    }
    return Done{};
  }

  Config config_;
  std::map<std::string, IpAddress> given_;
  RestServices services_{{[this](Config& config) { return give_addresses(config); }, {}}};
};

TEST_F(RestServicesTest, AServiceCanBeMadeBesideClustersWhoseFilesItDoesNotTouch) {
  const std::string clusters =
      "mesos: [{masters: [\"10.9.0.50:5050\"], domain: l4lb.test,"
      " auth: {type: basic, principal: p, secret_file: /no/such/file}}]\n"
      "marathon: [{urls: [\"http://10.9.0.51:8080\"]}]\n"
      "named_vips: {zone: l4lb.test}\n";
  auto config = parse_config(kConfig + clusters, "test.yaml");
  ASSERT_TRUE(config.ok()) << config.error();
  const RestPlan plan =
      good(services_.plan_one(json(service("redis", "10.20.0.1", 6379)), "", *config));
  EXPECT_THAT(plan.added, ElementsAre("10.20.0.1:6379:tcp"));
  EXPECT_EQ(bad(services_.plan_one(json(service("own", "10.9.0.2", 80)), "", *config)).status, 422)
      << "an address of the gateway's own";
}

TEST_F(RestServicesTest, AServiceIsReadAsTheFileWouldBe) {
  auto plan = good(services_.plan_one(
      json(service("web.x", "10.20.0.1", 53, R"(,"protocol":"udp")")), "", config_));
  ASSERT_THAT(plan.added, ElementsAre("10.20.0.1:53:udp"));
  const ServiceConfig& read = plan.services.begin()->second.config;
  EXPECT_EQ(read.name, "web.x");
  EXPECT_EQ(read.origin, Origin::kRest);
  EXPECT_EQ(read.timeouts.udp_s, 77u) << "what it leaves out is the configuration's";
  ASSERT_THAT(read.reals, SizeIs(1));
  EXPECT_EQ(read.reals[0].port, 8080);
}

TEST_F(RestServicesTest, AMistakeNamesItsField) {
  auto problem = bad(services_.plan_all(
      json(
          "{\"services\":[" + service("a", "10.20.0.1", 80) + "," +
          R"({"name":"b","vip":"10.20.0.2","port":80,"reals":[{"address":"10.9.0.11","port":1},{"address":"10.9.0.12","port":"x"}]})" +
          "]}"),
      config_));
  EXPECT_EQ(problem.status, 422);
  ASSERT_THAT(problem.errors, SizeIs(1));
  EXPECT_EQ(problem.errors[0].field, "services[1].reals[1].port");
  EXPECT_THAT(problem.errors[0].detail, HasSubstr("port: "));
}

TEST_F(RestServicesTest, AMissingKeyIsSaidOfTheMapThatLacksIt) {
  auto problem = bad(services_.plan_all(json(R"([{"name":"b","port":80}])"), config_));
  ASSERT_THAT(problem.errors, SizeIs(1));
  EXPECT_EQ(problem.errors[0].field, "[0]");
  EXPECT_THAT(problem.errors[0].detail, HasSubstr("vip: the key is missing"));
}

TEST_F(RestServicesTest, AnUnknownKeyIsRefused) {
  auto problem = bad(
      services_.plan_one(json(service("b", "10.20.0.1", 80, R"(,"modes":"nat")")), "", config_));
  ASSERT_THAT(problem.errors, SizeIs(1));
  EXPECT_EQ(problem.errors[0].field, "modes");
}

TEST_F(RestServicesTest, ARealOfOurOwnIsRefused) {
  auto problem = bad(services_.plan_one(
      json(
          R"({"name":"b","vip":"10.20.0.1","port":80,"reals":[{"address":"10.9.0.2","port":80}]})"),
      "", config_));
  EXPECT_THAT(problem.errors[0].detail, HasSubstr("a port's address"));
  EXPECT_EQ(problem.errors[0].field, "reals[0].address");
}

TEST_F(RestServicesTest, AWholeSetTellsWhatItAddsChangesAndRemoves) {
  services_.adopt(good(services_.plan_all(
      json("[" + service("a", "10.20.0.1", 80) + "," + service("b", "10.20.0.2", 80) + "," +
           service("c", "10.20.0.3", 80) + "]"),
      config_)));
  auto plan = good(services_.plan_all(json("[" + service("a", "10.20.0.1", 80) + "," +
                                           service("b", "10.20.0.2", 80, R"(,"mode":"nat")") + "," +
                                           service("d", "10.20.0.4", 80) + "]"),
                                      config_));
  EXPECT_THAT(plan.added, ElementsAre("10.20.0.4:80:tcp"));
  EXPECT_THAT(plan.changed, ElementsAre("10.20.0.2:80:tcp"));
  EXPECT_THAT(plan.removed, ElementsAre("10.20.0.3:80:tcp"));

  const SourceChange change = services_.change_of(plan);
  EXPECT_THAT(change.services, SizeIs(3)) << "what stays is not touched";
  EXPECT_THAT(services_.writes_of(plan), SizeIs(3));
}

TEST_F(RestServicesTest, OneServiceChangesNoOther) {
  services_.adopt(good(services_.plan_all(
      json("[" + service("a", "10.20.0.1", 80) + "," + service("b", "10.20.0.2", 80) + "]"),
      config_)));
  auto plan = good(services_.plan_one(json(service("b", "10.20.0.2", 80, R"(,"slow_start_s":9)")),
                                      "10.20.0.2:80:tcp", config_));
  EXPECT_THAT(plan.added, IsEmpty());
  EXPECT_THAT(plan.changed, ElementsAre("10.20.0.2:80:tcp"));
  EXPECT_THAT(plan.removed, IsEmpty());
  EXPECT_EQ(plan.services.at("10.20.0.2:80:tcp").config.slow_start_s, 9);
}

TEST_F(RestServicesTest, AServiceIsNotPutWhereAnotherIs) {
  EXPECT_EQ(
      bad(services_.plan_one(json(service("b", "10.20.0.2", 80)), "10.20.0.9:80:tcp", config_))
          .status,
      409);
}

TEST_F(RestServicesTest, WhatIsNotThereCannotBeRemoved) {
  EXPECT_EQ(bad(services_.plan_removal("10.20.0.2:80:tcp", config_)).status, 404);
}

TEST_F(RestServicesTest, AnAddressThatFollowsFromTheNameStays) {
  services_.adopt(good(services_.plan_one(json(service("a", "auto", 80)), "", config_)));
  EXPECT_EQ(services_.services().begin()->first, "11.0.0.1:80:tcp");
  auto plan = good(services_.plan_one(json(service("b", "auto", 80)), "", config_));
  EXPECT_THAT(plan.added, ElementsAre("11.0.0.2:80:tcp"));
  EXPECT_THAT(plan.changed, IsEmpty());
}

TEST_F(RestServicesTest, ANameWhoseAddressWasTakenIsMadeAndChangedAtItsOwn) {
  // All would have the first address; each takes the next one that is free.
  const auto give = [](Config& config) {
    int taken = 0;
    for (ServiceConfig& each : config.services) {
      each.vip = test::ip("11.0.0." + std::to_string(++taken));
    }
    return Status(Done{});
  };
  RestServices crowded({give, {}});
  crowded.adopt(good(crowded.plan_one(json(service("a", "auto", 80)), "", config_)));
  auto made = good(crowded.plan_one(json(service("b", "auto", 80)), "", config_));
  EXPECT_THAT(made.added, ElementsAre("11.0.0.2:80:tcp"));
  crowded.adopt(std::move(made));
  const auto other = json(service("b", "auto", 80, R"(,"slow_start_s":9)"));
  const auto changed = good(crowded.plan_one(other, "11.0.0.2:80:tcp", config_));
  EXPECT_THAT(changed.changed, ElementsAre("11.0.0.2:80:tcp"));
  EXPECT_THAT(changed.removed, IsEmpty());
  EXPECT_EQ(bad(crowded.plan_one(other, "11.0.0.1:80:tcp", config_)).status, 409) << "that is a's";
}

TEST_F(RestServicesTest, TagsChangeWithTheDocumentsAndOnlyThen) {
  const std::string none = services_.etag();
  services_.adopt(good(services_.plan_one(json(service("a", "10.20.0.1", 80)), "", config_)));
  const std::string one = services_.etag();
  EXPECT_NE(one, none);
  services_.adopt(good(services_.plan_one(json(service("a", "10.20.0.1", 80)), "", config_)));
  EXPECT_EQ(services_.etag(), one);
  services_.adopt(good(services_.plan_one(json(service("b", "10.20.0.2", 80)), "", config_)));
  EXPECT_NE(services_.etag(), one);
  services_.adopt(good(services_.plan_removal("10.20.0.2:80:tcp", config_)));
  EXPECT_EQ(services_.etag(), one);
}

TEST_F(RestServicesTest, WhatWasStoredComesBackAndWhatNoLongerFitsCostsNoOther) {
  const RestPlan made = good(services_.plan_all(
      json("[" + service("a", "10.20.0.1", 80) + "," + service("b", "10.20.0.2", 80) + "]"),
      config_));
  std::map<std::string, std::string> rows;
  for (const StoreWrite& write : services_.writes_of(made)) rows[write.key] = *write.value;
  rows["torn"] = "{\"name\":";
  rows["wrong"] = R"({"name":"w","vip":"10.9.0.2","port":80})";
  std::vector<std::string> problems;
  services_.adopt(services_.plan_restored(rows, config_, problems));
  EXPECT_THAT(services_.services(), SizeIs(2));
  EXPECT_EQ(services_.services().at("10.20.0.1:80:tcp").config.name, "a");
  ASSERT_THAT(problems, SizeIs(2));
  EXPECT_THAT(problems[0] + problems[1], HasSubstr("torn"));
  EXPECT_THAT(problems[0] + problems[1], HasSubstr("10.9.0.2"));
}

TEST_F(RestServicesTest, ThoseThatNoAddressIsLeftForAreFoundInFewTries) {
  int tries = 0;
  const RestServices services({[&](Config& config) -> Status {
                                 ++tries;
                                 if (config.services.size() > 13) {
                                   return Error{"no address is left"};
                                 }
                                 return give_addresses(config);
                               },
                               {}});
  std::map<std::string, std::string> rows;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = std::to_string(i);
    rows[id] = R"({"name":"s)" + id + R"(","vip":"auto","port":80})";
  }
  std::vector<std::string> problems;
  EXPECT_THAT(services.plan_restored(rows, config_, problems).services, SizeIs(13));
  ASSERT_THAT(problems, SizeIs(1000 - 13));
  EXPECT_THAT(problems[0], HasSubstr("no address is left"));
  EXPECT_LT(tries, 20);
  for (auto& [id, json] : rows) json = R"({"name":"s)" + id + R"(","vip":"10.9.0.2","port":80})";
  EXPECT_THAT(services.plan_restored(rows, config_, problems).services, IsEmpty());
}

TEST_F(RestServicesTest, AReloadIsFollowedByWhatTheDocumentsLeaveOpen) {
  services_.adopt(good(
      services_.plan_all(json("[" + service("a", "10.20.0.1", 80) + "," +
                              service("b", "10.20.0.2", 80, R"(,"timeouts":{"udp_s":5})") + "]"),
                         config_)));
  config_.timeouts.udp_s = 99;
  config_.snat_pools.clear();
  std::vector<std::string> problems;
  RestPlan plan = services_.plan_anew(config_, problems);
  EXPECT_THAT(problems, SizeIs(2)) << "without the pool neither fits: both stay";
  EXPECT_THAT(plan.changed, IsEmpty());
  config_ = std::move(parse_config(kConfig, "test.yaml").value());
  config_.timeouts.udp_s = 99;
  problems.clear();
  plan = services_.plan_anew(config_, problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_THAT(plan.changed, ElementsAre("10.20.0.1:80:tcp"));
  EXPECT_EQ(plan.services.at("10.20.0.1:80:tcp").config.timeouts.udp_s, 99u);
}

}  // namespace
}  // namespace vipgate::rest_services_test
