#include "tests/support/test_certificates.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace vipgate::test {
namespace {

struct Identity {
  EVP_PKEY* key;
  X509* certificate;
};

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// By itself where there is no issuer, and then an authority.
Identity make(const char* name, const Identity* issuer, const char* alternative_names,
              bool needs_rsa = false) {
  static long serial = 1;
  // RSA takes its time: only who has to sign login tokens has it.
  Identity made{needs_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), X509_new()};
  X509* certificate = made.certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, made.key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  const Identity& by = issuer != nullptr ? *issuer : made;
  X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate));
  add_extension(certificate, by.certificate, NID_basic_constraints,
                issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (alternative_names != nullptr) {
    add_extension(certificate, by.certificate, NID_subject_alt_name, alternative_names);
  }
  EXPECT_NE(X509_sign(certificate, by.key, EVP_sha256()), 0);
  return made;
}

void write(const Identity& identity, const std::string& cert_file, const std::string& key_file) {
  std::FILE* file = std::fopen(cert_file.c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_X509(file, identity.certificate);
  std::fclose(file);
  if (key_file.empty()) return;
  file = std::fopen(key_file.c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_PrivateKey(file, identity.key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

}  // namespace

TestCertificates::TestCertificates() {
  std::string pattern = std::filesystem::temp_directory_path() / "vipgate-certs-XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  const Identity authority = make("vipgate test authority", nullptr, nullptr);
  const Identity other = make("another authority", nullptr, nullptr);
  const Identity server = make("master.test", &authority, "DNS:master.test,IP:127.0.0.1");
  const Identity client = make("vipgate", &authority, nullptr, true);
  write(authority, ca(), "");
  write(other, other_ca(), "");
  write(server, server_cert(), server_key());
  write(client, client_cert(), client_key());
  for (const Identity& identity : {authority, other, server, client}) {
    EVP_PKEY_free(identity.key);
    X509_free(identity.certificate);
  }
}

TestCertificates::~TestCertificates() { std::filesystem::remove_all(directory_); }

}  // namespace vipgate::test
