#include "controlplane/http/http_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <vector>

#include "controlplane/http/refusal_pacer.h"
#include "tests/controlplane/http/http_server_fixture.h"
#include "tests/support/test_certificates.h"

namespace vipgate::http_access_test {
namespace {

namespace asio = boost::asio;
using test::TestCertificates;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<HttpToken> kTokens = {{"0123456789abcdef", "ops", ApiRole::kAdmin},
                                        {"vipgate", "graf", ApiRole::kReader, true}};

TEST(HttpAccess, WithoutTokensEverybodyIsAnAdmin) {
  std::string who = "127.0.0.1";
  EXPECT_EQ(role_of({}, {""}, who), ApiRole::kAdmin);
  EXPECT_EQ(who, "127.0.0.1");
}

TEST(HttpAccess, ATokenOrACertificateIsNamedAndHasItsRole) {
  std::string who = "127.0.0.1";
  EXPECT_EQ(role_of(kTokens, {"bearer 0123456789abcdef"}, who), ApiRole::kAdmin);
  EXPECT_EQ(who, "ops");
  EXPECT_EQ(role_of(kTokens, {"", "vipgate"}, who), ApiRole::kReader);
  EXPECT_EQ(who, "graf");
}

TEST(HttpAccess, OneIsNotTakenForTheOther) {
  std::string who = "127.0.0.1";
  for (const HttpCredentials& shown :
       {HttpCredentials{""}, HttpCredentials{"Bearer vipgate"}, HttpCredentials{"Bearer "},
        HttpCredentials{"Basic 0123456789abcdef"}, HttpCredentials{"", "0123456789abcdef"},
        HttpCredentials{"", "ops"}, HttpCredentials{"Bearer wrong", "vipgate"}}) {
    EXPECT_EQ(role_of(kTokens, shown, who), ApiRole::kNobody)
        << shown.authorization << "|" << shown.certificate;
  }
  EXPECT_EQ(who, "127.0.0.1");
}

TEST(HttpAccess, ANameThatBeginsAsALoopbackAddressIsNotThisMachine) {
  for (const char* host : {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:8080",
                           "127.1.2.3", "[::1]", "[::1]:8080"}) {
    EXPECT_TRUE(is_for_loopback(host)) << host;
  }
  for (const char* host : {"127.evil.example", "127.0.0.1.evil.example:8080",
                           "127.0.0.1@evil.example", "localhost.evil.example", "evil.example",
                           "128.0.0.1", "[::2]", "[::ffff:192.0.2.1]", "[", "[]", ":80", ""}) {
    EXPECT_FALSE(is_for_loopback(host)) << host;
  }
}

// What a server with those tokens, that believes `ca` of its clients, answers who shows the
// certificate; empty: it ends the connection.
std::string ask_over_tls(const TestCertificates& certificates, const std::string& ca,
                         bool shows_certificate) {
  HttpServerOptions options;
  options.address = *parse_ip_address("127.0.0.1");
  options.cert_file = certificates.server_cert();
  options.key_file = certificates.server_key();
  options.client_ca_file = ca;
  options.tokens = kTokens;
  HttpRouter router;
  router.add("GET", "/", [](ApiRequest request, ApiResponder respond) {
    respond({.body = request.who + "\n"});
  });
  auto server = HttpServer::start(std::move(options), std::move(router));
  EXPECT_TRUE(server.ok()) << server.error();
  asio::io_context io;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(certificates.ca());
  tls.set_verify_mode(asio::ssl::verify_peer);
  if (shows_certificate) {
    tls.use_certificate_chain_file(certificates.client_cert());
    tls.use_private_key_file(certificates.client_key(), asio::ssl::context::pem);
  }
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, tls);
  stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), (*server)->port()});
  boost::system::error_code error;
  stream.handshake(asio::ssl::stream_base::client, error);
  const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (!error) asio::write(stream, asio::buffer(request), error);
  std::string answer;
  if (!error) asio::read(stream, asio::dynamic_buffer(answer), error);
  return answer;
}

