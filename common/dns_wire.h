// DNS on the wire (RFC 1035 4): the header, the numbers, names, and a writer of records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/byte_order.h"
#include "common/result.h"

namespace vipgate {

// RFC 1035 4.1.1.
struct DnsHeader {
  static constexpr uint16_t kResponse = 0x8000;
  static constexpr uint16_t kOpcodeMask = 0x7800;
  static constexpr uint16_t kAuthoritative = 0x0400;
  static constexpr uint16_t kTruncated = 0x0200;
  static constexpr uint16_t kRecursionDesired = 0x0100;
  static constexpr uint16_t kRecursionAvailable = 0x0080;
  static constexpr uint16_t kAuthenticData = 0x0020;     // RFC 4035 3.1.6
  static constexpr uint16_t kCheckingDisabled = 0x0010;  // RFC 4035 3.1.6
  static constexpr uint16_t kRcodeMask = 0x000f;

  Be16 id;
  Be16 flags;
  Be16 question_count;
  Be16 answer_count;
  Be16 authority_count;
  Be16 additional_count;
};
static_assert(sizeof(DnsHeader) == 12);

inline constexpr size_t kDnsHeaderLength = sizeof(DnsHeader);
inline constexpr Be16 kDnsPort{53};

// RFC 1035 2.3.4: octets on the wire, the length octets and the root's included.
inline constexpr size_t kDnsMaxName = 255;
inline constexpr size_t kDnsMaxLabel = 63;
// A record without its data, whose owner is a compression pointer: type, class, TTL, data length.
inline constexpr uint32_t kDnsRecordFixed = 12;
// Before the target in the data of an SRV record (RFC 2782): priority, weight, port.
inline constexpr uint32_t kDnsSrvFixed = 6;
// RFC 1035 4.2.1, RFC 6891 6.2.5; and the size that passes everywhere over UDP (RFC 9715 R3).
inline constexpr uint16_t kDnsPlainLimit = 512;
inline constexpr uint16_t kDnsUdpLimit = 1232;
// An OPT record without options (RFC 6891 6.1.2).
inline constexpr size_t kDnsOptLength = 11;
inline constexpr uint16_t kDnsOptDnssecOk = 0x8000;

enum class DnsType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kDname = 39,
  kOpt = 41,
  kDs = 43,
  kTsig = 250,
  kIxfr = 251,
  kAxfr = 252,
  kAny = 255,
};

enum class DnsClass : uint16_t { kIn = 1, kChaos = 3, kAny = 255 };

// BADVERS has its upper eight bits in the OPT record (RFC 6891 6.1.3).
enum class DnsRcode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kNotAuth = 9,
  kBadVers = 16,
};

// Options of EDNS that are understood, by their codes.
enum class DnsOptionCode : uint16_t {
  kNsid = 3,            // RFC 5001
  kCookie = 10,         // RFC 7873
  kTcpKeepalive = 11,   // RFC 7828
  kExtendedError = 15,  // RFC 8914
};

// The codes of RFC 8914 4 that are given.
enum class DnsExtendedError : uint16_t {
  kStaleAnswer = 3,
  kProhibited = 18,
  kNotAuthoritative = 20,
  kNoReachableAuthority = 22,
  kNone = UINT16_MAX,  // no such option
};

constexpr uint8_t dns_fold(uint8_t octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<uint8_t>(octet + 32) : octet;
}
// A wire name with A-Z folded to a-z and every other octet as it is (RFC 4343 3). Length octets are
// at most 63 and so below 'A': no walk over the labels is needed.
std::string dns_fold(std::string_view wire_name);

// What stands of a name at one place of a message (RFC 1035 4.1.4).
struct DnsNamePiece {
  size_t end = 0;     // behind it; 0: it is no name
  size_t target = 0;  // where it goes on, before this piece; 0: it is whole

  // The octets of its labels, the root's among them, where it begins at `at`.
  uint32_t labels(size_t at) const {
    return static_cast<uint32_t>(end - at - (target != 0 ? 2 : 0));
  }
};
DnsNamePiece dns_name_piece(const uint8_t* message, size_t length, size_t at);

// The length of the uncompressed name at the start of `octets`, its root octet included; 0 when a
// label exceeds 63 octets or is a pointer, the name exceeds 255, or the octets end before it does.
// Reads no octet beyond `available`.
inline size_t dns_name_length(const uint8_t* octets, size_t available) {
  const size_t end = available < kDnsMaxName ? available : kDnsMaxName;
  size_t at = 0;
  while (at < end) {
    const uint32_t label = octets[at];
    // One comparison for both: the root, which is 0, and what is too long.
    if (label - 1 >= kDnsMaxLabel) return label == 0 ? at + 1 : 0;
    at += label + 1;
  }
  return 0;
}

// Master-file text (RFC 1035 5.1, escapes \X and \DDD) to an uncompressed wire name. The final dot
// may be missing: every name is absolute. Case is kept.
Result<std::string> dns_name_from_text(std::string_view text);
// The reverse, with the final dot; octets that would be read otherwise are escaped.
// REQUIRES: a well-formed uncompressed wire name.
std::string dns_name_to_text(std::string_view wire_name);

// Appends big-endian fields to a string of octets.
class DnsWriter {
 public:
  void u8(uint8_t value) { octets_ += static_cast<char>(value); }
  void u16(uint16_t value);
  void u32(uint32_t value);
  void bytes(std::string_view value) { octets_ += value; }
  // A whole record of class IN whose owner is a compression pointer to `owner_offset` in the
  // message (RFC 1035 4.1.3, 4.1.4).
  void record(uint16_t owner_offset, DnsType type, uint32_t ttl_s, std::string_view rdata);

  const std::string& octets() const { return octets_; }

 private:
  std::string octets_;
};

// The ones-complement sum (RFC 1071) of octets that start at an even offset, folded to 16 bits, of
// words as they lie in memory: a host-order load of each pair. The sum at an odd offset is this one
// with its two bytes swapped.
uint16_t dns_octet_sum(std::string_view octets);

}  // namespace vipgate
