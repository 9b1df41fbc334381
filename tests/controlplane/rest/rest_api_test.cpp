#include "controlplane/rest/rest_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/config_reader.h"
#include "controlplane/feeds/feeds.h"
#include "controlplane/monotonic_clock.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::rest_api_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kApiFile[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
dns: { zones: [{ name: l4lb.test, services: true }] }
services:
  - { name: web, vip: 10.20.0.7, port: 80, reals: [{ address: 10.0.1.9, port: 80 }] }
store: none
)";
constexpr char kRedis[] =
    R"({"name":"redis","vip":"10.20.0.1","port":6379,"reals":[{"address":"10.0.1.5","port":1}]})";
constexpr char kRedisPath[] = "/api/v1/services/10.20.0.1%3A6379%3Atcp";

class RestApiTest : public ::testing::Test {
 protected:
  RestApiTest() {
    auto config = parse_config(kApiFile, "f");
    EXPECT_TRUE(config.ok()) << config.error();
    reconciler_ = std::make_unique<Reconciler>(
        *config, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
        RingRunner{});
    feeds_ = std::move(Feeds::create(*config, *reconciler_, dataplane_).value());
    EXPECT_TRUE(reconciler_->apply(*config, monotonic_ms() / 1000).ok());
    router_ = make_rest_router(
        feeds_->rest(), *reconciler_, health_,
        {.pages = pages_,
         .asks = asks_,
         .bodies = bodies_,
         .metrics =
             [] {
               MetricsInput input;
               input.is_ready = true;
               return input;
             },
         .gateway = [] { return GatewayFigures{}; },
         .counters = [] { return std::string("{}"); },
         .traffic = [this] { return traffic_; },
         .events = events_,
         .workers = [] { return WorkersReport{}; },
         .ports = [] { return std::vector<PortReport>(1); },
         .sources =
             [this](size_t ignored) {
               return SourcesReport{feeds_->sources(ignored), {}};
             },
         .answer_dns = [](std::span<uint8_t>, size_t length,
                          const IpAddress&) { return DnsStreamAnswer{.length = length}; },
         .worker_count = 2,
         .list_flows = [this](const FlowQuestion& question) { return list_flows_(question); },
         .watches = {.keeper = watches_,
                     .places = {.ports = {"edge"}, .workers = 2},
                     .explain = [this](const ExplainPacket& packet) {
                       return dataplane_.explain(packet);
                     }}});
  }

  // A GET that is answered when the control thread has come round often enough: see turn().
  std::shared_ptr<std::optional<ApiResponse>> begin(const std::string& target) {
    ApiRequest request;
    request.method = "GET";
    request.role = ApiRole::kAdmin;
    const auto answer = std::make_shared<std::optional<ApiResponse>>();
    router_.route(std::move(request), target, [this, answer, target](ApiResponse response) {
      *answer = std::move(response);
      answered_.push_back(target);
    });
    return answer;
  }
  void turn() { feeds_->rest().process(monotonic_ms()); }
  // More than the control thread lists in one round.
  void make_many_reals() {
    std::string documents;
    for (int service = 1; service <= 5; ++service) {
      const std::string number = std::to_string(service);
      documents += (documents.empty() ? "" : ",") + std::string(R"({"name":"many-)") + number +
                   R"(","vip":"10.20.1.)" + number + R"(","port":80,"reals":[)";
      for (int port = 1; port <= 700; ++port) {
        documents += (port == 1 ? "" : ",") + std::string(R"({"address":"10.0.1.5","port":)") +
                     std::to_string(port) + "}";
      }
      documents += "]}";
    }
    const ApiResponse made = ask("PUT", "/api/v1/services", "[" + documents + "]");
    ASSERT_EQ(made.status, 200) << made.body;
  }

