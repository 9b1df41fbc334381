// A reply's sections, written one RRset after the other, and the names that lead from one to the
// next: what dns_related.cpp and dns_alias.cpp share.
#pragma once

#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {

// A name within a record's data, where it stands in the table and where in the reply.
struct DnsTarget {
  DnsFoldedName name;
  uint64_t hash;
  uint32_t length;
  uint32_t offset;  // in the reply
  const DnsEntry* candidate;
};

// Reads up to three octets beyond the name, which kDnsReadSlack allows in the table's bodies.
inline void dns_set_target(const DnsTable& table, const uint8_t* name, uint32_t length,
                           uint32_t offset, DnsTarget& target) {
  target.length = length;
  target.offset = offset;
  dns_fold_name(name, length, target.name);
  target.hash = table.hash(target.name, length);
}

// The same of a name in an entry's body: a short one is read with what follows it, as that many
// octets can be read behind every entry.
inline void dns_set_target_of_entry(const DnsTable& table, const uint8_t* name, uint32_t length,
                                    uint32_t offset, DnsTarget& target) {
  if (length > 64) [[unlikely]]
    return dns_set_target(table, name, length, offset, target);
  target.length = length;
  target.offset = offset;
  uint64_t sum = 0;
  target.hash = table.fold(name, length, target.name, sum);
}

// Sections behind the question, written one RRset after the other.
class DnsReplyWriter {
 public:
  explicit DnsReplyWriter(const DnsParsed& parsed) : parsed_(parsed), at_(parsed.question_end) {}

  uint32_t at() const { return at_; }
  bool has_room(uint32_t length) const {
    return total_length(parsed_, at_ - parsed_.question_end + length) <= parsed_.limit;
  }

  // Whether a pointer can lead to that offset of the reply (RFC 1035 4.1.4: 14 bits).
  static bool can_point_to(uint32_t offset) { return offset < 0x4000; }

  // All records of the body, whose owner is the name at offset `owner` of the reply.
  // REQUIRES: has_room(body.length), can_point_to(owner)
  void append(const DnsBody& body, uint32_t rotation, uint32_t owner) {
    if (body.count == 1) [[likely]]
      return append_one(body, owner);
    uint8_t* const to = parsed_.query.message + at_;
    copy_rotated(to, body, split_of(body, rotation),
                 parsed_.query.message + parsed_.query.capacity);
    const Be16 pointer(static_cast<uint16_t>(0xc000 | owner));
    uint32_t at = 0;
    for (uint32_t i = 0; i < body.count; ++i) {
      std::memcpy(to + at, &pointer, sizeof pointer);
      at += kDnsRecordFixed + load_be16(to + at + 10);
    }
    add(body.length, ones_sum(to, body.length));
  }
  // The same of a body that has one record: the table knows the sum, only the owner's pointer is
  // another.
  void append_one(const DnsBody& body, uint32_t owner) {
    uint8_t* const to = parsed_.query.message + at_;
    copy_body(to, body.octets, body.length, parsed_.query.message + parsed_.query.capacity);
    const auto pointer = static_cast<uint16_t>(swap16(0xc000 | owner));
    const auto replaced = static_cast<uint16_t>(~load<uint16_t>(body.octets));
    std::memcpy(to, &pointer, sizeof pointer);
    add(body.length, uint64_t{body.sum} + replaced + pointer);
  }

  DnsReply finish(DnsSections& sections, DnsVerdict verdict) const {
    sections.flags = DnsHeader::kAuthoritative;
    sections.body_length = at_ - parsed_.question_end;
    sections.body_sum = ones_fold(sum_);
    return finish_reply<true>(parsed_, sections, verdict);
  }

 private:
  void add(uint32_t length, uint64_t sum) {
    sum_ = checksum_detail::add_carry(sum_, at_parity(sum, at_ - parsed_.question_end));
    at_ += length;
  }

  const DnsParsed& parsed_;
  uint32_t at_;
  uint64_t sum_ = 0;  // of what is written, as if it began at an even offset
};

}  // namespace vipgate
