#include "dataplane/fastpath/dns_related.h"

#include <array>

#include "common/prefetch.h"
#include "dataplane/fastpath/dns_reply_writer.h"
#include "dataplane/fastpath/knobs.h"

namespace vipgate {
namespace {

// The name's own entry, or that of what covers it. `view`: see DnsTable::resolve().
const DnsEntry* find_target(const DnsTable& table, const DnsTarget& target, const DnsTable* view) {
  const DnsEntry* entry = target.candidate;
  if (entry != nullptr && DnsTable::is_name(*entry, target.name, target.length)) return entry;
  return table.find_any_way(target.hash, target.name, target.length, view);
}

// The octets before the name that a record of the type leads to.
uint32_t octets_before_target(DnsType type) {
  return kDnsRecordFixed + (type == DnsType::kSrv ? kDnsSrvFixed : 0);
}

// The targets of a reply's records, one by one, in the order of the reply.
class TargetWalk {
 public:
  // The records begin at offset `at` of the reply, the one that lies at `split` of the body first.
  TargetWalk(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body, uint32_t split,
             uint32_t at)
      : table_(table),
        octets_(body.octets),
        end_(body.length),
        before_(octets_before_target(parsed.type)),
        left_(body.count),
        from_(split),
        at_(at) {}

  // False: there are no more.
  bool next(DnsTarget& target) {
    if (left_ == 0) return false;
    const uint8_t* record = octets_ + from_;
    const uint32_t data_length = load_be16(record + 10);
    dns_set_target_of_entry(table_, record + before_, kDnsRecordFixed + data_length - before_,
                            at_ + before_, target);
    --left_;
    at_ += kDnsRecordFixed + data_length;
    from_ += kDnsRecordFixed + data_length;
    if (from_ == end_) from_ = 0;
    return true;
  }

 private:
  const DnsTable& table_;
  const uint8_t* octets_;
  uint32_t end_;     // of the body
  uint32_t before_;  // octets of a record before the name
  uint32_t left_;    // records
  uint32_t from_;    // of the body
  uint32_t at_;      // of the reply
};

// The first distinct targets, kDnsMaxTargets at most.
int find_targets(const DnsTable& table, TargetWalk walk, DnsTarget* targets) {
  int count = 0;
  while (count < kDnsMaxTargets && walk.next(targets[count])) {
    int same = 0;
    while (targets[same].hash != targets[count].hash) ++same;
    if (same != count) continue;
    table.prefetch(targets[count].hash);
    ++count;
  }
  return count;
}

// The names that a whole message's records lead to, by their hashes.
class SeenTargets {
 public:
  // False: it is there already. REQUIRES: fewer than kMost are.
  bool insert(uint64_t hash) {
    if (hash == 0) hash = 1;
    size_t at = hash % kSlots;
    while (hashes_[at] != 0 && hashes_[at] != hash) at = (at + 1) % kSlots;
    if (hashes_[at] == hash) return false;
    hashes_[at] = hash;
    return true;
  }
  // Each stands where a pointer can lead to it, in a record of its own.
  static constexpr size_t kMost = 0x4000 / (kDnsRecordFixed + 1);

