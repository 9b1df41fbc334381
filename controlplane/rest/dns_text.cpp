#include "controlplane/rest/dns_text.h"

#include <array>
#include <charconv>
#include <utility>

#include "common/addresses.h"

namespace vipgate {
namespace {

using Octets = std::span<const uint8_t>;

constexpr std::pair<DnsType, std::string_view> kDnsTypeNames[] = {
    {DnsType::kA, "A"},       {DnsType::kNs, "NS"},     {DnsType::kCname, "CNAME"},
    {DnsType::kSoa, "SOA"},   {DnsType::kPtr, "PTR"},   {DnsType::kMx, "MX"},
    {DnsType::kTxt, "TXT"},   {DnsType::kAaaa, "AAAA"}, {DnsType::kSrv, "SRV"},
    {DnsType::kOpt, "OPT"},   {DnsType::kTsig, "TSIG"}, {DnsType::kIxfr, "IXFR"},
    {DnsType::kAxfr, "AXFR"}, {DnsType::kAny, "ANY"},
};
constexpr std::pair<DnsRcode, std::string_view> kDnsRcodeNames[] = {
    {DnsRcode::kNoError, "NOERROR"},   {DnsRcode::kFormErr, "FORMERR"},
    {DnsRcode::kServFail, "SERVFAIL"}, {DnsRcode::kNxDomain, "NXDOMAIN"},
    {DnsRcode::kNotImp, "NOTIMP"},     {DnsRcode::kRefused, "REFUSED"},
    {DnsRcode::kNotAuth, "NOTAUTH"},   {DnsRcode::kBadVers, "BADVERS"},
};
constexpr std::pair<uint16_t, std::string_view> kDnsFlagNames[] = {
    {DnsHeader::kAuthoritative, "aa"},    {DnsHeader::kTruncated, "tc"},
    {DnsHeader::kRecursionDesired, "rd"}, {DnsHeader::kRecursionAvailable, "ra"},
    {DnsHeader::kAuthenticData, "ad"},    {DnsHeader::kCheckingDisabled, "cd"},
};

// Reads on in a message; once something was not there, nothing is.
class DnsCursor {
 public:
  DnsCursor(Octets message, size_t at, size_t end) : message_(message), at_(at), end_(end) {}

  bool is_good() const { return is_good_; }
  bool is_at_end() const { return is_good_ && at_ == end_; }
  size_t at() const { return at_; }

  uint32_t number(size_t octets) {
    uint32_t value = 0;
    for (const uint8_t octet : take(octets)) value = value << 8 | octet;
    return value;
  }

  Octets take(size_t length) {
    is_good_ = is_good_ && end_ - at_ >= length;
    if (!is_good_) return {};
    at_ += length;
    return message_.subspan(at_ - length, length);
  }

  // With all that it refers to, as text.
  std::string name() {
    std::string wire;
    for (size_t at = at_, end = 0; is_good_;) {
      const DnsNamePiece piece = dns_name_piece(message_.data(), message_.size(), at);
      is_good_ = piece.end != 0 && wire.size() + piece.labels(at) <= kDnsMaxName;
      if (!is_good_) break;
      wire.append(reinterpret_cast<const char*>(message_.data()) + at, piece.labels(at));
      if (end == 0) end = piece.end;
      at = piece.target;
      if (at != 0) continue;
      is_good_ = end <= end_;
      at_ = end;
      break;
    }
    return is_good_ ? dns_name_to_text(wire) : "";
  }

