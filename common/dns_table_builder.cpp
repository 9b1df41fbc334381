#include "common/dns_table_builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/dns_shard_builder.h"

namespace vipgate {
namespace {

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

void fill_zone(const DnsZoneSpec& spec, DnsZone& zone) {
  zone.name = spec.name;
  zone.is_incomplete = spec.is_incomplete;
  const std::string rdata = soa_rdata(spec.soa);
  DnsWriter answer;
  answer.record(kDnsHeaderLength, DnsType::kSoa, spec.ttl_s, rdata);
  zone.soa_answer_octets = answer.octets();
  DnsWriter negative;
  negative.record(0, DnsType::kSoa, std::min(spec.ttl_s, spec.soa.minimum_s), rdata);
  zone.soa_negative_octets = negative.octets();
  zone.soa_negative_octets[0] = 0;
  zone.soa_answer = finish_body(zone.soa_answer_octets);
  zone.soa_negative = finish_body(zone.soa_negative_octets);
}

// RFC 1035 3.3.14: one or more strings, each behind its length.
bool are_strings(std::string_view rdata) {
  size_t at = 0;
  while (at < rdata.size()) at += static_cast<uint8_t>(rdata[at]) + 1u;
  return at == rdata.size() && at != 0;
}

// Whether the data is what the type calls for, so far as readers rely on it.
bool is_data_of(DnsType type, std::string_view rdata) {
  switch (type) {
    case DnsType::kA:
      return rdata.size() == 4;
    case DnsType::kAaaa:
      return rdata.size() == 16;
    case DnsType::kNs:
    case DnsType::kCname:
    case DnsType::kPtr:
      return is_wire_name(rdata);
    case DnsType::kSrv:
      return rdata.size() > kDnsSrvFixed && is_wire_name(rdata.substr(kDnsSrvFixed));
    case DnsType::kTxt:
      return are_strings(rdata);
    default:
      return true;
  }
}

// Types that are asked for or that zones have by themselves, but that no record may have.
bool is_served(DnsType type) {
  const auto number = static_cast<uint16_t>(type);
  return number != 0 && type != DnsType::kSoa && type != DnsType::kOpt &&
         (number < 128 || number > 255);
}

// The number of the one with that name; specs.size(): there is none.
size_t find_spec(const std::vector<DnsZoneSpec>& specs, std::string_view name) {
  size_t at = 0;
  while (at < specs.size() && specs[at].name != name) ++at;
  return at;
}

std::string_view parent_of(std::string_view name) {
  name.remove_prefix(static_cast<uint8_t>(name[0]) + 1u);
  return name;
}

// A name folded in place, as the hash wants it: nothing is allocated for it.
class FoldedName {
 public:
  // REQUIRES: a wire name; in which case no octet matters, but it is folded.
  explicit FoldedName(std::string_view wire) : length_(wire.size()) {
    // Whole groups of four octets are read, up to the end of the array at most.
    std::memcpy(padded_.octets.data(), wire.data(), length_);
    dns_fold_name(padded_.octets.data(), length_, padded_);
  }
  uint64_t hash(const DnsNameHash& hash) const { return hash(padded_, length_); }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(padded_.octets.data()), length_};
  }

 private:
  DnsFoldedName padded_;
  size_t length_;
};

uint64_t hash_name(const DnsNameHash& hash, std::string_view name) {
  return FoldedName(name).hash(hash);
}

}  // namespace

DnsTableBuilder::DnsTableBuilder(const DnsHashSecret& secret)
    : hash_(secret), zones_(std::make_shared<std::vector<DnsZone>>()), is_dirty_(1, true) {}