  ApiResponse ask(const std::string& method, const std::string& target,
                  const std::string& body = {}, const std::string& if_match = {},
                  const std::string& type = "application/json") {
    ApiRequest request;
    request.method = method;
    request.body = body;
    request.content_type = type;
    request.if_match = if_match;
    request.role = ApiRole::kAdmin;
    request.who = "tester";
    std::mutex mutex;  // some answers come from another thread
    std::optional<ApiResponse> answer;
    const auto is_answered = [&] {
      const std::lock_guard lock(mutex);
      return answer.has_value();
    };
    router_.route(std::move(request), target, [&](ApiResponse response) {
      const std::lock_guard lock(mutex);
      // Whichever way it comes, it is the body.
      if (response.shared_body) response.body = *response.shared_body;
      answer = std::move(response);
    });
    const int64_t end_ms = monotonic_ms() + 10'000;
    while (!is_answered() && monotonic_ms() < end_ms) {
      pollfd ready{feeds_->rest().fd(), POLLIN, 0};
      if (poll(&ready, 1, 2) == 1) feeds_->rest().process(monotonic_ms());
      feeds_->act(monotonic_ms());
    }
    EXPECT_TRUE(is_answered()) << method << " " << target << ": no answer";
    return answer.value_or(ApiResponse{});
  }
  static std::string header(const ApiResponse& response, const std::string& name) {
    for (const auto& [known, value] : response.headers) {
      if (known == name) return value;
    }
    return {};
  }

  FakeDataplane dataplane_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Feeds> feeds_;
  GatewayHealth health_;
  PageThread pages_;
  PageThread asks_{"vg-asks"};
  ListFlows list_flows_;
  PageThread bodies_{"vg-bodies"};
  TrafficFigures traffic_;
  std::vector<std::string> answered_;  // of what begin() asked for, in the order of the answers
  std::shared_ptr<EventHub> events_ = std::make_shared<EventHub>("1");
  WatchKeeper watches_{dataplane_};
  HttpRouter router_;
};

TEST_F(RestApiTest, AServiceIsMadeReadChangedAndRemoved) {
  const ApiResponse made = ask("POST", "/api/v1/services", kRedis);
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(header(made, "Location"), "/api/v1/services/10.20.0.1:6379:tcp");
  const ApiResponse read = ask("GET", kRedisPath);
  EXPECT_EQ(read.status, 200);
  EXPECT_THAT(read.body, HasSubstr("\"fqdn\":\"redis.l4lb.test\""));
  EXPECT_THAT(read.body, HasSubstr("\"origin\":\"rest\""));
  EXPECT_THAT(read.body, HasSubstr("\"document\":" + std::string(kRedis)));
  EXPECT_EQ(header(read, "ETag"), header(made, "ETag"));

  EXPECT_EQ(ask("POST", "/api/v1/services", kRedis).status, 409) << "it is there";
  const std::string changed =
      R"({"name":"redis","vip":"10.20.0.1","port":6379,"reals":[{"address":"10.0.1.6","port":1}]})";
  const ApiResponse put = ask("PUT", kRedisPath, changed, header(read, "ETag"));
  EXPECT_EQ(put.status, 200) << put.body;
  EXPECT_THAT(put.body, HasSubstr("\"changed\":[\"10.20.0.1:6379:tcp\"]"));
  EXPECT_EQ(ask("PUT", kRedisPath, kRedis, header(read, "ETag")).status, 412) << "an old tag";

  EXPECT_EQ(ask("DELETE", kRedisPath).status, 200);
  EXPECT_EQ(ask("DELETE", kRedisPath).status, 404);
  EXPECT_THAT(ask("GET", kRedisPath).body, HasSubstr("\"state\":\"leaving\""));
}

TEST_F(RestApiTest, ADryRunTellsWhatWouldChangeAndChangesNothing) {
  const ApiResponse dry =
      ask("PUT", "/api/v1/services?dry_run=true", "{\"services\":[" + std::string(kRedis) + "]}");
  EXPECT_EQ(dry.status, 200);
  EXPECT_THAT(dry.body, HasSubstr("\"added\":[\"10.20.0.1:6379:tcp\"]"));
  EXPECT_EQ(ask("GET", kRedisPath).status, 404);
}

