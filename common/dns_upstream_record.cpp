#include "common/dns_upstream_record.h"

#include <algorithm>

#include "common/addresses.h"
#include "common/byte_order.h"

namespace vipgate {
namespace {

// Whether the octets from `begin` on, to `end`, are told on as they are: TTLs count down.
bool is_told_as_it_is(const DnsKnownTtls& known, size_t begin, size_t end) {
  // The first one that ends behind `begin`.
  const auto ttl = std::upper_bound(
      known.ttls.begin(), known.ttls.end(), begin, [&](size_t at, const DnsTtl& earlier) {
        return at < known.body_offset + earlier.offset + sizeof earlier.seconds;
      });
  return ttl == known.ttls.end() || known.body_offset + ttl->offset >= end;
}

// Whether the name at `at`, with all that its pointers lead to before `end`, is one. Each pointer
// leads to before the piece that it ends, so that this ends too.
bool is_name(const uint8_t* message, size_t end, size_t at, const DnsKnownTtls& known) {
  for (size_t octets = 0;;) {
    const DnsNamePiece piece = dns_name_piece(message, end, at);
    if (piece.end == 0 || !is_told_as_it_is(known, at, piece.end)) return false;
    octets += piece.labels(at);
    if (octets > kDnsMaxName) return false;
    if (piece.target == 0) return true;
    at = piece.target;
  }
}

// What the data of a type are: names, and so many octets before and behind them.
struct NameForm {
  uint8_t before = 0;
  uint8_t names = 1;
  uint8_t behind = 0;
};

bool is_of_form(const uint8_t* message, const DnsUpstreamRecord& record, const DnsKnownTtls& known,
                const NameForm& form) {
  const size_t end = record.data + record.data_length;
  size_t at = record.data + form.before;
  for (uint8_t i = 0; i < form.names; ++i) {
    if (at >= end || !is_name(message, end, at, known)) return false;
    at = dns_name_piece(message, end, at).end;
  }
  return at + form.behind == end;
}

// Character-strings, one at least, to the end of the data (RFC 1035 3.3.14).
bool are_whole_strings(const uint8_t* data, size_t length) {
  size_t at = 0;
  while (at < length) at += data[at] + size_t{1};
  return length != 0 && at == length;
}

}  // namespace

bool dns_read_record(const uint8_t* message, size_t length, size_t& at, DnsUpstreamRecord& record) {
  constexpr size_t kFixed = 10;
  const size_t fixed = dns_name_piece(message, length, at).end;
  if (fixed == 0 || fixed + kFixed > length) return false;
  const auto u16_behind = [&](size_t offset) {
    return load<Be16>(message + fixed + offset).host();
  };
  record.owner = at;
  record.type = u16_behind(0);
  record.dns_class = u16_behind(2);
  record.ttl = fixed + 4;
  record.ttl_s = load<Be32>(message + fixed + 4).host();
  // With the top bit set it is 0 (RFC 2181 8).
  if (record.ttl_s >> 31 != 0) record.ttl_s = 0;
  record.data_length = u16_behind(8);
  record.data = fixed + kFixed;
  at = record.data + record.data_length;
  return at <= length;
}

bool dns_is_whole_record(const uint8_t* message, const DnsUpstreamRecord& record,
                         const DnsKnownTtls& known) {
  // What is behind an owner is its type.
  if (!is_name(message, record.ttl - 4, record.owner, known)) return false;
  switch (DnsType{record.type}) {
    case DnsType::kA:
      return record.data_length == sizeof(Ipv4Address);
    case DnsType::kAaaa:
      return record.data_length == sizeof(Ipv6Address);
    case DnsType::kTxt:
      return are_whole_strings(message + record.data, record.data_length);
    // Types whose names may be compressed, and SRV, whose name is, by some (RFC 3597 4).
    case DnsType::kNs:
    case DnsType::kCname:
    case DnsType::kPtr:
    case DnsType::kDname:
      return is_of_form(message, record, known, {});
    case DnsType::kMx:
      return is_of_form(message, record, known, {.before = 2});
    case DnsType::kSrv:
      return is_of_form(message, record, known, {.before = kDnsSrvFixed});
    case DnsType::kSoa:
      return is_of_form(message, record, known, {.names = 2, .behind = 20});
    default:
      return true;
  }
}

}  // namespace vipgate
