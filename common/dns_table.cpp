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
  const std::string_view text(reinterpret_cast<const char*>(name.octets.data()), length);
  for (const DnsZone& zone : *zones_) {
    if (dns_is_within(text, zone.name)) return &zone;
  }
  return nullptr;
}

size_t DnsTable::memory_bytes() const {
  size_t bytes = sizeof *this + views_.size() * (sizeof(View) + sizeof shards_[0]);
  for (const auto& shard : shards_) {
    bytes += sizeof *shard + shard->buckets.size() * sizeof(DnsBucket) +
             shard->units.size() * sizeof(DnsShard::Unit);
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