TEST_F(RestApiTest, ADryRunHasTheDocumentsOfWhatWouldChangeBeforeAndAfter) {
  const std::string before = kRedis;
  std::string after = before;
  after.replace(after.find("\"redis\""), 7, "\"cache\"");
  EXPECT_EQ(ask("PUT", "/api/v1/services", "[" + before + "]").status, 200);
  const auto dry = [&](const std::string& document) {
    return ask("PUT", "/api/v1/services?dry_run=true", "[" + document + "]").body;
  };
  EXPECT_THAT(dry(after), HasSubstr("\"documents\":{\"10.20.0.1:6379:tcp\":{\"before\":{"));
  EXPECT_LT(dry(after).find("\"name\":\"redis\""), dry(after).find("\"after\":{"));
  EXPECT_GT(dry(after).find("\"name\":\"cache\""), dry(after).find("\"after\":{"));
  EXPECT_THAT(dry(before), HasSubstr("\"documents\":{}}"));
  EXPECT_EQ(ask("PUT", "/api/v1/services", "[" + after + "]").body.find("documents"),
            std::string::npos);
}

TEST_F(RestApiTest, AWholeSetReplacesWhatTheApiMadeAndNothingElse) {
  EXPECT_EQ(ask("PUT", "/api/v1/services", "[" + std::string(kRedis) + "]").status, 200);
  EXPECT_EQ(ask("PUT", "/api/v1/services", "services: []\n", "", "application/yaml").status, 200);
  const ApiResponse all = ask("GET", "/api/v1/services");
  EXPECT_THAT(all.body, HasSubstr("\"name\":\"web\""));
  EXPECT_THAT(ask("GET", "/api/v1/services?origin=rest").body, HasSubstr("leaving"));
  EXPECT_THAT(ask("GET", "/api/v1/services?name=web").body, Not(HasSubstr("redis")));
}

TEST_F(RestApiTest, OthersAreAnsweredWhileALongListIsMade) {
  make_many_reals();
  const auto list = begin("/api/v1/services");
  begin("/api/v1/snapshot");
  for (int i = 0; i < 10 && !*list; ++i) turn();
  EXPECT_THAT(answered_, ElementsAre("/api/v1/snapshot", "/api/v1/services"));
}

TEST_F(RestApiTest, WhoAsksForTheSameListMeanwhileSharesItsText) {
  make_many_reals();
  const auto first = begin("/api/v1/services");
  turn();
  std::vector<std::shared_ptr<std::optional<ApiResponse>>> later;
  for (int i = 0; i < 50; ++i) later.push_back(begin("/api/v1/services"));
  const auto other = begin("/api/v1/services?name=web");
  for (int i = 0; i < 20 && !*other; ++i) turn();
  ASSERT_TRUE(first->has_value());
  for (const auto& each : later) {
    ASSERT_TRUE(each->has_value());
    EXPECT_EQ((*each)->shared_body, (*later[0])->shared_body);
  }
  EXPECT_NE((*first)->shared_body, (*later[0])->shared_body) << "it may be older than the question";
  ASSERT_TRUE(other->has_value());
  EXPECT_THAT(*(*other)->shared_body, Not(HasSubstr("10.20.1.1")));
}

TEST_F(RestApiTest, AListThatAChangeComesBetweenHasTheDocumentsOfItsTag) {
  make_many_reals();
  const auto list = begin("/api/v1/services");
  turn();
  ASSERT_FALSE(list->has_value());
  // The first one, which was listed already.
  const std::string changed = R"({"name":"many-1","vip":"10.20.1.1","port":80,"reals":[]})";
  ASSERT_EQ(ask("PUT", "/api/v1/services/10.20.1.1:80:tcp", changed).status, 200);
  for (int i = 0; i < 20 && !*list; ++i) turn();
  ASSERT_TRUE(list->has_value());
  EXPECT_THAT(*(*list)->shared_body, HasSubstr("\"document\":" + changed));
  EXPECT_EQ(header(**list, "ETag"), header(ask("GET", "/api/v1/services"), "ETag"));
}

