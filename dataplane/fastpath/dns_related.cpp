#include "dataplane/fastpath/dns_related.h"

#include <algorithm>

#include "common/prefetch.h"
#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {
namespace {

// A name within a record's data, where it stands in the table and where in the reply.
struct Target {
  DnsFoldedName name;
  uint64_t hash;
  uint32_t length;
  uint32_t offset;  // in the reply
  const DnsEntry* candidate;
};

// Reads up to three octets beyond the name, which kDnsReadSlack allows in the table's bodies.
void set_target(const DnsTable& table, const uint8_t* name, uint32_t length, uint32_t offset,
                Target& target) {
  target.length = length;
  target.offset = offset;
  dns_fold_name(name, length, target.name);
  target.hash = table.hash(target.name, length);
}

// The same of a name in an entry's body: a short one is read with what follows it, as that many
// octets can be read behind every entry.
void set_target_of_entry(const DnsTable& table, const uint8_t* name, uint32_t length,
                         uint32_t offset, Target& target) {
  if (length > 64) [[unlikely]]
    return set_target(table, name, length, offset, target);
  target.length = length;
  target.offset = offset;
  uint64_t sum = 0;
  target.hash = table.fold(name, length, target.name, sum);
}

// Sections behind the question, written one RRset after the other.
class Writer {
 public:
  explicit Writer(const DnsParsed& parsed) : parsed_(parsed), at_(parsed.question_end) {}

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

// The name's own entry, or that of what covers it.
const DnsEntry* find_any_way(const DnsTable& table, const Target& target) {
  const DnsEntry* entry = target.candidate;
  if (entry != nullptr && DnsTable::is_name(*entry, target.name, target.length)) return entry;
  entry = table.find(target.hash, target.name, target.length);
  return entry != nullptr ? entry : table.resolve(target.name, target.length).entry;
}

// The distinct targets of the records, which stand behind `fixed` octets of their data; the first
// ones of the reply first.
int find_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                 uint32_t split, uint32_t fixed, Target* targets) {
  int count = 0;
  uint32_t from = split;
  for (uint32_t i = 0; i < body.count && count < kDnsMaxTargets; ++i) {
    const uint8_t* record = body.octets + from;
    const uint32_t data_length = load_be16(record + 10);
    // Where the record lies in the reply: those from `split` on come first.
    const uint32_t position = from >= split ? from - split : from + body.length - split;
    set_target_of_entry(table, record + kDnsRecordFixed + fixed, data_length - fixed,
                        parsed.question_end + position + kDnsRecordFixed + fixed, targets[count]);
    int same = 0;
    while (targets[same].hash != targets[count].hash) ++same;
    if (same == count) {
      table.prefetch(targets[count].hash);
      ++count;
    }
    from += kDnsRecordFixed + data_length;
    if (from == body.length) from = 0;
  }
  return count;
}

// The addresses of the name, whose RRsets stand in the order of their types.
[[gnu::always_inline]] inline void append_addresses(const DnsEntry& entry, uint32_t owner,
                                                    Writer& writer, DnsSections& sections) {
  if (!Writer::can_point_to(owner)) return;
  const DnsEntry::Rrset* rrset = entry.rrsets();
  const DnsEntry::Rrset* end = rrset + entry.rrset_count;
  const auto* octets = reinterpret_cast<const uint8_t*>(end);
  for (; rrset != end; octets += rrset->body_length, ++rrset) {
    if (rrset->type > DnsType::kAaaa) return;
    if (rrset->type != DnsType::kA && rrset->type != DnsType::kAaaa) continue;
    if (!writer.has_room(rrset->body_length)) continue;
    writer.append({octets, rrset->body_length, rrset->count, rrset->record_length, rrset->sum}, 0,
                  owner);
    sections.additionals = static_cast<uint16_t>(sections.additionals + rrset->count);
  }
}

// Of each type those of the client's view, `own`, else those of `entry`; either may be null.
void append_addresses(const DnsEntry* own, const DnsEntry* entry, uint32_t owner, Writer& writer,
                      DnsSections& sections) {
  for (const DnsType type : {DnsType::kA, DnsType::kAaaa}) {
    DnsBody body;
    const bool is_there =
        (own != nullptr && own->find(type, body)) || (entry != nullptr && entry->find(type, body));
    if (!is_there || !writer.has_room(body.length)) continue;
    if (!Writer::can_point_to(owner)) continue;
    writer.append(body, 0, owner);
    sections.additionals = static_cast<uint16_t>(sections.additionals + body.count);
  }
}

// The SOA of the zone that holds `target` in the authority section. SERVFAIL when the zone may have
// the target without knowing it yet.
DnsReply finish_negative(const DnsParsed& parsed, const DnsFinding& found, const Target& target,
                         Writer& writer, DnsSections& sections) {
  const DnsZone& zone = *found.zone;
  if (found.is_incomplete) {
    return finish_error(parsed, DnsRcode::kServFail, DnsVerdict::kServfail);
  }
  const DnsVerdict verdict = found.entry == nullptr ? DnsVerdict::kNxdomain : DnsVerdict::kNodata;
  if (verdict == DnsVerdict::kNxdomain) sections.rcode = DnsRcode::kNxDomain;
  const DnsBody& soa = zone.soa_negative;
  if (!writer.has_room(soa.length)) return finish_truncated(parsed, sections.rcode);
  writer.append(soa, 0, target.offset + target.length - found.apex_length);
  sections.authorities = 1;
  return writer.finish(sections, verdict);
}

// One record, which is the usual number, for a client without a view of its own.
// REQUIRES: there is room for it.
DnsReply answer_one_target(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body) {
  const uint32_t before = kDnsRecordFixed + (parsed.type == DnsType::kSrv ? kDnsSrvFixed : 0);
  Target target;
  set_target_of_entry(table, body.octets + before, body.length - before,
                      parsed.question_end + before, target);
  target.candidate = table.candidate(target.hash);
  Writer writer(parsed);
  DnsSections sections;
  sections.answers = 1;
  writer.append_one(body, kDnsHeaderLength);
  if (const DnsEntry* entry = find_any_way(table, target); entry != nullptr) [[likely]] {
    append_addresses(*entry, target.offset, writer, sections);
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
}

}  // namespace

DnsReply dns_answer_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                            uint32_t rotation) {
  Writer writer(parsed);
  if (!writer.has_room(body.length)) return finish_truncated(parsed, DnsRcode::kNoError);
  if (body.count == 1 && parsed.view == nullptr) return answer_one_target(table, parsed, body);
  // In stages, as for a burst: hashes and buckets, then entries, then the answer.
  Target targets[kDnsMaxTargets];
  const uint32_t fixed = parsed.type == DnsType::kSrv ? kDnsSrvFixed : 0;
  const int count = find_targets(table, parsed, body, split_of(body, rotation), fixed, targets);
  for (int i = 0; i < count; ++i) {
    targets[i].candidate = table.candidate(targets[i].hash);
    prefetch_line(targets[i].candidate);
  }
  DnsSections sections;
  sections.answers = body.count;
  writer.append(body, rotation, kDnsHeaderLength);
  for (int i = 0; i < count; ++i) {
    const Target& target = targets[i];
    const DnsEntry* entry = find_any_way(table, target);
    const DnsEntry* own = dns_find_in_view(parsed, target.hash, target.name, target.length);
    append_addresses(own, entry, target.offset, writer, sections);
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
}

DnsReply dns_answer_alias(const DnsTable& table, const DnsParsed& parsed, const DnsBody& alias,
                          uint32_t rotation) {
  Writer writer(parsed);
  DnsSections sections;
  DnsBody body = alias;
  uint32_t owner = kDnsHeaderLength;
  Target target;
  uint64_t seen[kDnsMaxTargets];  // the hashes of the names whose records are written
  target.hash = parsed.hash;
  for (int i = 0; i < kDnsMaxTargets; ++i) {
    seen[i] = target.hash;
    // A name has one CNAME record (RFC 1034 3.6.2): should it have more, the first one counts.
    const uint32_t data_length = load_be16(body.octets + 10);
    const uint32_t length = kDnsRecordFixed + data_length;
    const DnsBody one = {body.octets, static_cast<uint16_t>(length), 1, 0,
                         ones_fold(ones_sum(body.octets, length))};
    if (!writer.has_room(one.length)) return finish_truncated(parsed, DnsRcode::kNoError);
    set_target(table, one.octets + kDnsRecordFixed, data_length, writer.at() + kDnsRecordFixed,
               target);
    writer.append(one, 0, owner);
    ++sections.answers;
    // In a loop no record is told twice (RFC 2181 5).
    if (std::find(seen, seen + i + 1, target.hash) != seen + i + 1) break;
    owner = target.offset;
    const DnsEntry* own = dns_find_in_view(parsed, target.hash, target.name, target.length);
    if (own == nullptr || !own->find(parsed.type, body)) {
      if (own != nullptr && own->find(DnsType::kCname, body)) continue;
      DnsFinding found;
      found.entry = table.find(target.hash, target.name, target.length);
      if (found.entry == nullptr) {
        found = table.resolve(target.name, target.length);
        if (found.zone == nullptr) break;
        if (found.entry == nullptr) {
          // The view may have the name, with other types.
          if (own != nullptr) found = {own, found.zone, found.apex_length, false};
          return finish_negative(parsed, found, target, writer, sections);
        }
      }
      const DnsEntry& entry = *found.entry;
      const DnsZone& zone = table.zones()[entry.zone];
      if (entry.is_apex != 0 && parsed.type == DnsType::kSoa) {
        body = zone.soa_answer;
      } else if (!entry.find(parsed.type, body)) {
        if (entry.find(DnsType::kCname, body)) continue;
        if (found.zone == nullptr) {
          found.zone = &zone;
          found.apex_length = static_cast<uint32_t>(zone.name.size());
        }
        found.is_incomplete = zone.is_incomplete && !entry.has_records();
        return finish_negative(parsed, found, target, writer, sections);
      }
    }
    if (!writer.has_room(body.length)) return finish_truncated(parsed, DnsRcode::kNoError);
    writer.append(body, rotation, owner);
    sections.answers = static_cast<uint16_t>(sections.answers + body.count);
    break;
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
}

DnsReply dns_answer_all(const DnsTable& table, const DnsParsed& parsed, const DnsEntry& entry,
                        uint32_t rotation) {
  Writer writer(parsed);
  DnsSections sections;
  const auto append = [&](const DnsBody& body) {
    if (!writer.has_room(body.length)) return;
    writer.append(body, rotation, kDnsHeaderLength);
    sections.answers = static_cast<uint16_t>(sections.answers + body.count);
  };
  if (entry.is_apex != 0) append(table.zones()[entry.zone].soa_answer);
  DnsBody body;
  for (int i = 0; i < entry.rrset_count; ++i) {
    if (entry.find(entry.rrsets()[i].type, body)) append(body);
  }
  if (sections.answers == 0) return finish_truncated(parsed, DnsRcode::kNoError);
  return writer.finish(sections, DnsVerdict::kAnswer);
}

}  // namespace vipgate
