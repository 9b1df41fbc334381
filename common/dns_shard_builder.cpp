#include "common/dns_shard_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace vipgate {
namespace {

// Half of a bucket's slots: one bucket in thirty is full.
constexpr size_t kNamesPerBucket = DnsBucket::kSlots / 2;
// What a reader may read beyond an entry: two vectors for the name, or groups of 16 octets.
constexpr size_t kTailUnits = 64 / DnsEntry::kUnit;
constexpr size_t kMaxRrsets = std::numeric_limits<uint8_t>::max();

void append_record(std::string& to, uint16_t type, uint32_t ttl_s, std::string_view rdata) {
  const auto octet = [](uint32_t value) { return static_cast<char>(value); };
  const char fixed[kDnsRecordFixed] = {octet(0xc0),
                                       octet(kDnsHeaderLength),
                                       octet(type >> 8u),
                                       octet(type),
                                       0,
                                       1,
                                       octet(ttl_s >> 24),
                                       octet(ttl_s >> 16),
                                       octet(ttl_s >> 8),
                                       octet(ttl_s),
                                       octet(static_cast<uint32_t>(rdata.size() >> 8)),
                                       octet(static_cast<uint32_t>(rdata.size()))};
  to.append(fixed, sizeof fixed);
  to += rdata;
}

// The first eight octets, as they are ordered; what is shorter counts as if zeros followed.
uint64_t prefix_of(std::string_view octets) {
  uint64_t prefix = 0;
  std::memcpy(&prefix, octets.data(), std::min(octets.size(), sizeof prefix));
  return __builtin_bswap64(prefix);
}

}  // namespace

// Hash order, so that a shard depends on its names alone and not on the order of their arrival.
void DnsShardBuilder::start(std::span<DnsRecordStore::Id> names) {
  std::sort(names.begin(), names.end(), [this](DnsRecordStore::Id a, DnsRecordStore::Id b) {
    const auto& first = store_.name(a);
    const auto& second = store_.name(b);
    if (first.hash != second.hash) return first.hash < second.hash;
    return store_.text(first) < store_.text(second);
  });
  octets_.clear();
  units_.clear();
  cuts_.clear();
}

void DnsShardBuilder::add_entry(DnsRecordStore::Id id, bool is_apex) {
  const DnsRecordStore::Name& name = store_.name(id);
  records_.clear();
  for (auto at = name.first_record; at != DnsRecordStore::kNone; at = store_.record(at).next) {
    const Record& record = store_.record(at);
    records_.push_back({prefix_of(store_.rdata(record)), &record});
  }
  std::sort(records_.begin(), records_.end(), [this](const Sorted& x, const Sorted& y) {
    const Record* a = x.record;
    const Record* b = y.record;
    if (a->type != b->type) return a->type < b->type;
    if (x.prefix != y.prefix) return x.prefix < y.prefix;
    if (const int order = store_.rdata(*a).compare(store_.rdata(*b)); order != 0) return order < 0;
    return a->ttl_s < b->ttl_s;
  });
  DnsEntry entry{};
  entry.name_length = name.length;
  entry.zone = name.zone;
  entry.is_apex = is_apex;
  headers_.clear();
  bodies_.clear();
  for (size_t i = 0; i < records_.size() && entry.rrset_count < kMaxRrsets; ++entry.rrset_count) {
    size_t end = i + 1;
    while (end < records_.size() && records_[end].record->type == records_[i].record->type) ++end;
    add_rrset(id, records_.data() + i, records_.data() + end);
    i = end;
  }
  const size_t padded = name.length + (name.length & 1u);  // aligns the headers
  const size_t size = sizeof entry + padded + headers_.size() + bodies_.size();
  entry.units = static_cast<uint32_t>((size + DnsEntry::kUnit - 1) / DnsEntry::kUnit);
  units_.push_back(static_cast<uint32_t>(octets_.size() / DnsEntry::kUnit));
  const size_t start = octets_.size();
  octets_.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  octets_ += store_.text(name);
  octets_.append(padded - name.length, '\0');
  octets_ += headers_;
  octets_ += bodies_;
  octets_.resize(start + size_t{entry.units} * DnsEntry::kUnit, '\0');
}

// The records of one name and type from `begin` to `end`, in the order of their data. Those with
// equal data stand side by side, and only the first one counts.
void DnsShardBuilder::add_rrset(DnsRecordStore::Id id, const Sorted* begin, const Sorted* end) {
  const auto is_repeated = [&](const Sorted* at) {
    return at != begin && at->prefix == (at - 1)->prefix &&
           store_.rdata(*at->record) == store_.rdata(*(at - 1)->record);
  };
  uint32_t ttl_s = std::numeric_limits<uint32_t>::max();
  size_t records = 0;
  for (const Sorted* at = begin; at != end; ++at) {
    ttl_s = std::min(ttl_s, at->record->ttl_s);
    if (!is_repeated(at)) ++records;
  }
  const size_t start = bodies_.size();
  const uint16_t data_length = begin->record->length;
  bool is_regular = data_length % 2 == 0;
  DnsEntry::Rrset rrset{};
  rrset.type = DnsType{begin->record->type};
  for (const Sorted* at = begin; at != end; ++at) {
    if (is_repeated(at)) continue;
    const std::string_view rdata = store_.rdata(*at->record);
    if (bodies_.size() - start + kDnsRecordFixed + rdata.size() > kDnsMaxRrsetOctets) break;
    append_record(bodies_, begin->record->type, ttl_s, rdata);
    is_regular = is_regular && rdata.size() == data_length;
    ++rrset.count;
  }
  if (rrset.count != records) cuts_.push_back({id, rrset.type, records, rrset.count});
  const std::string_view body = std::string_view(bodies_).substr(start);
  if (is_regular) rrset.record_length = static_cast<uint16_t>(kDnsRecordFixed + data_length);
  rrset.body_length = static_cast<uint16_t>(body.size());
  rrset.sum = dns_octet_sum(body);
  headers_.append(reinterpret_cast<const char*>(&rrset), sizeof rrset);
}

std::shared_ptr<const DnsShard> DnsShardBuilder::finish(std::span<const DnsRecordStore::Id> names) {
  octets_.resize(octets_.size() + kTailUnits * DnsEntry::kUnit, '\0');
  const size_t bucket_count = names.size() / kNamesPerBucket + 1;
  const size_t bucket_bytes = bucket_count * sizeof(DnsBucket);
  auto shard = std::make_shared<DnsShard>();
  shard->names = names.size();
  shard->memory = PoolBlock(pages_, bucket_bytes + octets_.size());
  uint8_t* const memory = shard->memory.data();
  std::memset(memory, 0, bucket_bytes);
  std::memcpy(memory + bucket_bytes, octets_.data(), octets_.size());
  auto* const buckets = reinterpret_cast<DnsBucket*>(memory);
  for (size_t i = 0; i < names.size(); ++i) {
    const uint64_t hash = store_.name(names[i]).hash;
    size_t at = DnsTable::bucket_of(hash, bucket_count);
    while (buckets[at].is_full()) at = at + 1 == bucket_count ? 0 : at + 1;
    DnsBucket& bucket = buckets[at];
    auto* const slot = std::find(std::begin(bucket.tags), std::end(bucket.tags), 0);
    *slot = DnsTable::tag(hash);
    bucket.entries[slot - bucket.tags] = units_[i];
  }
  shard->buckets = {buckets, bucket_count};
  shard->units = {reinterpret_cast<const DnsShard::Unit*>(memory + bucket_bytes),
                  octets_.size() / DnsEntry::kUnit};
  return shard;
}

}  // namespace vipgate
