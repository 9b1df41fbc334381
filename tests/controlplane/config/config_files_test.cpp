// The files that a configuration names: read at the start and by --check, and only then.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "controlplane/config/config_reader.h"
#include "tests/support/test_certificates.h"

namespace vipgate::config_files_test {
namespace {

// `auth` is on line 5, `tls` on line 6.
std::string config_of(const std::string& auth, const std::string& tls) {
  return R"(ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16] }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
mesos:
  - masters: ["10.0.0.9:5050"]
    auth: )" +
         auth + "\n    tls: " + tls + "\n";
}
std::string error_of(const std::string& text, ConfigUse use = ConfigUse::kStart) {
  const auto config = parse_config(text, "f", use);
  return config ? "" : config.error();
}
std::string auth_error(const std::string& auth) { return error_of(config_of(auth, "{}")); }
std::string tls_error(const std::string& tls) { return error_of(config_of("{}", tls)); }

class ConfigFilesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new test::TestCertificates; }
  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }
  void TearDown() override {
    for (const std::string& path : written_) std::filesystem::remove(path);
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = certificates_->ca() + "." + name;
    std::ofstream(path) << text;
    written_.push_back(path);
    return path;
  }

  std::vector<std::string> written_;
  static test::TestCertificates* certificates_;
};

test::TestCertificates* ConfigFilesTest::certificates_ = nullptr;

TEST_F(ConfigFilesTest, ASecretThatIsMissingIsNamedWithItsPlaceAndTheMend) {
  EXPECT_EQ(auth_error("{ type: basic, principal: gw, secret_file: /nowhere/s }"),
            "f:5:54: auth.secret_file '/nowhere/s' cannot be read: No such file or directory; "
            "write the path of the file, and let this user read it");
  EXPECT_EQ(auth_error("{ type: iam, config_file: /nowhere/i }"),
            "f:5:37: auth.config_file '/nowhere/i' cannot be read: No such file or directory; "
            "write the path of the file, and let this user read it");
}

TEST_F(ConfigFilesTest, AnIamFileIsParsed) {
  const std::string path = write("iam", R"({"uid":"gw","private_key":"k"})");
  EXPECT_EQ(auth_error("{ type: iam, config_file: " + path + " }"),
            "f:5:37: auth.config_file '" + path +
                "' is no JSON object with the strings uid, private_key and login_endpoint");
}

TEST_F(ConfigFilesTest, ATlsFileThatIsMissingOrOfAnotherKindIsNamedWithItsPlaceAndTheMend) {
  EXPECT_EQ(tls_error("{ ca_file: /nowhere/ca.pem }"),
            "f:6:21: tls.ca_file '/nowhere/ca.pem' cannot be read: No such file or directory; "
            "write the path of the file, and let this user read it");
  const auto starts = [](const std::string& text, const std::string& start) {
    EXPECT_TRUE(text.starts_with(start)) << text;
    return text;
  };
  const std::string key = certificates_->client_key();
  EXPECT_TRUE(starts(tls_error("{ ca_file: " + key + " }"),
                     "f:6:21: tls.ca_file '" + key + "' holds no certificates in PEM form: ")
                  .ends_with("; write the path of a file that does"));
  starts(tls_error("{ cert_file: /nowhere/c, key_file: " + key + " }"),
         "f:6:23: tls.cert_file '/nowhere/c' cannot be read: ");
  starts(tls_error("{ cert_file: " + key + ", key_file: " + key + " }"),
         "f:6:23: tls.cert_file '" + key + "' holds no certificate in PEM form: ");
  const std::string cert = certificates_->client_cert();
  starts(tls_error("{ key_file: /nowhere/k, cert_file: " + cert + " }"),
         "f:6:22: tls.key_file '/nowhere/k' cannot be read: ");
  starts(tls_error("{ key_file: " + cert + ", cert_file: " + cert + " }"),
         "f:6:22: tls.key_file '" + cert + "' holds no private key without a passphrase in PEM ");
  starts(tls_error("{ key_file: " + certificates_->server_key() + ", cert_file: " + cert + " }"),
         "f:6:22: tls.key_file '" + certificates_->server_key() + "' does not belong to ");
}

TEST_F(ConfigFilesTest, EveryFileOfEveryClusterIsToldOf) {
  const std::string auth = "{ type: basic, principal: gw, secret_file: /nowhere/s }";
  const std::string error =
      error_of(config_of(auth, "{ ca_file: /nowhere/ca }") +
               "marathon:\n  - urls: [\"http://10.0.0.9:8080\"]\n    auth: " + auth +
               "\n    tls: { ca_file: /nowhere/ca }\n");
  for (const char* place : {"f:5:54: ", "f:6:21: ", "f:9:54: ", "f:10:21: "}) {
    EXPECT_NE(error.find(place), std::string::npos) << place << "is not in\n" << error;
  }
}

TEST_F(ConfigFilesTest, AKeyThatIsMissingIsOneMistakeAndNotTwo) {
  EXPECT_EQ(auth_error("{ type: basic, principal: gw }"),
            "f:5:11: secret_file: auth of type basic needs it; add it");
  const std::string error = tls_error("{ cert_file: " + certificates_->client_cert() + " }");
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

TEST_F(ConfigFilesTest, FilesThatFitAreTakenAndAReloadOrAnOfflineCommandNeedsNone) {
  const std::string secret = write("secret", "s3cret\n");
  EXPECT_EQ(error_of(config_of("{ type: basic, principal: gw, secret_file: " + secret + " }",
                               "{ ca_file: " + certificates_->ca() +
                                   ", cert_file: " + certificates_->client_cert() +
                                   ", key_file: " + certificates_->client_key() + " }")),
            "");
  const std::string absent = config_of("{ type: basic, principal: gw, secret_file: /nowhere/s }",
                                       "{ ca_file: /nowhere/ca }");
  EXPECT_NE(error_of(absent, ConfigUse::kStart), "");
  EXPECT_EQ(error_of(absent, ConfigUse::kRun), "");
  EXPECT_EQ(error_of(absent, ConfigUse::kCompile), "");
}

}  // namespace
}  // namespace vipgate::config_files_test
