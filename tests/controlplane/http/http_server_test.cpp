#include "controlplane/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/controlplane/http/http_server_fixture.h"

namespace vipgate::http_server_test {
namespace {

using test::get;
using ::testing::HasSubstr;
using ::testing::StartsWith;

HttpRouter make_router() {
  HttpRouter router;
  router.add_open("/healthz", [](ApiRequest, ApiResponder respond) {
    respond({.content_type = "text/plain", .body = "ok\n"});
  });
  router.add("GET", "/things/{id}", [](ApiRequest request, ApiResponder respond) {
    respond({.body = request.parameters[0] + " by " + request.who});
  });
  router.add_for_admins("/secrets", [](const ApiRequest& request, const ApiResponder& respond) {
    respond({.body = "told to " + request.who});
  });
  router.add("PUT", "/things/{id}", [](ApiRequest request, ApiResponder respond) {
    // From another thread, later.
    std::thread([size = request.body.size(), respond = std::move(respond)] {
      respond({.body = std::to_string(size)});
    }).detach();
  });
  return router;
}

class HttpServerTest : public test::HttpServerFixture {
 protected:
  void start(HttpServerOptions options = {}) {
    HttpServerFixture::start(std::move(options), make_router());
  }
};

TEST_F(HttpServerTest, AnswersByRoute) {
  start();
  EXPECT_THAT(ask(get("/healthz")), HasSubstr("\r\n\r\nok\n"));
  EXPECT_THAT(ask(get("/things/a%2Fb")), HasSubstr("a/b by 127.0.0.1"));
  EXPECT_THAT(ask(get("/nothing")), StartsWith("HTTP/1.1 404 Not Found"));
  EXPECT_THAT(ask(get("/things/%2")), StartsWith("HTTP/1.1 400 Bad Request"));
  const std::string refused =
      ask("DELETE /things/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 Method Not Allowed"));
  EXPECT_THAT(refused, HasSubstr("Allow: GET, HEAD, PUT"));
  EXPECT_THAT(refused, HasSubstr("application/problem+json"));
}

TEST_F(HttpServerTest, AnAnswerMayComeFromAnotherThread) {
  start();
  EXPECT_THAT(ask("PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: "
                  "close\r\n\r\nabcde"),
              HasSubstr("\r\n\r\n5"));
}

TEST_F(HttpServerTest, RequestsInOneSegmentAreAnsweredInOrder) {
  start();
  const std::string all =
      ask("GET /things/first HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/things/second"));
  EXPECT_LT(all.find("first by"), all.find("second by"));
  EXPECT_NE(all.find("second by"), std::string::npos);
}