TEST_F(RestApiTest, WhileAChangeIsNotInForceTheTagOfAListIsTheOneBefore) {
  const std::string before = header(ask("GET", "/api/v1/services"), "ETag");
  ApiRequest change;
  change.method = "POST";
  change.body = kRedis;
  change.content_type = "application/json";
  change.role = ApiRole::kAdmin;
  std::optional<ApiResponse> made;
  router_.route(std::move(change), "/api/v1/services",
                [&](ApiResponse response) { made = std::move(response); });
  const auto list = begin("/api/v1/services");
  for (int i = 0; i < 10 && !*list; ++i) turn();
  ASSERT_TRUE(list->has_value());
  ASSERT_FALSE(made.has_value()) << "nothing was committed yet";
  EXPECT_THAT(*(*list)->shared_body, Not(HasSubstr("redis")));
  EXPECT_EQ(header(**list, "ETag"), before);
  EXPECT_EQ(ask("PUT", "/api/v1/services", "[]", before).status, 412)
      << "who has not read of the change cannot undo it";
  const int64_t end_ms = monotonic_ms() + 10'000;
  while (!made && monotonic_ms() < end_ms) {
    turn();
    feeds_->act(monotonic_ms());
  }
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->status, 201);
  const ApiResponse after = ask("GET", "/api/v1/services");
  EXPECT_THAT(after.body, HasSubstr("redis"));
  EXPECT_NE(header(after, "ETag"), before);
}

TEST_F(RestApiTest, AMistypedParameterIsRefusedBeforeAnythingChanges) {
  const ApiResponse put = ask("PUT", "/api/v1/services?dryrun=true", "[]");
  EXPECT_EQ(put.status, 400);
  EXPECT_THAT(put.body, HasSubstr("unknown parameter 'dryrun'; those here are dry_run"));
  EXPECT_EQ(ask("POST", "/api/v1/services?dry-run=true", kRedis).status, 400);
  EXPECT_EQ(ask("PUT", "/api/v1/drains/10.0.1.9?forced=true").status, 400);
  EXPECT_EQ(ask("GET", kRedisPath).status, 404);
  for (const char* wrong :
       {"services?state=up", "flows?src=192.0.2.1", "traffic?id=1", "sources?most=1",
        "dns/records?type=A", "dns/query?name=web.l4lb.test&qtype=A", "explain?src=192.0.2.1:1"}) {
    const ApiResponse refused = ask("GET", "/api/v1/" + std::string(wrong));
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_THAT(refused.body, HasSubstr("unknown parameter")) << wrong;
  }
  EXPECT_EQ(ask("GET", "/metrics?from=prometheus").status, 200) << "what takes none needs none";
}

TEST_F(RestApiTest, ARealIsTakenOutAndGivenBack) {
  const std::string two =
      R"({"name":"redis","vip":"10.20.0.1","port":6379,"reals":[{"address":"10.0.1.5","port":1},)"
      R"({"address":"10.0.1.6","port":1}]})";
  ASSERT_EQ(ask("POST", "/api/v1/services", two).status, 201);
  traffic_.reals = {{.address = *parse_ip_address("10.0.1.5"), .port = 1, .flows = 7},
                    {.address = *parse_ip_address("10.0.1.6"), .port = 1, .flows = 100}};
  const std::string path = "/api/v1/drains/10.0.1.5:1";
  const std::string taken = R"("state":"draining","flows":7,"services":["10.20.0.1:6379:tcp"]})";
  const ApiResponse put = ask("PUT", path);
  EXPECT_EQ(put.status, 201) << put.body;
  EXPECT_THAT(put.body, HasSubstr(R"({"real":"10.0.1.5:1","since":)"));
  EXPECT_THAT(put.body, HasSubstr(R"("ends":null,)" + taken));
  EXPECT_THAT(ask("GET", kRedisPath).body,
              HasSubstr(R"({"address":"10.0.1.5","port":1,"weight":0,"state":"draining"})"));
  EXPECT_EQ(ask("PUT", path + "?deadline_s=60").status, 200) << "again, with an end";
  EXPECT_THAT(ask("GET", path).body, Not(HasSubstr("\"ends\":null")));
  EXPECT_THAT(ask("GET", "/api/v1/drains").body, HasSubstr(taken));
  traffic_.reals[0].flows = 0;
  ASSERT_TRUE(reconciler_->tick(monotonic_ms() / 1000).ok());  // all workers have the snapshot
  EXPECT_THAT(ask("GET", path).body, HasSubstr(R"("state":"drained","flows":0)"));

  EXPECT_EQ(ask("DELETE", path).status, 200);
  EXPECT_THAT(ask("GET", kRedisPath).body,
              HasSubstr(R"({"address":"10.0.1.5","port":1,"weight":1,"state":"up"})"));
  EXPECT_EQ(ask("GET", path).status, 404);
  EXPECT_EQ(ask("DELETE", path).status, 404);
}

