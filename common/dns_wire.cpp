#include "common/dns_wire.h"

#include <algorithm>
#include <cstring>

#include "common/ascii.h"
#include "common/byte_order.h"
#include "common/checksum.h"

namespace vipgate {
namespace {

constexpr uint8_t kPointer = 0xc0;  // what begins with these two bits is one
constexpr uint16_t kPointerTarget = 0x3fff;

// Reads the character at `at`, which may be an escape, and moves past it. -1: a broken escape.
int read_octet(std::string_view text, size_t& at) {
  if (text[at] != '\\') return static_cast<uint8_t>(text[at++]);
  if (at + 1 >= text.size()) return -1;
  if (!is_digit(text[at + 1])) {
    at += 2;
    return static_cast<uint8_t>(text[at - 1]);
  }
  if (at + 3 >= text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) return -1;
  const int value = (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
  at += 4;
  return value <= 255 ? value : -1;
}

}  // namespace

std::string dns_fold(std::string_view wire_name) {
  std::string folded(wire_name);
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](char c) { return static_cast<char>(dns_fold(static_cast<uint8_t>(c))); });
  return folded;
}

Result<std::string> dns_name_from_text(std::string_view text) {
  const auto wrong = [&](const char* why) {
    return Error{"'" + std::string(text) + "' is not a domain name: " + why};
  };
  if (text == ".") return std::string(1, '\0');
  if (text.empty()) return wrong("it is empty");
  std::string wire;
  std::string label;
  const auto finish_label = [&] {
    wire += static_cast<char>(label.size());
    wire += label;
    label.clear();
  };
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      if (label.empty()) return wrong("it has an empty label");
      finish_label();
      ++at;
      continue;
    }
    const int octet = read_octet(text, at);
    if (octet < 0) return wrong("a backslash is followed by one character or by 000 to 255");
    if (label.size() == kDnsMaxLabel) return wrong("a label has at most 63 octets");
    label += static_cast<char>(octet);
  }
  if (!label.empty()) finish_label();
  wire += '\0';
  if (wire.size() > kDnsMaxName) return wrong("it exceeds 255 octets on the wire");
  return wire;
}

std::string dns_name_to_text(std::string_view wire_name) {
  if (wire_name.size() <= 1) return ".";
  std::string text;
  for (size_t at = 0; at < wire_name.size() && wire_name[at] != 0;) {
    const size_t end = std::min(wire_name.size(), at + 1 + static_cast<uint8_t>(wire_name[at]));
    for (++at; at < end; ++at) {
      const auto octet = static_cast<uint8_t>(wire_name[at]);
      if (octet <= 0x20 || octet >= 0x7f) {
        text += '\\';
        text += static_cast<char>('0' + octet / 100);
        text += static_cast<char>('0' + octet / 10 % 10);
        text += static_cast<char>('0' + octet % 10);
        continue;
      }
      if (std::strchr(".\\\"();@$", octet) != nullptr) text += '\\';
      text += static_cast<char>(octet);
    }
    text += '.';
  }
  return text;
}

void DnsWriter::u16(uint16_t value) {
  u8(static_cast<uint8_t>(value >> 8));
  u8(static_cast<uint8_t>(value));
}

void DnsWriter::u32(uint32_t value) {
  u16(static_cast<uint16_t>(value >> 16));
  u16(static_cast<uint16_t>(value));
}

void DnsWriter::record(uint16_t owner_offset, DnsType type, uint32_t ttl_s,
                       std::string_view rdata) {
  u16(static_cast<uint16_t>(0xc000 | owner_offset));
  u16(static_cast<uint16_t>(type));
  u16(static_cast<uint16_t>(DnsClass::kIn));
  u32(ttl_s);
  u16(static_cast<uint16_t>(rdata.size()));
  bytes(rdata);
}

uint16_t dns_octet_sum(std::string_view octets) {
  return ones_fold(ones_sum(octets.data(), octets.size()));
}

DnsNamePiece dns_name_piece(const uint8_t* message, size_t length, size_t at) {
  const size_t start = at;
  while (at < length) {
    const uint8_t label = message[at];
    if (label == 0) return {at + 1, 0};
    if (label >= kPointer) {
      if (at + 2 > length) return {};
      const size_t target = load<Be16>(message + at).host() & kPointerTarget;
      if (target < kDnsHeaderLength || target >= start) return {};
      return {at + 2, target};
    }
    if (label > kDnsMaxLabel) return {};
    at += label + 1u;
    if (at - start >= kDnsMaxName) return {};
  }
  return {};
}

}  // namespace vipgate
