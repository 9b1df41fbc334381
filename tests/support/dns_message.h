// A DNS message builder and a strict, independent parser for tests: shares no code with the
// product, and takes nothing for granted about what it reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vipgate::test {

inline std::string be16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string be32(unsigned long value) {
  return be16(static_cast<unsigned>(value >> 16)) + be16(static_cast<unsigned>(value & 0xffff));
}
// "a.b" as labels with the root; no escapes.
inline std::string wire_name(std::string_view text) {
  std::string wire;
  while (!text.empty()) {
    const size_t dot = std::min(text.find('.'), text.size());
    wire += static_cast<char>(dot);
    wire += text.substr(0, dot);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return wire + '\0';
}

inline constexpr unsigned kTestId = 0xbeef;

inline std::string dns_header(unsigned flags, unsigned qd, unsigned an = 0, unsigned ns = 0,
                              unsigned ar = 0, unsigned id = kTestId) {
  return be16(id) + be16(flags) + be16(qd) + be16(an) + be16(ns) + be16(ar);
}
inline std::string dns_question(std::string_view wire, unsigned type, unsigned dns_class = 1) {
  return std::string(wire) + be16(type) + be16(dns_class);
}
inline std::string dns_option(unsigned code, std::string_view data) {
  return be16(code) + be16(static_cast<unsigned>(data.size())) + std::string(data);
}
inline std::string dns_opt(unsigned size, unsigned long ttl = 0, std::string_view options = {}) {
  return std::string(1, '\0') + be16(41) + be16(size) + be32(ttl) +
         be16(static_cast<unsigned>(options.size())) + std::string(options);
}
inline std::string dns_record(std::string_view owner, unsigned type, std::string_view rdata) {
  return std::string(owner) + be16(type) + be16(1) + be32(60) +
         be16(static_cast<unsigned>(rdata.size())) + std::string(rdata);
}
// A query for "name", RD=1.
inline std::string dns_query(std::string_view name, unsigned type) {
  return dns_header(0x0100, 1) + dns_question(wire_name(name), type);
}

struct ParsedRecord {
  std::string owner;  // dotted, case as it stands
  unsigned type = 0;
  unsigned dns_class = 0;
  unsigned long ttl = 0;
  std::string rdata;
};

struct ParsedMessage {
  unsigned id = 0;
  unsigned flags = 0;
  unsigned questions = 0;
  std::string question;  // the octets of it
  std::vector<ParsedRecord> answers;
  std::vector<ParsedRecord> authorities;
  std::vector<ParsedRecord> additionals;  // the OPT left out
  std::optional<ParsedRecord> opt;

  unsigned opcode() const { return flags >> 11 & 15; }
  unsigned rcode() const {
    return (flags & 15) | (opt ? static_cast<unsigned>(opt->ttl >> 24) << 4 : 0);
  }
  bool aa() const { return (flags & 0x0400) != 0; }
  bool tc() const { return (flags & 0x0200) != 0; }
  bool rd() const { return (flags & 0x0100) != 0; }
};

// Nothing when the message is not exactly one well-formed message without octets left over.
class DnsMessageParser {
 public:
  explicit DnsMessageParser(std::string_view octets) : octets_(octets) {}

  std::optional<ParsedMessage> parse() {
    ParsedMessage message;
    if (octets_.size() < 12) return std::nullopt;
    message.id = u16();
    message.flags = u16();
    message.questions = u16();
    const unsigned counts[3] = {u16(), u16(), u16()};
    const size_t start = at_;
    for (unsigned i = 0; i < message.questions; ++i) {
      name();
      u16();
      u16();
    }
    if (bad_) return std::nullopt;
    message.question = std::string(octets_.substr(start, at_ - start));
    std::vector<ParsedRecord>* sections[3] = {&message.answers, &message.authorities,
                                              &message.additionals};
    for (int section = 0; section < 3; ++section) {
      for (unsigned i = 0; i < counts[section] && !bad_; ++i) {
        ParsedRecord record = read_record();
        if (record.type != 41) {
          sections[section]->push_back(record);
        } else if (section != 2 || message.opt || !record.owner.empty()) {
          bad_ = true;
        } else {
          message.opt = record;
        }
      }
    }
    if (bad_ || at_ != octets_.size()) return std::nullopt;
    return message;
  }

 private:
  unsigned u8() {
    if (at_ >= octets_.size()) {
      bad_ = true;
      return 0;
    }
    return static_cast<uint8_t>(octets_[at_++]);
  }
  unsigned u16() {
    const unsigned high = u8();
    return high << 8 | u8();
  }
  ParsedRecord read_record() {
    ParsedRecord record;
    record.owner = name();
    record.type = u16();
    record.dns_class = u16();
    const unsigned long high = u16();
    record.ttl = high << 16 | u16();
    const unsigned length = u16();
    if (at_ + length > octets_.size()) bad_ = true;
    if (!bad_) record.rdata = std::string(octets_.substr(at_, length));
    at_ += length;
    return record;
  }
  // Follows pointers to earlier octets only.
  std::string name() {
    std::string text;
    size_t resume = 0;
    for (int hops = 0; !bad_;) {
      const size_t here = at_;
      const unsigned length = u8();
      if (length == 0) break;
      if (length >= 0xc0) {
        const size_t target = (length & 0x3f) << 8 | u8();
        if (resume == 0) resume = at_;
        if (target >= here || target < 12 || ++hops > 127) bad_ = true;
        at_ = target;
        continue;
      }
      if (length > 63 || at_ + length > octets_.size()) bad_ = true;
      if (bad_) break;
      if (!text.empty()) text += '.';
      text += octets_.substr(at_, length);
      at_ += length;
    }
    if (resume != 0) at_ = resume;
    return text;
  }

  std::string_view octets_;
  size_t at_ = 0;
  bool bad_ = false;
};

inline std::optional<ParsedMessage> parse_dns(std::string_view octets) {
  return DnsMessageParser(octets).parse();
}

}  // namespace vipgate::test
