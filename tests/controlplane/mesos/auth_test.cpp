#include "controlplane/mesos/auth.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fstream>
#include <iterator>
#include <map>

#include "common/json_text.h"
#include "controlplane/mesos/authorized_client.h"
#include "controlplane/mesos/json_field.h"
#include "controlplane/mesos/jwt.h"
#include "tests/support/scripted_http_server.h"
#include "tests/support/test_certificates.h"

namespace vipgate::auth_test {
namespace {

using test::ScriptedConnection;
using test::ScriptedHttpServer;
using test::ScriptedRequest;

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string decode(std::string text) {
  for (char& c : text) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  const size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size(), '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  EXPECT_GE(length, 0);
  bytes.resize(static_cast<size_t>(length) - padding);
  return bytes;
}

// By the certificate's public key.
bool is_signed(const std::string& token, const std::string& cert_file) {
  const size_t dot = token.rfind('.');
  const std::string text = token.substr(0, dot);
  const std::string signature = decode(token.substr(dot + 1));
  std::FILE* file = std::fopen(cert_file.c_str(), "r");
  X509* certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, X509_get0_pubkey(certificate));
  const int verdict = EVP_DigestVerify(
      context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
      reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(context);
  X509_free(certificate);
  return verdict == 1;
}

class Auth : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_.ca() + "." + name;
    std::ofstream(path) << text;
    return path;
  }
  MesosAuthConfig basic(const std::string& secret) {
    return {MesosAuthType::kBasic, "ops", write("secret", secret), ""};
  }
  MesosAuthConfig iam(const std::string& endpoint) {
    return {MesosAuthType::kIam, "", "",
            write("iam",
                  "{\"uid\":\"gw\",\"private_key\":" + json_quote(read(directory_.client_key())) +
                      ",\"login_endpoint\":\"" + endpoint + "\"}")};
  }
  static std::unique_ptr<AuthorizedClient> client(const MesosAuthConfig& config) {
    auto client = AuthorizedClient::create({}, config, [] { return false; });
    EXPECT_TRUE(client.ok()) << client.error();
    return std::move(*client);
  }
  static HttpRequest request(const ScriptedHttpServer& server) {
    HttpRequest request;
    request.url = HttpUrl{false, "127.0.0.1", server.port(), "/state"};
    return request;
  }

  test::TestCertificates directory_;  // its files, and those that tests put beside them
};

TEST_F(Auth, Base64HasPadding) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("a"), "YQ==");
  EXPECT_EQ(base64("Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST_F(Auth, LoginTokenIsSignedAndSaysWhoAndHowLong) {
  const auto token = make_login_token("gw\"1", 1234, read(directory_.client_key()));
  ASSERT_TRUE(token.ok()) << token.error();
  EXPECT_EQ(token->find_first_of("=+/"), std::string::npos);
  EXPECT_TRUE(is_signed(*token, directory_.client_cert()));
  EXPECT_FALSE(is_signed(*token, directory_.server_cert()));
  const size_t dot = token->find('.');
  EXPECT_EQ(decode(token->substr(0, dot)), R"({"alg":"RS256","typ":"JWT"})");
  EXPECT_EQ(decode(token->substr(dot + 1, token->rfind('.') - dot - 1)),
            R"({"uid":"gw\"1","exp":1234})");
}

TEST_F(Auth, KeyThatCannotSignIsRefusedAndNotShown) {
  for (const std::string key : {"", "nonsense-key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"}) {
    const auto token = make_login_token("gw", 1, key);
    ASSERT_FALSE(token.ok());
    EXPECT_EQ(token.error().find("nonsense-key"), std::string::npos);
  }
}

TEST_F(Auth, SecretIsReadAgainAfterTheServerRefusedIt) {
  std::vector<std::string> seen;
  ScriptedHttpServer server([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    seen.push_back(request.header("authorization"));
    connection.respond(seen.back() == "Basic " + base64("ops:new") ? 200 : 401, "");
  });
  const MesosAuthConfig config = basic("old\n");
  auto client = this->client(config);
  EXPECT_EQ(client->call(request(server), {})->status, 401U);
  ASSERT_EQ(seen.size(), 2U) << "once more, and no more";
  EXPECT_EQ(seen[0], "Basic " + base64("ops:old"));
  basic("new");
  EXPECT_EQ(client->call(request(server), {})->status, 200U);
}

