#include "dataplane/fastpath/dns_tsig.h"

#include <array>
#include <cstring>

#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {
namespace {

constexpr uint32_t kRecordHead = 10;  // type, class, TTL, data length
constexpr uint32_t kTimeAndFudge = 8;
// Time and fudge, MAC size, original id, error, length of other data (RFC 8945 4.2).
constexpr uint32_t kTsigFixed = kTimeAndFudge + 8;
constexpr uint16_t kBadKey = 17;

struct TsigRecord {
  std::array<uint8_t, kDnsMaxName + kRecordHead + kDnsMaxName + kTsigFixed> octets;
  uint32_t length = 0;

  void append(const void* from, uint32_t count) {
    std::memcpy(octets.data() + length, from, count);
    length += count;
  }
  void u16(uint16_t value) {
    const Be16 stored(value);
    append(&stored, sizeof stored);
  }
};

// Appends the name at `at` without pointers. Returns the offset behind it; 0: it is too long or
// broken.
uint32_t copy_name(const DnsQuery& query, uint32_t at, TsigRecord& record) {
  const uint32_t start = record.length;
  uint32_t behind = 0;
  while (true) {
    const DnsNamePiece piece = dns_name_piece(query.message, query.length, at);
    if (piece.end == 0) return 0;
    if (behind == 0) behind = static_cast<uint32_t>(piece.end);
    const uint32_t labels = piece.labels(at);
    if (record.length - start + labels > kDnsMaxName) return 0;
    record.append(query.message + at, labels);
    if (piece.target == 0) return behind;
    at = static_cast<uint32_t>(piece.target);
  }
}

// The record of the reply, from the one at parsed.tsig. False: that one is malformed.
bool make_record(const DnsParsed& parsed, TsigRecord& record) {
  const DnsQuery& query = parsed.query;
  const uint32_t head = copy_name(query, parsed.tsig, record);
  if (head == 0) return false;
  // Where the record ends has been checked.
  const uint32_t data = head + kRecordHead;
  const uint32_t end = data + load_be16(query.message + data - 2);
  const auto algorithm = static_cast<uint32_t>(dns_name_length(query.message + data, end - data));
  const uint32_t fixed = data + algorithm;
  if (algorithm == 0 || fixed + kTsigFixed > end) return false;
  const uint32_t mac = load_be16(query.message + fixed + kTimeAndFudge);
  if (fixed + kTsigFixed + mac > end) return false;
  const uint8_t* const id = query.message + fixed + kTimeAndFudge + 2 + mac;
  if (fixed + kTsigFixed + mac + load_be16(id + 4) != end) return false;
  record.append(query.message + head, 8);  // type, class, TTL
  record.u16(static_cast<uint16_t>(algorithm + kTsigFixed));
  record.append(query.message + data, algorithm + kTimeAndFudge);
  record.u16(0);  // no MAC
  record.append(id, 2);
  record.u16(kBadKey);
  record.u16(0);  // no other data
  return true;
}

}  // namespace

DnsReply dns_answer_tsig(const DnsParsed& parsed) {
  TsigRecord record;
  if (!make_record(parsed, record)) {
    return finish_error(parsed, DnsRcode::kFormErr, DnsVerdict::kFormerr);
  }
  const DnsReply reply = finish_error(parsed, DnsRcode::kNotAuth, DnsVerdict::kNotauth);
  const uint32_t length = reply.length + record.length;
  // A reply without it says enough to whoever has such long names.
  if (length > std::min(parsed.limit, parsed.query.capacity)) return reply;
  uint8_t* message = parsed.query.message;
  std::memcpy(message + reply.length, record.octets.data(), record.length);
  const Be16 additionals(static_cast<uint16_t>(1 + parsed.has_opt));
  std::memcpy(message + 10, &additionals, sizeof additionals);
  return make_reply(length, ones_fold(ones_sum(message, length)), DnsVerdict::kNotauth);
}

}  // namespace vipgate