// Puts them in order, too: longest first, so that the first zone that matches a name is the right
// one.
Status DnsTableBuilder::check_zones(std::vector<DnsZoneSpec>& specs) const {
  if (specs.size() > kMaxZones) return Error{"there may be at most 255 DNS zones"};
  for (DnsZoneSpec& spec : specs) {
    if (!is_wire_name(spec.name) || !is_wire_name(spec.soa.mname) ||
        !is_wire_name(spec.soa.rname)) {
      return Error{"a zone or its SOA record has a name that is no wire name"};
    }
    spec.name = dns_fold(spec.name);
    spec.alias_of = dns_fold(spec.alias_of);
  }
  std::sort(specs.begin(), specs.end(), [](const DnsZoneSpec& a, const DnsZoneSpec& b) {
    return a.name.size() != b.name.size() ? a.name.size() > b.name.size() : a.name < b.name;
  });
  const auto twice = std::adjacent_find(
      specs.begin(), specs.end(),
      [](const DnsZoneSpec& a, const DnsZoneSpec& b) { return a.name == b.name; });
  if (twice != specs.end()) {
    return Error{"the DNS zone '" + dns_name_to_text(twice->name) + "' is given twice"};
  }
  for (const DnsZoneSpec& spec : specs) {
    if (!spec.alias_of.empty() && find_spec(specs, spec.alias_of) == specs.size()) {
      return Error{"the DNS zone '" + dns_name_to_text(spec.name) +
                   "' is an alias of one that is not there"};
    }
  }
  return Done{};
}

Status DnsTableBuilder::set_zones(std::vector<DnsZoneSpec> specs) {
  if (auto status = check_zones(specs); !status) return status;
  if (specs == specs_) return Done{};
  const bool is_same_set =
      std::equal(specs.begin(), specs.end(), specs_.begin(), specs_.end(),
                 [](const DnsZoneSpec& a, const DnsZoneSpec& b) {
                   return a.name == b.name && a.alias_of.empty() == b.alias_of.empty();
                 });
  specs_ = std::move(specs);
  if (!is_same_set) rezone();
  make_zones();
  return Done{};
}

void DnsTableBuilder::make_zones() {
  auto zones = std::make_shared<std::vector<DnsZone>>(specs_.size());
  for (size_t i = 0; i < specs_.size(); ++i) {
    fill_zone(specs_[i], (*zones)[i]);
    (*zones)[i].has_wildcards = wildcards_[i] != 0;
    if (!specs_[i].alias_of.empty()) {
      (*zones)[i].alias_of = &(*zones)[find_spec(specs_, specs_[i].alias_of)];
    }
  }
  zones_ = std::move(zones);
}

// The zones say which of them have wildcards.
void DnsTableBuilder::update_wildcards() {
  for (size_t i = 0; i < specs_.size(); ++i) {
    if ((*zones_)[i].has_wildcards != (wildcards_[i] != 0)) return make_zones();
  }
}

// A name of a zone comes (1) or goes (-1).
void DnsTableBuilder::count_wildcard(const DnsRecordStore::Name& name, int change) {
  if (name.zone == kNoZone || !store_.text(name).starts_with(std::string_view("\1*", 2))) return;
  wildcards_[name.zone] += static_cast<size_t>(change);
}

// The names' zones, and which names exist without records, all anew.
void DnsTableBuilder::rezone() {
  std::vector<Id> with_records;
  for (Id id = 0; id < store_.name_limit(); ++id) {
    DnsRecordStore::Name& name = store_.name(id);
    if (name.length == 0) continue;
    if (name.first_record == DnsRecordStore::kNone) {
      store_.erase_name(id);
      continue;
    }
    with_records.push_back(id);
    name.zone = kNoZone;
    name.uses = 0;
    for (Id at = name.first_record; at != DnsRecordStore::kNone; at = store_.record(at).next) {
      ++name.uses;
    }
  }
  lay_out(shard_bits_);
  wildcards_.assign(specs_.size(), 0);
  for (const Id id : with_records) {
    const size_t zone = find_zone(store_.text(store_.name(id)));
    if (zone == specs_.size()) store_.take_text_out(id);
    store_.name(id).zone = zone == specs_.size() ? kNoZone : static_cast<uint8_t>(zone);
    count_wildcard(store_.name(id), 1);
    if (zone != specs_.size()) hold_parents(store_.text(store_.name(id)));
  }
  for (size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].alias_of.empty()) {
      hold(specs_[i].name, i);
    } else {
      hold_parents(specs_[i].name);
    }
  }
}

// The number of the zone that holds the name; specs_.size(): none does, or an alias.
size_t DnsTableBuilder::find_zone(std::string_view folded) const {
  size_t zone = 0;
  while (zone < specs_.size() && !dns_is_within(folded, specs_[zone].name)) ++zone;
  return zone == specs_.size() || specs_[zone].alias_of.empty() ? zone : specs_.size();
}