TEST_F(Auth, WithoutCredentialsNoHeaderIsSentAndA401IsNotTriedAgain) {
  std::vector<std::string> seen;
  ScriptedHttpServer server([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    seen.push_back(request.header("authorization"));
    connection.respond(401, "");
  });
  EXPECT_EQ(client({})->call(request(server), {})->status, 401U);
  EXPECT_EQ(seen, std::vector<std::string>{""});
}

TEST_F(Auth, IamLoginIsKeptUntilA401AndThenRenewedOnce) {
  std::vector<std::string> logins;
  std::string valid;
  std::vector<std::string> seen;
  ScriptedHttpServer server([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    if (request.target == "/acs/api/v1/auth/login") {
      EXPECT_EQ(request.method, "POST");
      EXPECT_EQ(request.header("content-type"), "application/json");
      logins.push_back(request.body);
      valid = "t" + std::to_string(logins.size());
      connection.respond(200, "{\"token\":\"" + valid + "\"}");
      return;
    }
    seen.push_back(request.header("authorization"));
    connection.respond(seen.back() == "token=" + valid ? 200 : 401, "");
  });
  auto client = this->client(iam("http://" + server.address() + "/acs/api/v1/auth/login"));
  EXPECT_EQ(client->call(request(server), {})->status, 200U);
  EXPECT_EQ(client->call(request(server), {})->status, 200U);
  ASSERT_EQ(logins.size(), 1U);
  EXPECT_EQ(json_string(logins[0], "/uid"), "gw");
  EXPECT_TRUE(is_signed(json_string(logins[0], "/token").value_or("."), directory_.client_cert()));
  valid = "something else";  // ours has expired
  EXPECT_EQ(client->call(request(server), {})->status, 200U);
  EXPECT_EQ(logins.size(), 2U);
  EXPECT_EQ(seen, (std::vector<std::string>{"token=t1", "token=t1", "token=t1", "token=t2"}));
}

TEST_F(Auth, LoginThatIsRefusedOrMakesNoSenseIsAnError) {
  std::string answer;
  int status = 200;
  ScriptedHttpServer server([&](const ScriptedRequest& request, ScriptedConnection& connection) {
    ASSERT_EQ(request.target, "/login") << "asked for the state without a login";
    connection.respond(status, answer);
  });
  auto client = this->client(iam("http://" + server.address() + "/login"));
  for (const char* text :
       {"", "{}", "[1]", R"({"token":7})", R"({"token":"a\r\nX: y"})", R"({"token":""})"}) {
    answer = text;
    const auto response = client->call(request(server), {});
    ASSERT_FALSE(response.ok()) << text;
    EXPECT_NE(response.error().find("login failed"), std::string::npos) << response.error();
  }
  status = 401;
  answer = R"({"token":"t"})";
  const auto response = client->call(request(server), {});
  ASSERT_FALSE(response.ok());
  EXPECT_NE(response.error().find("answered 401 for uid 'gw'"), std::string::npos)
      << response.error();
}

TEST_F(Auth, FilesThatCannotBeUsedAreNamedAtTheStart) {
  const auto error = [](const MesosAuthConfig& config) {
    const auto made = Authenticator::create(config);
    return made ? std::string("accepted") : made.error();
  };
  EXPECT_NE(error({MesosAuthType::kBasic, "p", "/nowhere/s", ""}).find("auth.secret_file"),
            std::string::npos);
  EXPECT_NE(error({MesosAuthType::kIam, "", "", "/nowhere/i"}).find("auth.config_file"),
            std::string::npos);
  const std::string path = write("bad", R"({"uid":"gw","private_key":"k"})");
  EXPECT_NE(error({MesosAuthType::kIam, "", "", path}).find("login_endpoint"), std::string::npos);
  const std::string key =
      write("badkey", R"({"uid":"gw","private_key":"k","login_endpoint":"http://h/login"})");
  EXPECT_NE(error({MesosAuthType::kIam, "", "", key}).find("private_key"), std::string::npos);
}

}  // namespace
}  // namespace vipgate::auth_test