TEST_F(RestApiTest, TheLastRealOfAServiceIsTakenOutOnlyIfThatIsMeant) {
  const ApiResponse refused = ask("PUT", "/api/v1/drains/10.0.1.9");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("10.20.0.7:80:tcp would have no real left"));
  EXPECT_THAT(ask("GET", "/api/v1/services?name=web").body, HasSubstr("\"state\":\"serving\""));
  EXPECT_EQ(ask("PUT", "/api/v1/drains/10.0.1.9?force=true&dry_run=true").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/drains/10.0.1.9").status, 404) << "it was a dry run";
  EXPECT_EQ(ask("PUT", "/api/v1/drains/10.0.1.9?force=true").status, 201);
  EXPECT_THAT(ask("GET", "/api/v1/services?name=web").body, HasSubstr("\"state\":\"no_real\""));
}

TEST_F(RestApiTest, WhatCannotBeTakenOutIsNamed) {
  const ApiResponse unknown = ask("PUT", "/api/v1/drains/10.0.1.77");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("no service has the real 10.0.1.77"));
  const ApiResponse redis = ask("PUT", "/api/v1/drains/redis");
  EXPECT_EQ(redis.status, 400);
  EXPECT_THAT(redis.body, HasSubstr("'redis' is no real; write its address"));
  for (const char* odd : {"deadline_s=0", "deadline_s=-1", "deadline_s=604801", "deadline_s=1h",
                          "deadline_s=", "force=0", "force=", "dry_run=yes"}) {
    EXPECT_EQ(ask("PUT", "/api/v1/drains/10.0.1.9?" + std::string(odd)).status, 400) << odd;
  }
}