 private:
  static constexpr size_t kSlots = 2048;
  static_assert(kMost < kSlots);
  uint64_t hashes_[kSlots] = {};
};

void prefetch_targets(const DnsTable& table, DnsTarget* targets, int count) {
  for (int i = 0; i < count; ++i) {
    targets[i].candidate = table.candidate(targets[i].hash);
    prefetch_line(targets[i].candidate);
  }
}

// The addresses of the name, whose RRsets stand in the order of their types.
[[gnu::always_inline]] inline void append_addresses(const DnsEntry& entry, uint32_t owner,
                                                    DnsReplyWriter& writer, DnsSections& sections) {
  if (!DnsReplyWriter::can_point_to(owner)) return;
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
void append_addresses(const DnsEntry* own, const DnsEntry* entry, uint32_t owner,
                      DnsReplyWriter& writer, DnsSections& sections) {
  for (const DnsType type : {DnsType::kA, DnsType::kAaaa}) {
    DnsBody body;
    const bool is_there =
        (own != nullptr && own->find(type, body)) || (entry != nullptr && entry->find(type, body));
    if (!is_there || !writer.has_room(body.length)) continue;
    if (!DnsReplyWriter::can_point_to(owner)) continue;
    writer.append(body, 0, owner);
    sections.additionals = static_cast<uint16_t>(sections.additionals + body.count);
  }
}

void append_addresses_of(const DnsTable& table, const DnsParsed& parsed, const DnsTarget* targets,
                         int count, DnsReplyWriter& writer, DnsSections& sections) {
  for (int i = 0; i < count; ++i) {
    const DnsTarget& target = targets[i];
    const DnsEntry* entry = find_target(table, target, parsed.view);
    const DnsEntry* own = dns_find_in_view(parsed, target.hash, target.name, target.length);
    append_addresses(own, entry, target.offset, writer, sections);
  }
}

// Those of all distinct targets, one group after the other.
[[gnu::noinline]] void append_all_addresses(const DnsTable& table, const DnsParsed& parsed,
                                            TargetWalk walk, DnsReplyWriter& writer,
                                            DnsSections& sections) {
  SeenTargets seen;
  DnsTarget targets[kDnsMaxTargets];
  for (bool is_end = false; !is_end;) {
    int count = 0;
    while (count < kDnsMaxTargets && !is_end) {
      DnsTarget& target = targets[count];
      is_end = !walk.next(target) || !DnsReplyWriter::can_point_to(target.offset);
      if (is_end || !seen.insert(target.hash)) continue;
      table.prefetch(target.hash);
      ++count;
    }
    prefetch_targets(table, targets, count);
    append_addresses_of(table, parsed, targets, count, writer, sections);
  }
}

// Of the name in an entry's body; null: there is none.
[[gnu::always_inline]] inline const DnsEntry* look_up_target(const DnsTable& table,
                                                             const uint8_t* name, uint32_t length) {
  DnsTarget target;
  dns_set_target_of_entry(table, name, length, 0, target);
  target.candidate = table.candidate(target.hash);
  return find_target(table, target, nullptr);
}

// So short a target is compared without being folded first: see DnsTable::is_name().
constexpr uint32_t kShortTarget = 64;

// One record, which is the usual number, for a client without a view of its own.
// REQUIRES: there is room for it.
[[gnu::always_inline]] inline DnsReply answer_one_target(const DnsTable& table,
                                                         const DnsParsed& parsed,
                                                         const DnsBody& body) {
  const uint32_t before = octets_before_target(parsed.type);
  const uint8_t* name = body.octets + before;
  const uint32_t length = body.length - before;
  const DnsEntry* entry = parsed.target;
  if (entry == nullptr || length >= kShortTarget || !DnsTable::is_name(*entry, name, length)) {
    entry = look_up_target(table, name, length);
  }
  DnsReplyWriter writer(parsed);
  DnsSections sections;
  sections.answers = 1;
  writer.append_one(body, kDnsHeaderLength);
  if (entry != nullptr) [[likely]] {
    append_addresses(*entry, parsed.question_end + before, writer, sections);
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
}

}  // namespace

void dns_prefetch_targets(const DnsTable& table, std::span<DnsParsed> parsed) {
  const auto has_candidate = [](const DnsParsed& each) {
    // The type of what has none is not known.
    return each.candidate != nullptr && dns_has_targets(each.type) && each.view == nullptr;
  };
  // With two names in it, the entry is longer than others.
  for (const DnsParsed& each : parsed) {
    if (has_candidate(each)) prefetch_line(reinterpret_cast<const char*>(each.candidate) + 128);
  }
  struct Sought {
    DnsParsed* question;
    uint64_t hash;
  };
  std::array<Sought, kBurst> sought;
  size_t count = 0;
  const auto fetch_entries = [&] {
    for (const auto& [question, hash] : std::span(sought.data(), count)) {
      question->target = table.candidate(hash);
      prefetch_line(question->target);
    }
    count = 0;
  };
  for (DnsParsed& each : parsed) {
    if (!has_candidate(each)) continue;
    // Whether it is the entry of the name is not asked: that is found out by who answers.
    DnsBody body;
    if (!each.candidate->find(each.type, body) || body.count != 1) continue;
    const uint32_t before = octets_before_target(each.type);
    const uint32_t length = body.length - before;
    if (length >= kShortTarget) continue;
    DnsFoldedName name;
    uint64_t sum = 0;
    const uint64_t hash = table.fold(body.octets + before, length, name, sum);
    table.prefetch(hash);
    sought[count++] = {&each, hash};
    if (count == kBurst) fetch_entries();
  }
  fetch_entries();
}

DnsReply dns_answer_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                            uint32_t rotation) {
  DnsReplyWriter writer(parsed);
  if (!writer.has_room(body.length)) return finish_truncated(parsed, DnsRcode::kNoError);
  if (body.count == 1 && parsed.view == nullptr) return answer_one_target(table, parsed, body);
  DnsSections sections;
  dns_append_targets(table, parsed, body, rotation, kDnsHeaderLength, writer, sections);
  return writer.finish(sections, DnsVerdict::kAnswer);
}

void dns_append_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                        uint32_t rotation, uint32_t owner, DnsReplyWriter& writer,
                        DnsSections& sections) {
  const TargetWalk walk(table, parsed, body, split_of(body, rotation), writer.at());
  sections.answers = static_cast<uint16_t>(sections.answers + body.count);
  if (parsed.query.is_stream && body.count > kDnsMaxTargets) {
    writer.append(body, rotation, owner);
    return append_all_addresses(table, parsed, walk, writer, sections);
  }
  // In stages, as for a burst: hashes and buckets, then entries, then the answer.
  DnsTarget targets[kDnsMaxTargets];
  const int count = find_targets(table, walk, targets);
  prefetch_targets(table, targets, count);
  writer.append(body, rotation, owner);
  append_addresses_of(table, parsed, targets, count, writer, sections);
}

DnsReply dns_answer_all(const DnsTable& table, const DnsParsed& parsed, const DnsEntry* own,
                        const DnsEntry* entry, uint32_t rotation) {
  DnsReplyWriter writer(parsed);
  DnsSections sections;
  const auto append = [&](const DnsBody& body) {
    if (!writer.has_room(body.length)) return;
    writer.append(body, rotation, kDnsHeaderLength);
    sections.answers = static_cast<uint16_t>(sections.answers + body.count);
  };
  if (entry != nullptr && entry->is_apex != 0) append(table.zones()[entry->zone].soa_answer);
  DnsBody body;
  for (int i = 0; own != nullptr && i < own->rrset_count; ++i) {
    if (own->find(own->rrsets()[i].type, body)) append(body);
  }
  // A CNAME record stands alone: the view's hides the table's records, its others hide the table's.
  const bool has_own = own != nullptr && own->rrset_count != 0;
  if (has_own && own->find(DnsType::kCname, body)) entry = nullptr;
  for (int i = 0; entry != nullptr && i < entry->rrset_count; ++i) {
    const DnsType type = entry->rrsets()[i].type;
    if (has_own && (type == DnsType::kCname || own->find(type, body))) continue;
    if (entry->find(type, body)) append(body);
  }
  if (sections.answers == 0) return finish_truncated(parsed, DnsRcode::kNoError);
  return writer.finish(sections, DnsVerdict::kAnswer);
}

DnsReply dns_answer_all_of_view(const DnsTable& table, const DnsParsed& parsed, const DnsEntry& own,
                                uint32_t rotation) {
  const DnsEntry* entry =
      table.find_any_way(parsed.hash, parsed.name, parsed.name_length, parsed.view);
  return dns_answer_all(table, parsed, &own, entry, rotation);
}

}  // namespace vipgate
