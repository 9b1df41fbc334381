// What Mesos-DNS' listener does otherwise than the API's, and bodies that many are sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/http/http_server_fixture.h"

namespace vipgate::http_manner_test {
namespace {

using test::get;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpMannerTest : public test::HttpServerFixture {
 protected:
  void start(HttpServerOptions options = {}) {
    HttpRouter router(HttpManner::kMesosDns);
    router.add("GET", "/v1/hosts/{host}",
               [](const ApiRequest& request, const ApiResponder& respond) {
                 respond({.body = "<" + request.parameters[0] + ">"});
               });
    router.add("GET", "/v1/known", [](const ApiRequest&, const ApiResponder& respond) {
      respond({.status = 304, .headers = {{"ETag", "\"1\""}}});
    });
    router.add("GET", "/v1/long", [this](const ApiRequest&, const ApiResponder& respond) {
      ApiResponse response;
      response.shared_body = body_;
      respond(std::move(response));
    });
    HttpServerFixture::start(std::move(options), std::move(router));
  }
  static std::string asking(const std::string& method, const std::string& target) {
    return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }

  const std::shared_ptr<const std::string> body_ =
      std::make_shared<const std::string>(20'000'000, 'x');
};

TEST_F(HttpMannerTest, WhatIsNotAnsweredIsToldAsALineOfText) {
  start();
  EXPECT_THAT(ask(get("/v1/absent")),
              AllOf(StartsWith("HTTP/1.1 404 Not Found"), HasSubstr("text/plain"),
                    EndsWith("\r\n\r\n404: Page Not Found")));
  EXPECT_THAT(ask(get("/v1/hosts/a", "Accept: text/html\r\n")),
              AllOf(StartsWith("HTTP/1.1 406 Not Acceptable"), EndsWith("406: Not Acceptable")));
  EXPECT_THAT(ask(get("/v1/hosts/%a")), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpMannerTest, AHeadIsNoGet) {
  start();
  const std::string answer =
      ask("HEAD /v1/hosts/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed"),
                            HasSubstr("Allow: GET\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpMannerTest, ASlashAtTheEndCountsForNothingAndANameIsNotEmpty) {
  start();
  EXPECT_THAT(ask(get("/v1/hosts/a/")), EndsWith("<a>"));
  EXPECT_THAT(ask(get("/v1/hosts/")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask(get("/v1/hosts//")), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpMannerTest, OtherHostsAreAnsweredWhereAnyMayBeNamed) {
  const std::string request =
      "GET /v1/hosts/a HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n\r\n";
  start();
  EXPECT_THAT(ask(request), StartsWith("HTTP/1.1 403 "));
  HttpServerOptions open;
  open.is_for_any_host = true;
  start(open);
  EXPECT_THAT(ask(request), EndsWith("<a>"));
}

TEST_F(HttpMannerTest, ASharedBodyIsSentWholeAndTheConnectionGoesOn) {
  start();
  const std::string all = ask(asking("GET", "/v1/long") + get("/v1/hosts/next"));
  EXPECT_THAT(all.substr(0, 1000), HasSubstr("Content-Length: 20000000\r\n"));
  const size_t begin = all.find("\r\n\r\n") + 4;
  EXPECT_TRUE(all.compare(begin, body_->size(), *body_) == 0);
  EXPECT_THAT(all.substr(begin + body_->size()),
              AllOf(StartsWith("HTTP/1.1 200 OK"), EndsWith("<next>")));
}

TEST_F(HttpMannerTest, AnAnswerWithoutABodyIsFollowedByTheNext) {
  start();
  const std::string all = ask(asking("GET", "/v1/known") + get("/v1/hosts/next"));
  const size_t end = all.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos) << all;
  EXPECT_THAT(all.substr(0, end),
              AllOf(StartsWith("HTTP/1.1 304 Not Modified"), Not(HasSubstr("Content-Length"))));
  EXPECT_THAT(all.substr(end + 4), AllOf(StartsWith("HTTP/1.1 200 OK"), EndsWith("<next>")));
}

}  // namespace
}  // namespace vipgate::http_manner_test
