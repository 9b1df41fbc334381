#include "controlplane/mesos/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/support/scripted_http_server.h"
#include "tests/support/test_certificates.h"

namespace vipgate::http_client_test {
namespace {

using test::ScriptedConnection;
using test::ScriptedHttpServer;
using test::ScriptedRequest;
using test::ScriptedTls;
using test::TestCertificates;

const HttpSink kIgnore = [](std::string_view) { return true; };

HttpRequest get(const ScriptedHttpServer& server, const std::string& host = "127.0.0.1",
                bool tls = false) {
  HttpRequest request;
  request.url = HttpUrl{tls, host, server.port(), "/path?x=1"};
  return request;
}

std::unique_ptr<HttpClient> make_client(const TlsConfig& tls = {}) {
  auto client = HttpClient::create(tls, [] { return false; });
  EXPECT_TRUE(client.ok()) << client.error();
  return std::move(*client);
}

TEST(HttpClient, PostSendsMethodHeadersAndBodyAndGivesTheAnswer) {
  ScriptedRequest seen;
  ScriptedHttpServer server([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    seen = request;
    connection.respond(307, "over there", "Location: //m2:5050/x\r\nContent-Type: text/plain\r\n");
  });
  HttpRequest request = get(server);
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "token=x"}};
  request.body = "{}";
  const auto response = make_client()->fetch(request, {});
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(response->status, 307U);
  EXPECT_EQ(response->location, "//m2:5050/x");
  EXPECT_EQ(response->content_type, "text/plain");
  EXPECT_EQ(response->body, "over there");
  EXPECT_EQ(response->peer_ip, "127.0.0.1");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/path?x=1");
  EXPECT_EQ(seen.header("host"), server.address());
  EXPECT_EQ(seen.header("authorization"), "token=x");
  EXPECT_EQ(seen.header("content-length"), "2");
  EXPECT_EQ(seen.body, "{}");
}

TEST(HttpClient, StreamHandsBytesOnBeforeTheChunkThatHoldsThemIsWhole) {
  std::promise<void> first_seen;
  ScriptedHttpServer server([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    connection.send("a\r\nhello");
    first_seen.get_future().wait();
    connection.send("world\r\n0\r\n\r\n");
  });
  std::string bytes;
  const auto response = make_client()->stream(get(server), {}, nullptr, [&](std::string_view part) {
    if (bytes.empty()) first_seen.set_value();
    bytes += part;
    return true;
  });
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(bytes, "helloworld");
}

TEST(HttpClient, SinkThatHasEnoughEndsTheCall) {
  ScriptedHttpServer server([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    connection.send_chunk("hello");
    connection.wait_for_close();
  });
  const auto response =
      make_client()->stream(get(server), {}, nullptr, [](std::string_view) { return false; });
  EXPECT_TRUE(response.ok());
}

TEST(HttpClient, AnswerAboveTheLimitIsAnErrorWithoutBeingReadToItsEnd) {
  ScriptedHttpServer server([](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    while (connection.send_chunk(std::string(65536, 'x'))) {
    }
  });
  HttpLimits limits;
  limits.body_bytes = 100'000;
  const auto response = make_client()->fetch(get(server), limits);
  ASSERT_FALSE(response.ok());
  EXPECT_NE(response.error().find("larger than the limit of 100000"), std::string::npos)
      << response.error();
}

TEST(HttpClient, ConnectionCutWithinAnAnswerIsAnError) {
  for (const char* text : {"HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf", ""}) {
    ScriptedHttpServer server(
        [&](const ScriptedRequest&, ScriptedConnection& connection) { connection.send(text); });
    const auto response = make_client()->fetch(get(server), {});
    ASSERT_FALSE(response.ok()) << text;
    EXPECT_NE(response.error().find("closed in the middle"), std::string::npos) << response.error();
  }
}

TEST(HttpClient, WhatIsNotHttpIsAnError) {
  for (const char* text :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"}) {
    ScriptedHttpServer server([&](const ScriptedRequest&, ScriptedConnection& connection) {
      connection.send(text);
      connection.wait_for_close();
    });
    EXPECT_FALSE(make_client()->fetch(get(server), {}).ok()) << text;
  }
}

TEST(HttpClient, EndlessHeadOrChunkHeaderIsAnErrorInsteadOfMemory) {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;"}) {
    ScriptedHttpServer server([&](const ScriptedRequest&, ScriptedConnection& connection) {
      connection.send(text);
      while (connection.send(std::string(65536, 'x'))) {
      }
    });
    EXPECT_FALSE(make_client()->fetch(get(server), {}).ok()) << text;
  }
}

TEST(HttpClient, SilenceBeforeTheAnswerAndWithinItsBodyTimesOut) {
  for (const bool in_body : {false, true}) {
    ScriptedHttpServer server([&](const ScriptedRequest&, ScriptedConnection& connection) {
      if (in_body) {
        connection.begin_stream();
        connection.send("ff\r\nhalf");
      }
      connection.wait_for_close();
    });
    HttpLimits limits;
    (in_body ? limits.inactivity : limits.answer) = std::chrono::milliseconds(50);
    const auto response = make_client()->stream(get(server), limits, nullptr, kIgnore);
    ASSERT_FALSE(response.ok());
    EXPECT_NE(response.error().find("nothing came for 50 ms"), std::string::npos)
        << response.error();
  }
}

