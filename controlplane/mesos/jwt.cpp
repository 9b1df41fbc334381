#include "controlplane/mesos/jwt.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <vector>

#include "common/json_text.h"

namespace vipgate {
namespace {

// RFC 4648 5, without padding.
std::string base64url(std::string_view bytes) {
  std::string text = base64(bytes);
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

// A key with a passphrase must not make the daemon ask on its terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace

std::string base64(std::string_view bytes) {
  std::vector<unsigned char> text((bytes.size() + 2) / 3 * 4 + 1);
  const int length =
      EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  return std::string(text.begin(), text.begin() + length);
}

Result<std::string> make_login_token(std::string_view uid, int64_t expires_s,
                                     std::string_view private_key_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
      BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, no_passphrase, nullptr) : nullptr,
      EVP_PKEY_free);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    return Error{"private_key is no RSA key in PEM form without a passphrase"};
  }
  std::string token =
      base64url(R"({"alg":"RS256","typ":"JWT"})") + "." +
      base64url("{\"uid\":" + json_quote(uid) + ",\"exp\":" + std::to_string(expires_s) + "}");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(key.get())), '\0');
  size_t length = signature.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                     reinterpret_cast<const unsigned char*>(token.data()), token.size()) != 1) {
    return Error{"private_key cannot sign by RS256"};
  }
  signature.resize(length);
  return token + "." + base64url(signature);
}

}  // namespace vipgate