TEST_F(HttpServerTest, AHeadIsAnsweredWithoutABody) {
  start();
  const std::string answer =
      ask("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, WhoExpectsToContinueIsTold) {
  start();
  const FileDescriptor socket = connect_to();
  send_all(socket,
           "PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: "
           "100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(receive(socket, "\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue"));
  send_all(socket, "abc");
  EXPECT_THAT(receive(socket), HasSubstr("\r\n\r\n3"));
}

TEST_F(HttpServerTest, WhatIsTooLongIsRefusedAndNotKept) {
  HttpServerOptions options;
  options.body_bytes = 1000;
  start(std::move(options));
  EXPECT_THAT(ask("PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      ask("PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
          std::string(1024, 'x') + "\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask(get("/" + std::string(20'000, 'x'))), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, WhoMayNotIsToldBeforeTheBodyComesAndStillWhenItHas) {
  HttpServerOptions options;
  options.tokens = {{"adm1n", "ops", ApiRole::kAdmin}};
  start(std::move(options));
  const std::string put =
      "PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n";
  EXPECT_THAT(ask(put + "\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask(put + "Expect: 100-continue\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask(put + "\r\n" + std::string(9999999, 'x')), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask("POST /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
                  "Authorization: Bearer adm1n\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpServerTest, BodiesThatNeverEndLeaveRoomForShortOnes) {
  HttpServerOptions options;
  options.body_bytes = 100'000;
  start(std::move(options));
  const std::string put = "PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
  std::vector<FileDescriptor> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect_to());
    send_all(held.back(), put + "100000\r\n\r\n" + std::string(99'000, 'x'));
  }
  pollfd refused[3] = {
      {held[0].get(), POLLIN, 0}, {held[1].get(), POLLIN, 0}, {held[2].get(), POLLIN, 0}};
  ASSERT_EQ(poll(refused, 3, 10'000), 1);
  for (size_t i = 0; i < held.size(); ++i) {
    if (refused[i].revents == 0) continue;
    EXPECT_THAT(receive(held[i]), StartsWith("HTTP/1.1 503 "));
  }
  EXPECT_THAT(ask(put + "5\r\nConnection: close\r\n\r\nabcde"), HasSubstr("\r\n\r\n5"));
}

TEST_F(HttpServerTest, ARequestWhoseEndIsInDoubtIsTheLast) {
  start();
  const std::string put = "PUT /things/1 HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string headers :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n", "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: gzip\r\n", "Host: other\r\n"}) {
    const std::string all = ask(put + headers + "\r\n" + get("/healthz"));
    EXPECT_THAT(all, testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 ")));
    EXPECT_THAT(all, testing::Not(HasSubstr("ok\n"))) << headers;
  }
}

TEST_F(HttpServerTest, AnAbsoluteTargetSaysWhomItIsFor) {
  start();
  const auto named = [&](const std::string& target, const std::string& host) {
    return ask("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  };
  EXPECT_THAT(named("http://localhost:8080/things/a", "evil.example"), HasSubstr("a by 127"));
  EXPECT_THAT(named("http://evil.example/things/a", "localhost"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(named("http://localhost", "localhost"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, LongAnswersThatNobodyTakesGiveWay) {
  HttpRouter router = make_router();
  router.add("GET", "/long", [](const ApiRequest&, const ApiResponder& respond) {
    respond({.body = std::string(100u << 20, 'x')});
  });
  HttpServerFixture::start({}, std::move(router));
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 3; ++i) {  // two of which there is room for
    silent.push_back(connect_to());
    send_all(silent.back(), get("/long"));
    EXPECT_THAT(receive(silent.back(), "\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_LT(receive(silent.front()).size(), 100u << 20) << "it was given up";
  EXPECT_THAT(receive(silent.back()), testing::EndsWith("xxx"));
}

// With pauses in which nothing is taken, and which together are longer than the time that a piece
// has.
TEST_F(HttpServerTest, WhoTakesALongAnswerSlowlyGetsAllOfIt) {
  constexpr size_t kOctets = 12u << 20;
  HttpServerOptions options;
  options.request_time = std::chrono::milliseconds(1000);
  HttpRouter router = make_router();
  router.add("GET", "/long", [](const ApiRequest&, const ApiResponder& respond) {
    respond({.body = std::string(kOctets, 'x')});
  });
  HttpServerFixture::start(std::move(options), std::move(router));
  const FileDescriptor slow = connect_to();
  send_all(slow, get("/long"));
  size_t taken = 0;
  std::vector<char> block(96 * 1024);
  pollfd ready{slow.get(), POLLIN, 0};
  while (poll(&ready, 1, 10'000) == 1) {
    const ssize_t length = read(slow.get(), block.data(), block.size());
    if (length <= 0) break;
    taken += static_cast<size_t>(length);
    poll(nullptr, 0, 15);
  }
  EXPECT_GE(taken, kOctets);
}

TEST_F(HttpServerTest, WhoTakesNothingOfALongAnswerIsGivenUp) {
  HttpServerOptions options;
  options.request_time = std::chrono::milliseconds(50);
  HttpRouter router = make_router();
  std::promise<void> asked;
  router.add("GET", "/long", [&](const ApiRequest&, const ApiResponder& respond) {
    asked.set_value();
    respond({.body = std::string(100u << 20, 'x')});
  });
  HttpServerFixture::start(std::move(options), std::move(router));
  const FileDescriptor silent = connect_to();
  send_all(silent, get("/long"));
  asked.get_future().wait();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (server_->connections() != 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_LT(receive(silent).size(), 100u << 20);
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefusedAndCostsNoOther) {
  start();
  const FileDescriptor other = connect_to();
  for (const std::string& text :
       {std::string("\x16\x03\x01\x02"), std::string("hello\r\n\r\n"), std::string(1000, '\0'),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET  /  x\r\n\r\n"),
        std::string("PUT /things/1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("PUT /things/1 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: "
                    "chunked\r\n\r\nzz\r\n")}) {
    const FileDescriptor socket = connect_to();
    send_all(socket, text);
    shutdown(socket.get(), SHUT_WR);
    const std::string answer = receive(socket);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 400 ")) << answer;
  }
  send_all(other, get("/healthz"));
  EXPECT_THAT(receive(other), HasSubstr("ok"));
}

TEST_F(HttpServerTest, AHalfSentHeaderIsNotWaitedForForLong) {
  HttpServerOptions options;
  options.request_time = std::chrono::milliseconds(50);
  start(std::move(options));
  const FileDescriptor socket = connect_to();
  send_all(socket, "GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(receive(socket), "") << "the server ends it";
}

TEST_F(HttpServerTest, AThousandIdleAndAThousandSlowOnesCostNoOther) {
  start();
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 2000; ++i) {
    silent.push_back(connect_to());
    if (i % 2 == 0) send_all(silent.back(), "GET /healthz HTTP/1.1\r\nHo");
  }
  for (int i = 0; i < 100; ++i) EXPECT_THAT(ask(get("/healthz")), HasSubstr("ok"));
}

TEST_F(HttpServerTest, AboveTheLimitTheLongestSilentGoes) {
  HttpServerOptions options;
  options.connections = 3;
  start(std::move(options));
  std::vector<FileDescriptor> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(connect_to());
    send_all(sockets.back(),
             "GET /things/" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(receive(sockets.back(), " by "), StartsWith("HTTP/1.1 200 OK"));
  }
  EXPECT_THAT(ask(get("/healthz")), HasSubstr("ok"));
  EXPECT_EQ(receive(sockets[0]), "") << "the first one has gone";
  send_all(sockets[2], get("/healthz"));
  EXPECT_THAT(receive(sockets[2]), HasSubstr("ok"));
}

TEST_F(HttpServerTest, OneThatGoesWhileItsRequestArrivesCostsNoOther) {
  HttpServerOptions options;
  options.connections = 1;
  start(std::move(options));
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(connect_to());  // the last one goes, with what it has just sent
    send_all(clients.back(), i % 2 == 0 ? get("/healthz") : "PUT /things/1 HTTP/1.1\r\nExpect: ");
  }
  clients.clear();
  EXPECT_THAT(ask(get("/healthz")), HasSubstr("ok\n"));
}

TEST_F(HttpServerTest, OneThatGoesWhileItsAnswerIsAwaitedCostsNoOther) {
  std::mutex mutex;
  std::vector<ApiResponder> waiting;
  HttpRouter router = make_router();
  router.add("GET", "/later", [&](const ApiRequest&, ApiResponder respond) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(respond));
  });
  HttpServerOptions options;
  options.connections = 1;
  HttpServerFixture::start(std::move(options), std::move(router));
  const FileDescriptor client = connect_to();
  send_all(client, get("/later"));
  const auto is_awaited = [&] {
    const std::lock_guard lock(mutex);
    return !waiting.empty();
  };
  while (!is_awaited()) std::this_thread::yield();
  EXPECT_THAT(ask(get("/healthz")), HasSubstr("ok\n")) << "instead of it";
  EXPECT_EQ(receive(client), "");
  waiting.front()({.body = "for nobody"});
  EXPECT_THAT(ask(get("/healthz")), HasSubstr("ok\n"));
}

TEST_F(HttpServerTest, TokensSayWhoMayDoWhat) {
  HttpServerOptions options;
  options.tokens = {{"r3ad", "grafana", ApiRole::kReader}, {"adm1n", "ops", ApiRole::kAdmin}};
  start(std::move(options));
  const std::string put = "PUT /things/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n";
  EXPECT_THAT(ask(get("/things/1")), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask(get("/things/1", "Authorization: Bearer wrong\r\n")),
              HasSubstr("WWW-Authenticate: Bearer"));
  EXPECT_THAT(ask(get("/things/1", "Authorization: bearer r3ad\r\n")), HasSubstr("1 by grafana"));
  EXPECT_THAT(ask(put + "Authorization: Bearer r3ad\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask(put + "Authorization: Bearer adm1n\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask(get("/secrets", "Authorization: Bearer r3ad\r\n")), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(ask(get("/secrets")), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(ask(get("/secrets", "Authorization: Bearer adm1n\r\n")), HasSubstr("told to ops"));
  EXPECT_THAT(ask(get("/healthz")), StartsWith("HTTP/1.1 200 ")) << "for everybody";
}

TEST_F(HttpServerTest, WithoutTokensAnotherSitesPageGetsNothing) {
  start();
  const auto named = [&](const std::string& host) {
    return ask("GET /things/1 HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  };
  EXPECT_THAT(named("evil.example"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(named("evil.example:8080"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(named("127.0.0.1:8080"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(named("[::1]:8080"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnAddressInUseIsAnErrorThatNamesIt) {
  start();
  HttpServerOptions options;
  options.address = test::ip("127.0.0.1");
  options.port = server_->port();
  auto second = HttpServer::start(std::move(options), make_router());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error(), HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

}  // namespace
}  // namespace vipgate::http_server_test