TEST(HttpClient, InterruptionEndsAWaitAtOnceAndEveryCallAfterIt) {
  std::promise<void> asked;
  ScriptedHttpServer server([&](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.begin_stream();
    asked.set_value();
    connection.wait_for_close();
  });
  std::atomic<bool> is_interrupted{false};
  auto client = HttpClient::create({}, [&] { return is_interrupted.load(); });
  ASSERT_TRUE(client.ok());
  HttpLimits limits;
  limits.inactivity = limits.answer = std::chrono::hours(1);
  auto call = std::async(std::launch::async,
                         [&] { return (*client)->stream(get(server), limits, nullptr, kIgnore); });
  asked.get_future().wait();
  is_interrupted = true;
  (*client)->wake();
  EXPECT_FALSE(call.get().ok());
  EXPECT_FALSE((*client)->fetch(get(server), limits).ok());
}

TEST(HttpClient, HostThatCannotBeResolvedIsReachedByItsKnownAddress) {
  std::string host;
  ScriptedHttpServer server([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    host = request.header("host");
    connection.respond(200, "yes");
  });
  HttpRequest request = get(server, "no-such-host.invalid");
  EXPECT_FALSE(make_client()->fetch(request, {}).ok());
  request.fallback_ip = "127.0.0.1";
  const auto response = make_client()->fetch(request, {});
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(response->body, "yes");
  EXPECT_EQ(host, "no-such-host.invalid:" + std::to_string(server.port()));
}

TEST(HttpClient, PortWhereNobodyListensIsAnError) {
  uint16_t port = 0;
  {
    ScriptedHttpServer server([](const ScriptedRequest&, ScriptedConnection&) {});
    port = server.port();
  }
  HttpRequest request;
  request.url = HttpUrl{false, "127.0.0.1", port, "/"};
  const auto response = make_client()->fetch(request, {});
  ASSERT_FALSE(response.ok());
  EXPECT_NE(response.error().find("refused"), std::string::npos) << response.error();
}

// TLS

class HttpClientTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates; }
  static void TearDownTestSuite() { delete certificates_; }

  // Whether a server with our certificate is believed by a client with this configuration.
  static Result<HttpResponse> ask(const TlsConfig& tls, const std::string& host,
                                  bool wants_client_certificate = false) {
    const ScriptedTls server_tls{certificates_->server_cert(), certificates_->server_key(),
                                 wants_client_certificate ? certificates_->ca() : ""};
    ScriptedHttpServer server(
        [](const ScriptedRequest&, ScriptedConnection& connection) {
          connection.respond(200, "secret");
        },
        &server_tls);
    HttpRequest request = get(server, host, true);
    request.fallback_ip = "127.0.0.1";
    return make_client(tls)->fetch(request, {});
  }

  static TestCertificates* certificates_;
};
TestCertificates* HttpClientTls::certificates_ = nullptr;

TEST_F(HttpClientTls, CertificateOfOurAuthorityIsBelievedForItsNameAndItsAddress) {
  for (const char* host : {"127.0.0.1", "master.test"}) {
    const auto response = ask({certificates_->ca(), "", ""}, host);
    ASSERT_TRUE(response.ok()) << response.error();
    EXPECT_EQ(response->body, "secret");
  }
}

TEST_F(HttpClientTls, CertificateOfAnotherAuthorityOrForAnotherNameIsRefused) {
  const auto other = ask({certificates_->other_ca(), "", ""}, "127.0.0.1");
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().find("check tls.ca_file"), std::string::npos) << other.error();
  EXPECT_FALSE(ask({}, "127.0.0.1").ok()) << "by the system's authorities";
  EXPECT_FALSE(ask({certificates_->ca(), "", ""}, "other.test").ok());
}

TEST_F(HttpClientTls, ClientCertificateIsShownWhereTheServerWantsOne) {
  EXPECT_FALSE(ask({certificates_->ca(), "", ""}, "127.0.0.1", true).ok());
  const auto response =
      ask({certificates_->ca(), certificates_->client_cert(), certificates_->client_key()},
          "127.0.0.1", true);
  ASSERT_TRUE(response.ok()) << response.error();
}

TEST_F(HttpClientTls, FilesThatAreMissingOrDoNotFitAreNamed) {
  const auto error = [](const TlsConfig& tls) {
    const auto client = HttpClient::create(tls, [] { return false; });
    return client ? std::string("accepted") : client.error();
  };
  EXPECT_NE(error({"/nowhere/ca.pem", "", ""}).find("tls.ca_file '/nowhere/ca.pem'"),
            std::string::npos);
  EXPECT_NE(error({certificates_->server_key(), "", ""}).find("tls.ca_file"), std::string::npos);
  EXPECT_NE(error({"", certificates_->client_key(), ""}).find("tls.cert_file"), std::string::npos);
  EXPECT_NE(
      error({"", certificates_->client_cert(), certificates_->server_key()}).find("tls.key_file"),
      std::string::npos);
}

TEST_F(HttpClientTls, ServerWithoutTlsIsAnError) {
  ScriptedHttpServer server([](const ScriptedRequest&, ScriptedConnection& connection) {
    connection.respond(200, "plain");
  });
  HttpLimits limits;
  limits.connect = std::chrono::milliseconds(100);  // the server waits for a request, as we for TLS
  EXPECT_FALSE(make_client()->fetch(get(server, "127.0.0.1", true), limits).ok());
}

}  // namespace
}  // namespace vipgate::http_client_test
