#include "common/dns_upstream_record.h"

#include <algorithm>

#include "common/addresses.h"
#include "common/byte_order.h"

namespace vipgate {
namespace {

constexpr uint8_t kLeastPointer = 0xc0;

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

// The data of a type that is made of names, and so many octets before and behind them.
struct NameForm {
  uint8_t before = 0;
  uint8_t names = 1;  // 0: it is no such type
  uint8_t behind = 0;
};

// Types whose names may be compressed, and SRV, whose name is, by some (RFC 3597 4).
NameForm form_of(uint16_t type) {
  switch (DnsType{type}) {
    case DnsType::kNs:
    case DnsType::kCname:
    case DnsType::kPtr:
    case DnsType::kDname:
      return {};
    case DnsType::kMx:
      return {.before = 2};
    case DnsType::kSrv:
      return {.before = kDnsSrvFixed};
    case DnsType::kSoa:
      return {.names = 2, .behind = 20};
    default:
      return {.names = 0};
  }
}

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

// The octets of the name at `at`, which is one, written in full.
size_t whole_length(const uint8_t* message, size_t length, size_t at) {
  size_t octets = 0;
  for (;;) {
    const DnsNamePiece piece = dns_name_piece(message, length, at);
    octets += piece.labels(at);
    if (piece.target == 0) return octets;
    at = piece.target;
  }
}

// Whether the name at `at`, which is one, is `name`, whatever the case of its letters (RFC 4343).
// They differ before either ends, if they do.
bool is_equal_name(const uint8_t* message, size_t length, size_t at, const uint8_t* name) {
  for (;;) {
    const DnsNamePiece piece = dns_name_piece(message, length, at);
    for (const size_t end = at + piece.labels(at); at < end; ++at, ++name) {
      if (dns_fold(message[at]) != dns_fold(*name)) return false;
    }
    if (piece.target == 0) return true;
    at = piece.target;
  }
}

// Whether two octets that might be taken for a pointer, from `at` to `behind`, lead to what stands
// from `begin` to `end`.
bool may_lead_between(const uint8_t* message, size_t at, size_t behind, size_t begin, size_t end) {
  for (; at + 1 < behind; ++at) {
    const size_t target = load<Be16>(message + at).host() & 0x3fff;
    if (message[at] >= kLeastPointer && target >= begin && target < end) return true;
  }
  return false;
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
    default:
      break;
  }
  const NameForm form = form_of(record.type);
  return form.names == 0 || is_of_form(message, record, known, form);
}

size_t dns_tail_at(const uint8_t* message, size_t length, size_t at,
                   std::span<const uint8_t> name) {
  const size_t octets = whole_length(message, length, at);
  if (octets > name.size()) return kDnsNoTail;
  size_t above = 0;
  while (above < name.size() - octets) above += name[above] + size_t{1};
  if (above != name.size() - octets) return kDnsNoTail;
  return is_equal_name(message, length, at, name.data() + above) ? above : kDnsNoTail;
}

uint16_t dns_turn_length(const uint8_t* message, const DnsAnswerFacts& answer, uint16_t type) {
  if (answer.answers < 2) return 0;
  const auto u16_of = [&](size_t at) { return load<Be16>(message + at).host(); };
  const size_t begin = answer.body_offset;
  const size_t body_end = begin + answer.body_length;
  const uint16_t data_length = u16_of(begin + kDnsRecordFixed - 2);
  const size_t each = kDnsRecordFixed + size_t{data_length};
  const size_t end = begin + answer.answers * each;
  if (each % 2 != 0 || end > body_end) return 0;
  const bool is_address = DnsType{type} == DnsType::kA || DnsType{type} == DnsType::kAaaa;
  for (size_t at = begin; at < end; at += each) {
    if (u16_of(at) != kDnsToQuestion || u16_of(at + 2) != type ||
        u16_of(at + kDnsRecordFixed - 2) != data_length) {
      return 0;
    }
    if (!is_address && may_lead_between(message, at + kDnsRecordFixed, at + each, begin, end)) {
      return 0;
    }
  }
  return may_lead_between(message, end, body_end, begin, end) ? 0 : static_cast<uint16_t>(each);
}

void dns_fold_own_names(const uint8_t* message, size_t name_length, const DnsAnswerFacts& answer,
                        uint8_t* body) {
  if (answer.body_offset != kDnsHeaderLength + name_length + 4) return;
  const std::span name(message + kDnsHeaderLength, name_length);
  // What somebody might take for a pointer has its octets as they are.
  if (std::any_of(name.begin(), name.end(), [](uint8_t octet) { return octet >= kLeastPointer; })) {
    return;
  }
  const size_t body_end = size_t{answer.body_offset} + answer.body_length;
  const auto fold = [&](size_t at) {
    const DnsNamePiece piece = dns_name_piece(message, body_end, at);
    if (dns_tail_at(message, body_end, at, name) == kDnsNoTail) return piece.end;
    for (const size_t end = at + piece.labels(at); at < end; ++at) {
      body[at - answer.body_offset] = dns_fold(message[at]);
    }
    return piece.end;
  };
  size_t at = answer.body_offset;
  for (uint16_t left = answer.ttl_count; left != 0; --left) {
    DnsUpstreamRecord record;
    if (!dns_read_record(message, body_end, at, record)) return;
    fold(record.owner);
    const NameForm form = form_of(record.type);
    size_t named = record.data + form.before;
    for (uint8_t i = 0; i < form.names; ++i) named = fold(named);
  }
}

}  // namespace vipgate
