// `no_real: {fallback: NAME}` of services that the API makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "controlplane/config/config_reader.h"
#include "controlplane/rest/json_document.h"
#include "controlplane/rest/rest_services.h"
#include "tests/support/test_net.h"

namespace vipgate::rest_fallbacks_test {
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
    "services:\n";

constexpr const char* kSorry =
    "  - {name: sorry, vip: 11.0.0.9, port: 80, reals: [{address: 10.9.0.19, port: 80}]}\n";

class RestFallbacksTest : public ::testing::Test {
 protected:
  RestFallbacksTest() { read_file(kSorry); }

  void read_file(const std::string& services) {
    auto config = parse_config(kConfig + services, "test.yaml");
    ASSERT_TRUE(config.ok()) << config.error();
    config_ = std::move(*config);
    services_.set_file_services(config_.services);
    config_.services.clear();
  }
  // `more`: {"fallback":"NAME"} or a word, as JSON.
  static std::string service(const std::string& name, const std::string& vip,
                             const std::string& no_real = R"("drop")",
                             const std::string& more = "") {
    return R"({"name":")" + name + R"(","vip":")" + vip + R"(","port":80,"no_real":)" + no_real +
           more + "}";
  }
  static std::string on(const std::string& name) { return R"({"fallback":")" + name + R"("})"; }

  static YamlNodePtr json(const std::string& text) {
    Diagnostics diagnostics("body");
    auto node = read_json(text, diagnostics);
    EXPECT_NE(node, nullptr) << diagnostics.text();
    return node;
  }
  static std::string text_of(const RestProblem& problem) {
    std::string text = std::to_string(problem.status) + " " + problem.detail;
    for (const FieldError& error : problem.errors) text += "|" + error.field + "|" + error.detail;
    return text;
  }
  RestPlan good(RestResult<RestPlan> result) {
    if (const auto* problem = std::get_if<RestProblem>(&result)) {
      ADD_FAILURE() << text_of(*problem);
      return {};
    }
    return std::get<RestPlan>(std::move(result));
  }
  static std::string bad(RestResult<RestPlan> result) {
    const auto* problem = std::get_if<RestProblem>(&result);
    return problem == nullptr ? "it was taken" : text_of(*problem);
  }
  RestResult<RestPlan> one(const std::string& document, const std::string& id = "") {
    return services_.plan_one(json(document), id, config_);
  }
  RestResult<RestPlan> all(const std::string& documents) {
    return services_.plan_all(json("[" + documents + "]"), config_);
  }
  std::string fallback_of(const std::string& id) const {
    const auto& fallback = services_.services().at(id).fallback;
    return fallback ? to_string(*fallback) : "none";
  }

  Config config_;
  // Every name has the address that is next.
  int moved_ = 0;
  RestServices services_{{[this](Config& config) {
                            for (ServiceConfig& each : config.services) {
                              if (each.vip_auto) {
                                each.vip = test::ip("11.0.1." + std::to_string(1 + moved_));
                              }
                            }
                            return Status(Done{});
                          },
                          [this](const ServiceConfig*, const ServiceConfig* after) {
                            return after != nullptr && after->vip_auto
                                       ? std::nullopt
                                       : std::optional(after == nullptr ? IpAddress{} : after->vip);
                          }}};
};

TEST_F(RestFallbacksTest, ItIsOneOfTheApisOrWhereNoneHasTheNameOneOfTheFiles) {
  RestPlan plan = good(one(service("web", "11.0.0.1", on("sorry"))));
  const SourceChange change = services_.change_of(plan);
  ASSERT_THAT(change.fallbacks, SizeIs(1));
  EXPECT_EQ(to_string(change.fallbacks.begin()->first), "11.0.0.1:80/tcp");
  EXPECT_EQ(to_string(change.fallbacks.begin()->second), "11.0.0.9:80/tcp");
  services_.adopt(std::move(plan));

  plan = good(one(service("sorry", "11.0.0.2")));
  EXPECT_THAT(plan.added, ElementsAre("11.0.0.2:80:tcp"));
  EXPECT_THAT(plan.changed, ElementsAre("11.0.0.1:80:tcp")) << "it falls back on another now";
  services_.adopt(std::move(plan));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "11.0.0.2:80/tcp");

  plan = good(services_.plan_removal("11.0.0.2:80:tcp", config_));
  EXPECT_THAT(plan.changed, ElementsAre("11.0.0.1:80:tcp"));
  services_.adopt(std::move(plan));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "11.0.0.9:80/tcp");
}

TEST_F(RestFallbacksTest, AWholeSetMayFallBackWithinItself) {
  services_.adopt(good(all(service("a", "11.0.0.1", on("b")) + "," + service("b", "11.0.0.2"))));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "11.0.0.2:80/tcp");
  EXPECT_THAT(good(all(service("a", "11.0.0.1", on("b")) + "," + service("b", "11.0.0.2"))).changed,
              IsEmpty());
  const RestPlan plan = good(all(service("a", "11.0.0.1")));
  EXPECT_THAT(plan.changed, ElementsAre("11.0.0.1:80:tcp"));
  EXPECT_THAT(services_.change_of(plan).fallbacks, IsEmpty());
}

