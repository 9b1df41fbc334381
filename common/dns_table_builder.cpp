#include "common/dns_table_builder.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

namespace vipgate {
namespace {

constexpr size_t kMaxZones = 255;
constexpr size_t kNamesPerShard = 512;
constexpr int kMaxShardBits = 16;
// Half of the eight slots: few names overflow into the next bucket.
constexpr size_t kNamesPerBucket = 4;
// What a reader may read beyond an entry: two vectors for the name, or groups of 16 octets.
constexpr size_t kTailUnits = 64 / DnsEntry::kUnit;

uint64_t mix(uint64_t a, uint64_t b) {
  const auto product =
      static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd1b54a32d192ed03);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

bool is_wire_name(std::string_view name) {
  return dns_name_length(reinterpret_cast<const uint8_t*>(name.data()), name.size()) ==
             name.size() &&
         !name.empty();
}

std::string soa_rdata(const DnsSoa& soa) {
  DnsWriter rdata;
  rdata.bytes(soa.mname);
  rdata.bytes(soa.rname);
  for (const uint32_t value :
       {soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s}) {
    rdata.u32(value);
  }
  return rdata.octets();
}

// Appends the slack, so that `octets` must not change afterwards.
DnsBody finish_body(std::string& octets) {
  const auto length = static_cast<uint16_t>(octets.size());
  const uint16_t sum = dns_octet_sum(octets);
  octets.append(kDnsReadSlack, '\0');
  return {reinterpret_cast<const uint8_t*>(octets.data()), length, 1, 0, sum};
}

}  // namespace

DnsTableBuilder::DnsTableBuilder(const DnsHashSecret& secret) : hash_(secret) {}

Status DnsTableBuilder::add_zone(std::string_view name, const DnsSoa& soa, uint32_t ttl_s,
                                 bool is_alias) {
  DnsZone zone;
  zone.name = dns_fold(name);
  zone.is_alias = is_alias;
  if (!is_wire_name(name) || !is_wire_name(soa.mname) || !is_wire_name(soa.rname)) {
    return Error{"a zone or its SOA record has a name that is no wire name"};
  }
  if (!records_.empty()) return Error{"zones come before records"};
  if (zones_.size() == kMaxZones) return Error{"there may be at most 255 DNS zones"};
  for (const DnsZone& other : zones_) {
    if (other.name == zone.name) {
      return Error{"the DNS zone '" + dns_name_to_text(name) + "' is given twice"};
    }
  }
  const std::string rdata = soa_rdata(soa);
  DnsWriter answer;
  answer.record(kDnsHeaderLength, DnsType::kSoa, ttl_s, rdata);
  zone.soa_answer_octets = answer.octets();
  DnsWriter negative;
  negative.record(0, DnsType::kSoa, std::min(ttl_s, soa.minimum_s), rdata);
  zone.soa_negative_octets = negative.octets();
  zone.soa_negative_octets[0] = 0;
  // Longest first: the first zone that matches a name is the right one.
  const auto place = std::find_if(zones_.begin(), zones_.end(), [&](const DnsZone& other) {
    return other.name.size() < zone.name.size();
  });
  zones_.insert(place, std::move(zone));
  return Done{};
}

Status DnsTableBuilder::add_record(std::string_view name, DnsType type, uint32_t ttl_s,
                                   std::string_view rdata) {
  if (!is_wire_name(name)) return Error{"a DNS record has a name that is no wire name"};
  if (rdata.size() > 0xffff) return Error{"a DNS record exceeds 65,535 octets"};
  const std::string folded = dns_fold(name);
  const size_t zone = find_zone(folded, 0);
  if (zone == zones_.size()) {
    return Error{"the DNS name '" + dns_name_to_text(name) + "' lies in none of the zones"};
  }
  const bool is_apex = folded.size() == zones_[zone].name.size();
  add(folded, static_cast<uint8_t>(zone), static_cast<uint16_t>(type), ttl_s, rdata, is_apex);
  if (!is_apex) add_parents(folded, zone);
  return Done{};
}

// The first zone from number `first` on that holds the name; zones_.size() if there is none.
size_t DnsTableBuilder::find_zone(std::string_view folded, size_t first) const {
  while (first < zones_.size() && !dns_is_within(folded, zones_[first].name)) ++first;
  return first;
}

// The names between `folded`, which lies below the zone's apex, and the apex exist too.
void DnsTableBuilder::add_parents(std::string_view folded, size_t zone) {
  for (;;) {
    folded.remove_prefix(static_cast<uint8_t>(folded[0]) + 1u);
    if (folded.size() == zones_[zone].name.size()) return;
    if (!parents_.emplace(folded).second) return;
    add(folded, static_cast<uint8_t>(zone), 0, 0, {}, false);
  }
}

void DnsTableBuilder::add(std::string_view folded, uint8_t zone, uint16_t type, uint32_t ttl_s,
                          std::string_view rdata, bool is_apex) {
  DnsFoldedName padded{};
  std::copy(folded.begin(), folded.end(), padded.octets.begin());
  Record record{};
  record.hash = hash_(padded, folded.size());
  record.name_offset = pool_.size();
  record.name_length = static_cast<uint8_t>(folded.size());
  pool_ += folded;
  record.rdata_offset = pool_.size();
  record.rdata_length = static_cast<uint16_t>(rdata.size());
  pool_ += rdata;
  record.ttl_s = ttl_s;
  record.type = type;
  record.zone = zone;
  record.is_apex = is_apex;
  records_.push_back(record);
}

bool DnsTableBuilder::is_before(const Record& a, const Record& b) const {
  if (a.hash != b.hash) return a.hash < b.hash;
  if (const int order = name_of(a).compare(name_of(b)); order != 0) return order < 0;
  if (a.type != b.type) return a.type < b.type;
  if (const int order = rdata_of(a).compare(rdata_of(b)); order != 0) return order < 0;
  return a.ttl_s < b.ttl_s;
}

bool DnsTableBuilder::is_same(const Record& a, const Record& b) const {
  return a.hash == b.hash && a.type == b.type && name_of(a) == name_of(b) &&
         rdata_of(a) == rdata_of(b);
}

uint64_t DnsTableBuilder::content_of(const Record& record) const {
  const uint64_t rest = uint64_t{record.ttl_s} << 32 | uint64_t{record.type} << 16 |
                        uint64_t{record.zone} << 8 | uint64_t{record.is_apex};
  return mix(mix(record.hash, rest), std::hash<std::string_view>{}(rdata_of(record)));
}

// Keeps the previous number while it is within a factor of two of the ideal, so that a few names
// more or less never rebuild everything.
int DnsTableBuilder::choose_shard_bits(size_t names, const DnsTable* previous) {
  const int ideal =
      std::min(kMaxShardBits, static_cast<int>(std::bit_width(names / kNamesPerShard)));
  if (previous != nullptr && std::abs(previous->shard_bits_ - ideal) <= 1) {
    return previous->shard_bits_;
  }
  return ideal;
}

void DnsTableBuilder::add_apexes() {
  for (size_t i = 0; i < zones_.size(); ++i) {
    add(zones_[i].name, static_cast<uint8_t>(i), 0, 0, {}, true);
    const size_t outer = find_zone(zones_[i].name, i + 1);
    if (outer < zones_.size()) add_parents(zones_[i].name, outer);
  }
}

Result<std::shared_ptr<const DnsTable>> DnsTableBuilder::build(const DnsTable* previous) {
  if (previous != nullptr && !(previous->secret() == hash_.secret())) previous = nullptr;
  add_apexes();
  const auto before = [this](const Record& a, const Record& b) { return is_before(a, b); };
  const auto same = [this](const Record& a, const Record& b) { return is_same(a, b); };
  std::sort(records_.begin(), records_.end(), before);
  records_.erase(std::unique(records_.begin(), records_.end(), same), records_.end());
  // An entry knows its zone by number: entries of tables with other zones are not interchangeable.
  uint64_t zones_content = zones_.size();
  for (const DnsZone& zone : zones_) {
    zones_content = mix(zones_content, std::hash<std::string>{}(zone.name));
  }

  std::shared_ptr<DnsTable> table(new DnsTable(hash_.secret()));
  table->shard_bits_ = choose_shard_bits(records_.size(), previous);
  const bool may_share = previous != nullptr && previous->shard_bits_ == table->shard_bits_;
  const Record* record = records_.data();
  const Record* const end = record + records_.size();
  for (size_t i = 0; i < size_t{1} << table->shard_bits_; ++i) {
    const Record* const begin = record;
    uint64_t content = zones_content;
    for (; record != end && record->hash >> 1 >> (63 - table->shard_bits_) == i; ++record) {
      content = mix(content, content_of(*record));
    }
    if (may_share && previous->shards_[i]->content == content) {
      table->shards_.push_back(previous->shards_[i]);
    } else {
      auto shard = build_shard(begin, record, content);
      if (!shard) return Error{shard.error()};
      table->shards_.push_back(*shard);
    }
    const DnsShard& shard = *table->shards_.back();
    table->views_.push_back({shard.buckets.data(), shard.units.data(), shard.buckets.size()});
    table->names_ += shard.names;
  }
  table->zones_ = std::move(zones_);
  for (DnsZone& zone : table->zones_) {
    zone.soa_answer = finish_body(zone.soa_answer_octets);
    zone.soa_negative = finish_body(zone.soa_negative_octets);
  }
  *this = DnsTableBuilder(hash_.secret());
  return std::shared_ptr<const DnsTable>(std::move(table));
}

Result<std::shared_ptr<const DnsShard>> DnsTableBuilder::build_shard(const Record* begin,
                                                                     const Record* end,
                                                                     uint64_t content) const {
  auto shard = std::make_shared<DnsShard>();
  shard->content = content;
  std::vector<std::pair<uint64_t, uint32_t>> entries;  // hash, unit
  std::string octets;
  while (begin != end) {
    const Record* const next = std::find_if(
        begin, end, [&](const Record& record) { return name_of(record) != name_of(*begin); });
    auto entry = build_entry(begin, next);
    if (!entry) return Error{entry.error()};
    entries.emplace_back(begin->hash, static_cast<uint32_t>(octets.size() / DnsEntry::kUnit));
    octets += *entry;
    begin = next;
  }
  shard->names = entries.size();
  shard->units.resize(octets.size() / DnsEntry::kUnit + kTailUnits);
  std::copy(octets.begin(), octets.end(), reinterpret_cast<char*>(shard->units.data()));

  shard->buckets.resize(entries.size() / kNamesPerBucket + 1);
  const DnsTable::View view{shard->buckets.data(), shard->units.data(), shard->buckets.size()};
  for (const auto& [hash, unit] : entries) {
    size_t at = DnsTable::index(view, hash);
    while (shard->buckets[at].is_full()) at = at + 1 == shard->buckets.size() ? 0 : at + 1;
    DnsBucket& bucket = shard->buckets[at];
    const auto slot = std::find(std::begin(bucket.tags), std::end(bucket.tags), 0);
    *slot = DnsTable::tag(hash);
    bucket.entries[slot - bucket.tags] = unit;
  }
  return std::shared_ptr<const DnsShard>(std::move(shard));
}

// The octets of the entry for the records, all of one name, from `begin` to `end`.
Result<std::string> DnsTableBuilder::build_entry(const Record* begin, const Record* end) const {
  DnsEntry entry{};
  entry.name_length = begin->name_length;
  entry.zone = begin->zone;
  entry.is_apex = begin->is_apex;
  std::string headers;
  std::string bodies;
  while (begin != end) {
    const Record* const next =
        std::find_if(begin, end, [&](const Record& record) { return record.type != begin->type; });
    if (begin->type == 0) {
      begin = next;
      continue;
    }
    const auto by_ttl = [](const Record& a, const Record& b) { return a.ttl_s < b.ttl_s; };
    const uint32_t ttl_s = std::min_element(begin, next, by_ttl)->ttl_s;
    DnsWriter body;
    bool is_rotatable = begin->rdata_length % 2 == 0;
    const uint16_t rdata_length = begin->rdata_length;
    DnsEntry::Rrset rrset{};
    rrset.type = DnsType{begin->type};
    rrset.count = static_cast<uint16_t>(next - begin);
    for (; begin != next; ++begin) {
      body.record(kDnsHeaderLength, rrset.type, ttl_s, rdata_of(*begin));
      is_rotatable = is_rotatable && begin->rdata_length == rdata_length;
    }
    if (body.octets().size() > 0xffff) {
      return Error{"the DNS name '" + dns_name_to_text(name_of(*(begin - 1))) +
                   "' has more records of one type than fit into a message"};
    }
    rrset.record_length = is_rotatable ? static_cast<uint16_t>(12 + rdata_length) : uint16_t{0};
    rrset.body_length = static_cast<uint16_t>(body.octets().size());
    rrset.sum = dns_octet_sum(body.octets());
    headers.append(reinterpret_cast<const char*>(&rrset), sizeof rrset);
    bodies += body.octets();
    ++entry.rrset_count;
  }
  const Record& last = *(end - 1);
  std::string name(name_of(last));
  if (name.size() % 2 != 0) name += '\0';  // aligns the headers
  const size_t size = sizeof entry + name.size() + headers.size() + bodies.size();
  entry.units = static_cast<uint32_t>((size + DnsEntry::kUnit - 1) / DnsEntry::kUnit);
  std::string octets(reinterpret_cast<const char*>(&entry), sizeof entry);
  octets += name;
  octets += headers;
  octets += bodies;
  octets.resize(entry.units * DnsEntry::kUnit, '\0');
  return octets;
}

}  // namespace vipgate
