#include "dataplane/fastpath/dns_related.h"

#include "common/prefetch.h"
#include "dataplane/fastpath/dns_reply_writer.h"

namespace vipgate {
namespace {

// The name's own entry, or that of what covers it. `view`: see DnsTable::resolve().
const DnsEntry* find_any_way(const DnsTable& table, const DnsTarget& target, const DnsTable* view) {
  const DnsEntry* entry = target.candidate;
  if (entry != nullptr && DnsTable::is_name(*entry, target.name, target.length)) return entry;
  entry = table.find(target.hash, target.name, target.length);
  return entry != nullptr ? entry : table.resolve(target.name, target.length, view).entry;
}

// The distinct targets of the records, which stand behind `fixed` octets of their data; the first
// ones of the reply first.
int find_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                 uint32_t split, uint32_t fixed, DnsTarget* targets) {
  int count = 0;
  uint32_t from = split;
  for (uint32_t i = 0; i < body.count && count < kDnsMaxTargets; ++i) {
    const uint8_t* record = body.octets + from;
    const uint32_t data_length = load_be16(record + 10);
    // Where the record lies in the reply: those from `split` on come first.
    const uint32_t position = from >= split ? from - split : from + body.length - split;
    dns_set_target_of_entry(table, record + kDnsRecordFixed + fixed, data_length - fixed,
                            parsed.question_end + position + kDnsRecordFixed + fixed,
                            targets[count]);
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

// One record, which is the usual number, for a client without a view of its own.
// REQUIRES: there is room for it.
DnsReply answer_one_target(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body) {
  const uint32_t before = kDnsRecordFixed + (parsed.type == DnsType::kSrv ? kDnsSrvFixed : 0);
  DnsTarget target;
  dns_set_target_of_entry(table, body.octets + before, body.length - before,
                          parsed.question_end + before, target);
  target.candidate = table.candidate(target.hash);
  DnsReplyWriter writer(parsed);
  DnsSections sections;
  sections.answers = 1;
  writer.append_one(body, kDnsHeaderLength);
  if (const DnsEntry* entry = find_any_way(table, target, nullptr); entry != nullptr) [[likely]] {
    append_addresses(*entry, target.offset, writer, sections);
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
}

}  // namespace

DnsReply dns_answer_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                            uint32_t rotation) {
  DnsReplyWriter writer(parsed);
  if (!writer.has_room(body.length)) return finish_truncated(parsed, DnsRcode::kNoError);
  if (body.count == 1 && parsed.view == nullptr) return answer_one_target(table, parsed, body);
  // In stages, as for a burst: hashes and buckets, then entries, then the answer.
  DnsTarget targets[kDnsMaxTargets];
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
    const DnsTarget& target = targets[i];
    const DnsEntry* entry = find_any_way(table, target, parsed.view);
    const DnsEntry* own = dns_find_in_view(parsed, target.hash, target.name, target.length);
    append_addresses(own, entry, target.offset, writer, sections);
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
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
  const DnsEntry* entry = table.find(parsed.hash, parsed.name, parsed.name_length);
  if (entry == nullptr) {
    entry = table.resolve(parsed.name, parsed.name_length, parsed.view).entry;
  }
  return dns_answer_all(table, parsed, &own, entry, rotation);
}

}  // namespace vipgate