TEST_F(RestFallbacksTest, ANameThatLeadsNowhereIsRefusedAtItsField) {
  EXPECT_EQ(bad(one(service("a", "11.0.0.1", on("b")))),
            "422 the document is wrong; nothing was changed|no_real|no_real: there is no service "
            "'b' to fall back on; write the name of one that was made by the API, or stands in the "
            "configuration file");
  EXPECT_THAT(bad(one(service("a", "11.0.0.1", on("a")))),
              HasSubstr("|no_real: the service would"));
  EXPECT_THAT(bad(one(service("a", "11.0.0.1", on("sorry"), R"(,"mode":"nat")"))),
              HasSubstr("|no_real: the service 'sorry' is of the mode fullnat"));
  EXPECT_THAT(bad(one(service("a", "11.0.0.1", on("sorry"), R"(,"protocol":"udp")"))),
              HasSubstr("|no_real: the service 'sorry' has no IPv4 udp port"));
  EXPECT_THAT(bad(all(service("a", "11.0.0.1") + "," + service("b", "11.0.0.2", on("c")))),
              HasSubstr("|[1].no_real|no_real: there is no service 'c'"));
}

TEST_F(RestFallbacksTest, FallbacksInACircleAreRefused) {
  EXPECT_THAT(bad(all(service("a", "11.0.0.1", on("b")) + "," + service("b", "11.0.0.2", on("a")))),
              HasSubstr("|[0].no_real|no_real: the fallbacks go in a circle: a, b, and again a"));
  services_.adopt(good(all(service("a", "11.0.0.1", on("b")) + "," + service("b", "11.0.0.2"))));
  EXPECT_THAT(bad(one(service("b", "11.0.0.2", on("a")), "11.0.0.2:80:tcp")),
              HasSubstr("|no_real|no_real: the fallbacks go in a circle: b, a, and again b"));
}

TEST_F(RestFallbacksTest, AServiceThatAnotherOneFallsBackOnStaysSuchAsThatNeedsIt) {
  services_.adopt(good(all(service("a", "11.0.0.1", on("b")) + "," + service("b", "11.0.0.2"))));
  const std::string b = "11.0.0.2:80:tcp";
  EXPECT_EQ(bad(services_.plan_removal(b, config_)),
            "409 the service 11.0.0.1:80:tcp falls back on 'b', and could not any longer: there is "
            "no service 'b' to fall back on; write the name of one that was made by the API, or "
            "stands in the configuration file; change its no_real first");
  EXPECT_THAT(bad(one(service("c", "11.0.0.2"), b)), HasSubstr("409 the service 11.0.0.1:80:tcp"));
  EXPECT_THAT(bad(one(service("b", "11.0.0.2", R"("drop")", R"(,"mode":"nat")"), b)),
              HasSubstr("the mode nat, and this one of fullnat"));
  EXPECT_THAT(good(one(service("b", "11.0.0.2", R"("reject")"), b)).changed, ElementsAre(b));
  EXPECT_THAT(good(services_.plan_removal("11.0.0.1:80:tcp", config_)).removed, SizeIs(1));
  EXPECT_THAT(good(all("")).removed, SizeIs(2)) << "both go";
}

TEST_F(RestFallbacksTest, OneWhoseAddressChangesTakesThoseAlongThatFallBackOnIt) {
  services_.adopt(good(all(service("a", "11.0.0.1", on("b")) + "," + service("b", "auto"))));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "11.0.1.1:80/tcp");
  moved_ = 1;
  RestPlan plan = good(one(service("b", "auto", R"("reject")")));
  EXPECT_THAT(plan.changed, ElementsAre("11.0.0.1:80:tcp"));
  services_.adopt(std::move(plan));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "11.0.1.2:80/tcp");
}

TEST_F(RestFallbacksTest, OneThatTheFileNoLongerHasIsToldAndCostsNoOtherService) {
  services_.adopt(
      good(all(service("a", "11.0.0.1", on("sorry")) + "," + service("b", "11.0.0.2"))));
  read_file("  - {name: sorry, vip: 11.0.0.8, port: 80}\n");
  std::vector<std::string> problems;
  RestPlan plan = services_.plan_anew(config_, problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_THAT(plan.changed, ElementsAre("11.0.0.1:80:tcp")) << "under another address";
  services_.adopt(std::move(plan));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "11.0.0.8:80/tcp");

  read_file("  - {name: other, vip: 11.0.0.8, port: 80}\n");
  services_.adopt(services_.plan_anew(config_, problems));
  EXPECT_THAT(problems, ElementsAre("11.0.0.1:80:tcp has no service 'sorry' to fall back on: "
                                    "without a real it refuses clients"));
  EXPECT_EQ(fallback_of("11.0.0.1:80:tcp"), "none");
  std::map<std::string, std::string> rows;
  for (const auto& [id, made] : services_.services()) rows.emplace(id, made.json);
  problems.clear();
  EXPECT_THAT(services_.plan_restored(rows, config_, problems).changed, IsEmpty());
  EXPECT_THAT(good(one(service("b", "11.0.0.2", R"("reject")"), "11.0.0.2:80:tcp")).changed,
              SizeIs(1));
}

}  // namespace
}  // namespace vipgate::rest_fallbacks_test
