#include "common/dns_table.h"

namespace vipgate {

bool dns_is_within(std::string_view name, std::string_view zone) {
  if (!name.ends_with(zone)) return false;
  // The octets agree, but a label may hold octets that look like the start of the zone's name.
  const size_t start = name.size() - zone.size();
  size_t at = 0;
  while (at < start) at += static_cast<uint8_t>(name[at]) + 1u;
  return at == start;
}

const DnsZone* DnsTable::zone_of(const DnsFoldedName& name, size_t length) const {
  const std::string_view text = name.text(length);
  for (const DnsZone& zone : *zones_) {
    if (dns_is_within(text, zone.name)) return &zone;
  }
  return nullptr;
}

namespace {

// How many aliases of aliases are followed: DC/OS has two in a row.
constexpr int kMaxAliases = 4;

// Unlike substr() it cannot throw. REQUIRES: from <= name.size()
std::string_view tail_of(std::string_view name, size_t from) {
  return {name.data() + from, name.size() - from};
}

// One behind the other. REQUIRES: together no longer than a name may be.
size_t join(std::string_view start, std::string_view rest, DnsFoldedName& name) {
  const size_t length = start.size() + rest.size();
  std::memcpy(name.octets.data(), start.data(), start.size());
  std::memcpy(name.octets.data() + start.size(), rest.data(), rest.size());
  std::memset(name.octets.data() + length, 0, (64 - length % 64) % 64);
  return length;
}

}  // namespace

const DnsEntry* DnsTable::find_joined(std::string_view start, std::string_view rest) const {
  DnsFoldedName name;
  const size_t length = join(start, rest, name);
  return find(hash(name, length), name, length);
}

// The closest encloser is the longest name above this one that exists, and every name above it
// exists, too: so the search begins at the apex and costs no more than what is there. A name of the
// view exists as one of ours does, empty non-terminals included (RFC 4592 2.2.2, 3.3).
const DnsEntry* DnsTable::find_wildcard(const DnsZone& zone, std::string_view name,
                                        const DnsTable* view) const {
  const auto is_in_view = [&](std::string_view sought) {
    return view != nullptr && view->find_joined("", sought) != nullptr;
  };
  if (is_in_view(name)) return nullptr;
  uint8_t labels[kDnsMaxName / 2];
  size_t count = 0;
  const size_t apex = name.size() - zone.name.size();
  for (size_t at = 0; at < apex; at += static_cast<uint8_t>(name[at]) + 1u) {
    labels[count++] = static_cast<uint8_t>(at);
  }
  size_t encloser = apex;
  for (size_t i = count; i-- > 1;) {
    const std::string_view above = tail_of(name, labels[i]);
    if (find_joined("", above) == nullptr && !is_in_view(above)) break;
    encloser = labels[i];
  }
  return find_joined({"\1*", 2}, tail_of(name, encloser));
}

DnsFinding DnsTable::resolve(const DnsFoldedName& name, size_t length, const DnsTable* view) const {
  DnsFinding found;
  const DnsZone* zone = zone_of(name, length);
  if (zone == nullptr) return found;
  found.zone = zone;
  found.apex_length = static_cast<uint32_t>(zone->name.size());
  DnsFoldedName renamed[2];
  const DnsFoldedName* current = &name;
  for (int i = 0; zone->alias_of != nullptr; ++i) {
    const size_t kept = length - zone->name.size();
    const std::string& original = zone->alias_of->name;
    if (i == kMaxAliases || kept + original.size() > kDnsMaxName) return found;
    DnsFoldedName& next = renamed[i % 2];
    length = join(current->text(kept), original, next);
    current = &next;
    found.entry = find(hash(next, length), next, length);
    // It may be a zone below the one that has the alias.
    zone = found.entry != nullptr ? &zones()[found.entry->zone] : zone_of(next, length);
    found.zone = zone;
    found.apex_length += static_cast<uint32_t>(zone->name.size() - original.size());
    if (found.entry != nullptr) return found;
  }
  found.is_incomplete = zone->is_incomplete;
  if (zone->has_wildcards && !zone->is_incomplete) [[unlikely]] {
    found.entry = find_wildcard(*zone, current->text(length), view);
  }
  return found;
}

size_t DnsTable::memory_bytes() const {
  size_t bytes = sizeof *this + views_.size() * (sizeof(View) + sizeof shards_[0]);
  for (const auto& shard : shards_) {
    bytes += sizeof *shard + shard->memory.bytes();
  }
  return bytes;
}

size_t DnsTable::shared_shards(const DnsTable& other) const {
  size_t shared = 0;
  for (size_t i = 0; i < shards_.size() && i < other.shards_.size(); ++i) {
    if (shards_[i] == other.shards_[i]) ++shared;
  }
  return shared;
}

void DnsTable::for_each_record(const std::function<void(const Record&)>& visit) const {
  const auto read = [](const uint8_t* at, int octets) {
    uint32_t value = 0;
    for (int i = 0; i < octets; ++i) value = value << 8 | at[i];
    return value;
  };
  for (const auto& shard : shards_) {
    const DnsShard::Unit* unit = shard->units.data();
    for (size_t i = 0; i < shard->names; ++i) {
      const auto& entry = *reinterpret_cast<const DnsEntry*>(unit);
      unit += entry.units;
      const DnsEntry::Rrset* rrsets = entry.rrsets();
      const auto* octets = reinterpret_cast<const uint8_t*>(rrsets + entry.rrset_count);
      for (int r = 0; r < entry.rrset_count; ++r) {
        for (int n = 0; n < rrsets[r].count; ++n) {
          const uint32_t length = read(octets + 10, 2);
          visit({(*zones_)[entry.zone],
                 {reinterpret_cast<const char*>(entry.name()), entry.name_length},
                 rrsets[r].type,
                 read(octets + 6, 4),
                 {reinterpret_cast<const char*>(octets) + kDnsRecordFixed, length}});
          octets += kDnsRecordFixed + length;
        }
      }
    }
  }
}

}  // namespace vipgate