TEST(HttpAccess, CertificateOfAClientGivesItsRoleAndItsName) {
  const TestCertificates certificates;
  EXPECT_THAT(ask_over_tls(certificates, certificates.ca(), true), HasSubstr("\r\n\r\ngraf\n"));
}

TEST(HttpAccess, WhoShowsNoneIsTalkedToAndNeedsAToken) {
  const TestCertificates certificates;
  EXPECT_THAT(ask_over_tls(certificates, certificates.ca(), false), StartsWith("HTTP/1.1 401 "));
}

TEST(HttpAccess, CertificateOfAnotherAuthorityIsNotLetIn) {
  const TestCertificates certificates;
  EXPECT_EQ(ask_over_tls(certificates, certificates.other_ca(), true), "");
}

TEST(HttpAccess, WhoIsRefusedWithoutEndDoesNotFillTheLog) {
  RefusalPacer pacer;
  const RefusalPacer::Time begin{};
  for (int i = 0; i < RefusalPacer::kMost; ++i) EXPECT_EQ(pacer.take(begin), 0u);
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(pacer.take(begin + std::chrono::seconds(9)));
  EXPECT_EQ(pacer.take(begin + RefusalPacer::kSpan), 7u) << "the next line has how many";
  EXPECT_EQ(pacer.take(begin + RefusalPacer::kSpan), 0u);
}

class HttpForeignTest : public test::HttpServerFixture {
 protected:
  void SetUp() override {
    HttpRouter router;
    for (const char* path : {"/", "/api/v1/trace"}) {
      router.add("GET", path,
                 [](const ApiRequest&, const ApiResponder& respond) { respond({.body = "told"}); });
    }
    router.add("DELETE", "/api/v1/trace",
               [](const ApiRequest&, const ApiResponder& respond) { respond({.body = "done"}); });
    start({}, std::move(router));
  }
  std::string status_of(const std::string& line, const std::string& headers) const {
    return ask(line + " HTTP/1.1\r\nHost: localhost:8080\r\n" + headers +
               "Connection: close\r\n\r\n")
        .substr(9, 3);
  }
};

TEST_F(HttpForeignTest, AnOriginThatIsNotThisServerIsRefused) {
  for (const char* line : {"DELETE /api/v1/trace", "GET /api/v1/trace", "GET /"}) {
    for (const char* origin :
         {"http://evil.example", "null", "http://localhost", "http://localhost:8081", "", "*",
          "localhost:8080", "ftp://localhost:8080", "http://localhost:8080.evil.example",
          "http://localhost:8080\r\nOrigin: http://evil.example"}) {
      EXPECT_EQ(status_of(line, "Origin: " + std::string(origin) + "\r\n"), "403")
          << line << " " << origin;
    }
    for (const char* origin : {"http://localhost:8080", "http://LOCALHOST:8080",
                               "https://localhost:8080" /* by a proxy */}) {
      EXPECT_EQ(status_of(line, "Origin: " + std::string(origin) + "\r\n"), "200")
          << line << " " << origin;
    }
  }
}

TEST_F(HttpForeignTest, WhatAnotherSitesPageLoadsIsRefusedAndItsLinksLeadToPagesAlone) {
  const std::string link = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
  for (const std::string site : {"cross-site", "same-site"}) {
    const std::string from = "Sec-Fetch-Site: " + site + "\r\n";
    EXPECT_EQ(status_of("GET /api/v1/trace", from + "Sec-Fetch-Mode: no-cors\r\n"), "403");
    EXPECT_EQ(status_of("GET /api/v1/trace", from + link), "403");
    EXPECT_EQ(status_of("GET /", from + link), "200");
    EXPECT_EQ(status_of("GET /", from + "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"),
              "403");
  }
  for (const std::string site : {"same-origin", "none"}) {
    EXPECT_EQ(status_of("GET /api/v1/trace", "Sec-Fetch-Site: " + site + "\r\n"), "200");
  }
}

}  // namespace
}  // namespace vipgate::http_access_test
