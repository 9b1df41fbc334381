// DNS over UDP (RFC 1035): whether a server answers a question for an address, whatever it says of
// the name.
#include <algorithm>

#include "common/dns_wire.h"
#include "controlplane/health/exchange.h"

namespace vipgate {
namespace {

// Datagrams that answer another question are late ones, or forged; so many of them are no answer.
constexpr int kMaxStrayDatagrams = 16;

constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeNs = 2;
constexpr uint16_t kClassIn = 1;
constexpr uint8_t kNoError = 0;
constexpr uint8_t kNameError = 3;  // NXDOMAIN

class DnsExchange : public Exchange {
 public:
  DnsExchange(uint16_t id, std::string question) : id_(id), question_(std::move(question)) {
    DnsWriter query;
    query.u16(id);
    query.u16(0x0100);  // recursion desired
    query.u16(1);       // one question
    query.bytes(std::string_view("\0\0\0\0\0\0", 6));
    query.bytes(question_);
    output_ = query.octets();
  }

  std::optional<CheckVerdict> receive(std::span<const uint8_t> bytes) override {
    if (!is_answer(bytes)) {
      if (++strays_ < kMaxStrayDatagrams) return std::nullopt;
      return failed("answers that match no question");
    }
    const uint8_t code = bytes[3] & 0xf;
    if (code == kNoError) return alive("answer");
    if (code == kNameError) return alive("no such name");
    return failed("response code " + std::to_string(code));
  }

 private:
  bool is_answer(std::span<const uint8_t> bytes) const {
    if (bytes.size() < kDnsHeaderLength + question_.size()) return false;
    const bool has_header = bytes[0] == id_ >> 8 && bytes[1] == (id_ & 0xff) &&
                            (bytes[2] & 0xf8) == 0x80 /* a response, opcode QUERY */ &&
                            bytes[4] == 0 && bytes[5] == 1;
    // A server may send the name back in another case (RFC 4343).
    return has_header &&
           std::equal(question_.begin(), question_.end(), bytes.begin() + kDnsHeaderLength,
                      [](char asked, uint8_t given) {
                        return dns_fold(static_cast<uint8_t>(asked)) == dns_fold(given);
                      });
  }

  uint16_t id_;
  std::string question_;
  int strays_ = 0;
};

}  // namespace

Result<std::unique_ptr<Exchange>> make_dns_exchange(const HealthConfig& config, uint16_t id) {
  const bool is_root = config.host.empty() || config.host == ".";
  const auto name = dns_name_from_text(is_root ? "." : config.host);
  if (!name) return Error{"health check: `host` must be a domain name: " + name.error()};
  DnsWriter question;
  question.bytes(*name);
  question.u16(is_root ? kTypeNs : kTypeA);
  question.u16(kClassIn);
  return std::unique_ptr<Exchange>(std::make_unique<DnsExchange>(id, question.octets()));
}

}  // namespace vipgate