TEST_F(RestApiTest, ProblemsNameTheirFields) {
  const ApiResponse wrong =
      ask("POST", "/api/v1/services", R"({"name":"x","vip":"10.20.0.1","port":99999})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.content_type, "application/problem+json");
  EXPECT_THAT(wrong.body, HasSubstr("\"errors\":[{\"field\":\"port\",\"detail\":\"port: 99999"));
  EXPECT_EQ(ask("POST", "/api/v1/services", "{").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/services", kRedis, "", "text/plain").status, 415);
}

TEST_F(RestApiTest, HealthIsThatOfTheControlThreadAndReadinessOfTheWorkers) {
  EXPECT_EQ(ask("GET", "/healthz").status, 503);
  health_.alive_at_ms = monotonic_ms();
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
  health_.is_ready = true;
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
}

TEST_F(RestApiTest, MetricsAndCountersAreTold) {
  const ApiResponse metrics = ask("GET", "/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("\nvipgate_ready 1\n"));
  EXPECT_EQ(ask("GET", "/api/v1/counters").body, "{}\n");
}

TEST_F(RestApiTest, WorkersPortsAndSourcesAreTold) {
  EXPECT_EQ(ask("GET", "/api/v1/workers").body, "{\"workers\":[\n]}\n");
  EXPECT_THAT(ask("GET", "/api/v1/ports").body, HasSubstr("{\"ports\":[\n{\"name\":"));
  EXPECT_THAT(ask("GET", "/api/v1/sources").body, HasSubstr("{\"id\":\"rest\",\"kind\":\"api\""));
}

TEST_F(RestApiTest, RecordsThatAreServedAreToldByNameAndZone) {
  EXPECT_THAT(ask("GET", "/api/v1/dns/records?name=WEB.l4lb.test.").body,
              HasSubstr("{\"name\":\"web.l4lb.test.\",\"type\":\"A\",\"ttl_s\":5,"
                        "\"data\":\"10.20.0.7\"}"));
  EXPECT_THAT(ask("GET", "/api/v1/dns/records?zone=test&limit=0").body,
              HasSubstr("\"records\":[\n]"));
  EXPECT_THAT(ask("GET", "/api/v1/dns/records?zone=other.l4lb.test").body,
              HasSubstr("{\"total\":0,"));
  EXPECT_EQ(ask("GET", "/api/v1/dns/records?zone=other").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/services?origin=other").status, 400);
}

TEST_F(RestApiTest, QuestionsAreReadStrictly) {
  EXPECT_THAT(ask("GET", "/api/v1/dns/query?name=web.l4lb.test&type=srv&client=fd00::1").body,
              HasSubstr("{\"name\":\"web.l4lb.test.\",\"type\":\"SRV\",\"client\":\"fd00::1\""));
  for (const char* wrong :
       {"query", "query?name=a..b", "query?name=a&type=x", "query?name=a&client=x",
        "records?limit=x", "records?limit=-1", "records?limit=100001", "records?name=a..b"}) {
    EXPECT_EQ(ask("GET", "/api/v1/dns/" + std::string(wrong)).status, 400) << wrong;
  }
  EXPECT_EQ(ask("GET", "/api/v1/sources?limit=x").status, 400);
}

TEST_F(RestApiTest, TheIndexHasEachRouteWithItsMethods) {
  const std::string index = ask("GET", "/api/v1").body;
  EXPECT_THAT(index, HasSubstr("{\"path\":\"/healthz\",\"methods\":[\"GET\"]}"));
  EXPECT_THAT(index, HasSubstr("{\"path\":\"/api/v1\",\"methods\":[\"GET\"]}"));
  EXPECT_THAT(index, HasSubstr("{\"path\":\"/api/v1/services/{id}\","
                               "\"methods\":[\"DELETE\",\"GET\",\"PUT\"]}"));
  EXPECT_EQ(ask("POST", "/api/v1", "{}").status, 405);
}

TEST_F(RestApiTest, TheSnapshotIsTold) {
  EXPECT_THAT(ask("GET", "/api/v1/snapshot").body, HasSubstr("\"version\":"));
}

TEST_F(RestApiTest, FlowsAreAskedForByTheFiltersAndToldWithWhatIsKnownOfThem) {
  FlowQuestion asked;
  list_flows_ = [&](const FlowQuestion& question) -> Result<FlowList> {
    asked = question;
    ListedFlow flow;
    flow.source = *parse_ip_address("192.0.2.1");
    flow.source_port = 4000;
    flow.destination = *parse_ip_address("fd00::1");
    flow.destination_port = 80;
    flow.state = FlowState::kEstablished;
    flow.expires_ms = 250;
    return FlowList{{flow}, 7, 9};
  };
  const ApiResponse told =
      ask("GET",
          "/api/v1/flows?source=192.0.2.0/24&destination=:80&real=10.0.0.1:8080&worker=1"
          "&state=established");
  EXPECT_EQ(told.body,
            "{\"flows\":[{\"worker\":0,\"protocol\":\"tcp\",\"source\":\"192.0.2.1:4000\","
            "\"destination\":\"[fd00::1]:80\",\"state\":\"established\",\"expires_ms\":250}],"
            "\"matched\":7,\"looked_at\":9,\"is_whole\":false}\n");
  EXPECT_EQ(asked.source->length, 24);
  EXPECT_FALSE(asked.destination);
  EXPECT_EQ(asked.destination_port, 80);
  EXPECT_EQ(asked.real_port, 8080);
  EXPECT_EQ(asked.worker, 1u);
  EXPECT_EQ(asked.state, FlowState::kEstablished);
  EXPECT_EQ(asked.limit, 100u);
  for (const char* wrong : {"source=x", "destination=:", "real=10.0.0.0/8", "protocol=icmp",
                            "state=open", "worker=2", "limit=0"}) {
    const ApiResponse refused = ask("GET", std::string("/api/v1/flows?") + wrong);
    EXPECT_EQ(refused.status, 400) << wrong;
    const std::string_view text = wrong;
    EXPECT_THAT(refused.body, HasSubstr(std::string(text.substr(0, text.find('=')))));
  }
  list_flows_ = [](const FlowQuestion&) -> Result<FlowList> { return Error{"nobody comes"}; };
  EXPECT_EQ(ask("GET", "/api/v1/flows").status, 503);
}

TEST_F(RestApiTest, APacketIsExplainedLineByLineAndAWrongQuestionNamesTheParameter) {
  const std::string path = "/api/v1/explain?protocol=tcp&source=192.0.2.1:4000&destination=";
  const ApiResponse told = ask("GET", path + "10.20.0.7:80&port=edge");
  EXPECT_EQ(told.status, 200) << told.body;
  EXPECT_EQ(told.body,
            "{\"lines\":[\n{\"word\":\"packet\",\"text\":\"192.0.2.1\"},\n"
            "{\"word\":\"verdict\",\"text\":\"forward\"}\n],\"verdict\":\"forward\"}\n");
  const auto refused = [&](const std::string& rest) {
    const ApiResponse response = ask("GET", path + rest);
    EXPECT_EQ(response.status, 400) << rest;
    return response.body;
  };
  EXPECT_THAT(refused("10.20.0.7"), HasSubstr("destination: '10.20.0.7' is no endpoint"));
  EXPECT_THAT(refused("[fd00::1]:80"), HasSubstr("of different families"));
  EXPECT_THAT(refused("10.20.0.7:80&port=x"), HasSubstr("port: there is no port 'x'"));
}

TEST_F(RestApiTest, AWatchBeginsWithItsAnswerAndASecondOneIsToldWhoWatches) {
  dataplane_.tells_watches = true;
  const ApiResponse trace = ask("GET", "/api/v1/trace?packets=7&protocol=udp&worker=1");
  EXPECT_EQ(trace.status, 200) << trace.body;
  EXPECT_EQ(trace.content_type, "application/x-ndjson");
  ASSERT_TRUE(trace.stream);
  ASSERT_TRUE(dataplane_.watches.at(0));
  EXPECT_EQ(dataplane_.watches[0]->packets, 7u);
  EXPECT_EQ(dataplane_.watches[0]->filter.worker, 1);
  const ApiResponse second = ask("GET", "/api/v1/capture");
  EXPECT_EQ(second.status, 409);
  EXPECT_THAT(second.body, HasSubstr("the trace of tester (up to 7 packets, 10 s)"));
}

TEST_F(RestApiTest, AWatchWhoseAnswerNobodyTakesEnds) {
  dataplane_.tells_watches = true;
  EXPECT_EQ(ask("GET", "/api/v1/capture").status, 200);  // and the response is gone
  EXPECT_EQ(ask("GET", "/api/v1/trace").status, 200);
}

TEST_F(RestApiTest, AHeadOfACaptureWatchesNothing) {
  const ApiResponse head = ask("HEAD", "/api/v1/capture");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_type, "application/x-pcapng");
  EXPECT_TRUE(dataplane_.watches.empty());
}

TEST_F(RestApiTest, AWatchThatCannotBeginIsToldAndTheNextOneMay) {
  dataplane_.watch_started = Error{"not enough memory"};
  const ApiResponse refused = ask("GET", "/api/v1/capture");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("not enough memory"));
  dataplane_.watch_started = Done{};
  dataplane_.tells_watches = true;
  EXPECT_EQ(ask("GET", "/api/v1/capture").status, 200);
}

}  // namespace
}  // namespace vipgate::rest_api_test