 private:
  Octets message_;
  size_t at_;
  size_t end_;
  bool is_good_ = true;
};

// A character string in quotes (RFC 1035 5.1).
std::string quoted_text(Octets octets) {
  std::string text = "\"";
  for (const uint8_t octet : octets) {
    if (octet < 0x20 || octet >= 0x7f) {
      text += {'\\', static_cast<char>('0' + octet / 100), static_cast<char>('0' + octet / 10 % 10),
               static_cast<char>('0' + octet % 10)};
      continue;
    }
    if (octet == '"' || octet == '\\') text += '\\';
    text += static_cast<char>(octet);
  }
  return text + "\"";
}

// The fields of the data that are numbers of so many octets, with a space behind each.
std::string numbers_text(DnsCursor& cursor, size_t count, size_t octets) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += std::to_string(cursor.number(octets)) + " ";
  return text;
}

std::string known_data_text(DnsType type, DnsCursor& cursor) {
  switch (type) {
    case DnsType::kA:
      if (const Octets octets = cursor.take(4); cursor.is_good()) {
        return to_string(IpAddress(load<Ipv4Address>(octets.data())));
      }
      return {};
    case DnsType::kAaaa:
      if (const Octets octets = cursor.take(16); cursor.is_good()) {
        return to_string(IpAddress(load<Ipv6Address>(octets.data())));
      }
      return {};
    case DnsType::kNs:
    case DnsType::kCname:
    case DnsType::kPtr:
      return cursor.name();
    case DnsType::kMx: {
      const std::string preference = numbers_text(cursor, 1, 2);
      return preference + cursor.name();
    }
    case DnsType::kSrv: {
      const std::string numbers = numbers_text(cursor, 3, 2);
      return numbers + cursor.name();
    }
    case DnsType::kSoa: {
      std::string text = cursor.name() + " ";
      text += cursor.name() + " ";
      text += numbers_text(cursor, 5, 4);
      text.pop_back();
      return text;
    }
    case DnsType::kTxt: {
      std::string text;
      while (cursor.is_good() && !cursor.is_at_end()) {
        const Octets octets = cursor.take(cursor.number(1));
        text += (text.empty() ? "" : " ") + quoted_text(octets);
      }
      return text;
    }
    default:
      return {};
  }
}

bool read_records(DnsCursor& cursor, Octets message, size_t count,
                  std::vector<DnsRecordText>& records) {
  for (size_t i = 0; i < count; ++i) {
    DnsRecordText record;
    record.name = cursor.name();
    const DnsType type{static_cast<uint16_t>(cursor.number(2))};
    cursor.number(2);  // the class
    record.ttl_s = cursor.number(4);
    const size_t length = cursor.number(2);
    const size_t at = cursor.at();
    cursor.take(length);
    if (!cursor.is_good()) return false;
    if (type == DnsType::kOpt) continue;
    record.type = dns_type_text(type);
    record.data = dns_data_text(type, message, at, length);
    records.push_back(std::move(record));
  }
  return true;
}

}  // namespace

std::string dns_type_text(DnsType type) {
  for (const auto& [known, name] : kDnsTypeNames) {
    if (known == type) return std::string(name);
  }
  return "TYPE" + std::to_string(static_cast<uint16_t>(type));
}

std::optional<DnsType> dns_type_from_text(std::string_view text) {
  // Folding leaves digits as they are.
  const std::string folded = dns_fold(text);
  for (const auto& [type, name] : kDnsTypeNames) {
    if (dns_fold(name) == folded) return type;
  }
  constexpr std::string_view kGeneric = "type";
  if (!folded.starts_with(kGeneric)) return std::nullopt;
  uint16_t number = 0;
  const char* end = folded.data() + folded.size();
  const auto read = std::from_chars(folded.data() + kGeneric.size(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return DnsType{number};
}

std::string dns_rcode_text(uint16_t rcode) {
  for (const auto& [known, name] : kDnsRcodeNames) {
    if (static_cast<uint16_t>(known) == rcode) return std::string(name);
  }
  return "RCODE" + std::to_string(rcode);
}

std::string dns_hex_text(std::span<const uint8_t> octets) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t octet : octets) text += {kDigits[octet >> 4], kDigits[octet & 15]};
  return text;
}

std::string dns_data_text(DnsType type, std::span<const uint8_t> message, size_t at,
                          size_t length) {
  DnsCursor cursor(message, at, at + length);
  std::string text = known_data_text(type, cursor);
  if (cursor.is_at_end() && !text.empty()) return text;
  return "\\# " + std::to_string(length) + (length == 0 ? "" : " ") +
         dns_hex_text(message.subspan(at, length));
}

std::string dns_data_text(DnsType type, std::string_view data) {
  const auto* octets = reinterpret_cast<const uint8_t*>(data.data());
  return dns_data_text(type, {octets, data.size()}, 0, data.size());
}

std::optional<DnsMessageText> dns_read_message(std::span<const uint8_t> message) {
  DnsCursor cursor(message, 0, message.size());
  cursor.number(2);  // the id
  const auto flags = static_cast<uint16_t>(cursor.number(2));
  std::array<size_t, 4> counts{};
  for (size_t& count : counts) count = cursor.number(2);
  if (counts[0] > 1) return std::nullopt;
  if (counts[0] == 1) {
    cursor.name();
    cursor.take(4);
  }
  DnsMessageText text;
  if (!cursor.is_good() || !read_records(cursor, message, counts[1], text.answer) ||
      !read_records(cursor, message, counts[2], text.authority) ||
      !read_records(cursor, message, counts[3], text.additional) || !cursor.is_at_end()) {
    return std::nullopt;
  }
  text.rcode = dns_rcode_text(flags & DnsHeader::kRcodeMask);
  for (const auto& [flag, name] : kDnsFlagNames) {
    if ((flags & flag) != 0) text.flags.emplace_back(name);
  }
  return text;
}

}  // namespace vipgate