// One more reason for the name to exist.
void DnsTableBuilder::hold(std::string_view folded, size_t zone) {
  const uint64_t hash = hash_name(hash_, folded);
  Id id = store_.find_name(hash, folded);
  if (id == DnsRecordStore::kNone) id = make_name(hash, folded, zone);
  ++store_.name(id).uses;
}

// A name without any reason to exist yet, which is one for the name above it.
DnsTableBuilder::Id DnsTableBuilder::make_name(uint64_t hash, std::string_view folded,
                                               size_t zone) {
  const Id id = store_.make_name(hash, folded);
  DnsRecordStore::Name& name = store_.name(id);
  name.zone = static_cast<uint8_t>(zone);
  count_wildcard(name, 1);
  touch(id);
  hold_parents(folded);
  return id;
}

// The names between a name and the apex exist too; those above an apex, if an outer zone has them.
void DnsTableBuilder::hold_parents(std::string_view folded) {
  if (folded.size() == 1) return;
  const std::string_view parent = parent_of(folded);
  const size_t zone = find_zone(parent);
  if (zone != specs_.size()) hold(parent, zone);
}

void DnsTableBuilder::release(Id id) {
  for (;;) {
    if (--store_.name(id).uses != 0) return;
    const DnsRecordStore::Name& name = store_.name(id);
    touch(id);
    const bool has_parent = name.zone != kNoZone && name.length > 1;
    const std::string parent(has_parent ? parent_of(store_.text(name)) : std::string_view());
    count_wildcard(name, -1);
    store_.erase_name(id);
    if (!has_parent || find_zone(parent) == specs_.size()) return;
    id = store_.find_name(hash_name(hash_, parent), parent);
  }
}

void DnsTableBuilder::touch(Id name) { is_dirty_[shard_of(store_.name(name).hash)] = true; }

Status DnsTableBuilder::add(const DnsRecordView& record) {
  if (!is_wire_name(record.owner)) return Error{"a DNS record has a name that is no wire name"};
  const auto wrong = [&](const char* why) {
    return Error{"the DNS record of '" + dns_name_to_text(record.owner) + "', type " +
                 std::to_string(static_cast<int>(record.type)) + ", " + why};
  };
  if (!is_served(record.type)) return wrong("has a type that no record may have");
  if (record.rdata.size() > kDnsMaxRrsetOctets - kDnsRecordFixed)
    return wrong("is too long for any message");
  if (!is_data_of(record.type, record.rdata)) return wrong("has data that its type does not allow");
  const FoldedName folded(record.owner);
  const std::string_view owner = folded.text();
  const uint64_t hash = folded.hash(hash_);
  Id name = store_.find_name(hash, owner);
  size_t zone = specs_.size();
  if (name == DnsRecordStore::kNone) {
    zone = find_zone(owner);
  } else if (store_.name(name).zone != kNoZone) {
    zone = store_.name(name).zone;
  }
  if (zone == specs_.size())
    return wrong("lies in none of the zones (dns.zones), or in an alias of one");
  if (name == DnsRecordStore::kNone) name = make_name(hash, owner, zone);
  const Id known = store_.find_record(name, record.type, record.ttl_s, record.rdata);
  if (known != DnsRecordStore::kNone) {
    ++store_.record(known).count;
    return Done{};
  }
  if (store_.name(name).first_record == DnsRecordStore::kNone) ++owners_;
  ++store_.name(name).uses;
  store_.make_record(name, record.type, record.ttl_s, record.rdata);
  touch(name);
  return Done{};
}

void DnsTableBuilder::remove(const DnsRecord& record) {
  if (!is_wire_name(record.owner)) return;
  const FoldedName owner(record.owner);
  const Id name = store_.find_name(owner.hash(hash_), owner.text());
  if (name == DnsRecordStore::kNone) return;
  const Id known = store_.find_record(name, record.type, record.ttl_s, record.rdata);
  if (known == DnsRecordStore::kNone || --store_.record(known).count != 0) return;
  store_.erase_record(known);
  if (store_.name(name).first_record == DnsRecordStore::kNone) --owners_;
  touch(name);
  release(name);
}

bool DnsTableBuilder::has_records(std::string_view owner) const {
  if (!is_wire_name(owner)) return false;
  const FoldedName folded(owner);
  const Id name = store_.find_name(folded.hash(hash_), folded.text());
  return name != DnsRecordStore::kNone && store_.name(name).first_record != DnsRecordStore::kNone;
}

}  // namespace vipgate
