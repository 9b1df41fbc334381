#include "controlplane/naming/sha1.h"

#include <openssl/evp.h>

#include <memory>

namespace vipgate {

std::array<uint8_t, 20> sha1(std::string_view octets) {
  // Looking an algorithm up takes longer than hashing a task's id.
  static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> kSha1(
      EVP_MD_fetch(nullptr, "SHA1", nullptr), EVP_MD_free);
  std::array<uint8_t, 20> digest{};
  EVP_Digest(octets.data(), octets.size(), digest.data(), nullptr, kSha1.get(), nullptr);
  return digest;
}

}  // namespace vipgate
