#include "common/dns_record_store.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace vipgate {
namespace {

// Room for one more. An eighth more, where doubling would leave much of it unused.
template <class T>
void grow(std::vector<T>& items) {
  constexpr size_t kLeast = 64;
  if (items.size() < items.capacity()) return;
  items.reserve(items.size() + std::max(kLeast, items.size() / 8));
}

}  // namespace

void DnsIdIndex::insert(uint32_t hash, uint32_t id) {
  if ((used_ + 1) * 4 > slots_.size() * 3) {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != kNone) place(slot);
    }
  }
  place({hash, id});
  ++used_;
}

void DnsIdIndex::place(Slot slot) {
  size_t at = slot.hash & mask();
  while (slots_[at].id != kNone) at = (at + 1) & mask();
  slots_[at] = slot;
}

void DnsIdIndex::erase(uint32_t hash, uint32_t id) {
  size_t hole = hash & mask();
  while (slots_[hole].id != id) hole = (hole + 1) & mask();
  // Whatever could not stand nearer to its home because of this one moves up.
  for (size_t at = (hole + 1) & mask(); slots_[at].id != kNone; at = (at + 1) & mask()) {
    const size_t home = slots_[at].hash & mask();
    if (((at - home) & mask()) >= ((at - hole) & mask())) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = Slot{};
  --used_;
}

DnsRecordStore::Id DnsRecordStore::find_name(uint64_t hash, std::string_view folded) const {
  return name_index_.find(static_cast<uint32_t>(hash), [&](Id id) {
    return names_[id].hash == hash && text(names_[id]) == folded;
  });
}

DnsRecordStore::Id DnsRecordStore::make_name(uint64_t hash, std::string_view folded) {
  Id id = name_limit();
  if (free_names_.empty()) {
    grow(names_);
    names_.emplace_back();
  } else {
    id = free_names_.back();
    free_names_.pop_back();
    names_[id] = Name{};
  }
  names_[id].hash = hash;
  names_[id].octets = pool_.put(folded);
  names_[id].length = static_cast<uint8_t>(folded.size());
  name_index_.insert(static_cast<uint32_t>(hash), id);
  return id;
}

void DnsRecordStore::erase_name(Id id) {
  Name& name = names_[id];
  name_index_.erase(static_cast<uint32_t>(name.hash), id);
  pool_.free(name.octets, name.length);
  name.length = 0;
  free_names_.push_back(id);
}

uint32_t DnsRecordStore::hash_of(Id name, DnsType type, uint32_t ttl_s, std::string_view rdata) {
  uint64_t hash = std::hash<std::string_view>{}(rdata);
  for (const uint64_t part :
       {uint64_t{name}, uint64_t{ttl_s} << 16 | static_cast<uint16_t>(type)}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return static_cast<uint32_t>(hash);
}

DnsRecordStore::Id DnsRecordStore::find_record(Id name, DnsType type, uint32_t ttl_s,
                                               std::string_view data) const {
  if (names_[name].is_indexed) {
    return record_index_.find(hash_of(name, type, ttl_s, data), [&](Id id) {
      return records_[id].name == name && is_record(id, type, ttl_s, data);
    });
  }
  Id id = names_[name].first_record;
  while (id != kNone && !is_record(id, type, ttl_s, data)) id = records_[id].next;
  return id;
}

void DnsRecordStore::index_record(Id id) {
  const Record& record = records_[id];
  record_index_.insert(hash_of(record.name, DnsType{record.type}, record.ttl_s, rdata(record)), id);
}

// If there are more than are to be walked.
void DnsRecordStore::index_records_of(Id name) {
  size_t count = 0;
  for (Id id = names_[name].first_record; id != kNone; id = records_[id].next) ++count;
  if (count <= kMostWalked) return;
  names_[name].is_indexed = true;
  for (Id id = names_[name].first_record; id != kNone; id = records_[id].next) index_record(id);
}

DnsRecordStore::Id DnsRecordStore::make_record(Id name, DnsType type, uint32_t ttl_s,
                                               std::string_view data) {
  auto id = static_cast<Id>(records_.size());
  if (free_records_.empty()) {
    grow(records_);
    records_.emplace_back();
  } else {
    id = free_records_.back();
    free_records_.pop_back();
  }
  const Id second = names_[name].first_record;
  Record& record = records_[id];
  record = {name,
            second,
            kNone,
            ttl_s,
            1,
            0,
            static_cast<uint16_t>(type),
            static_cast<uint16_t>(data.size())};
  if (record.holds_data()) {
    std::memcpy(&record.octets, data.data(), data.size());
  } else {
    record.octets = pool_.put(data);
  }
  if (second != kNone) records_[second].previous = id;
  names_[name].first_record = id;
  if (names_[name].is_indexed) {
    index_record(id);
  } else {
    index_records_of(name);
  }
  return id;
}

void DnsRecordStore::erase_record(Id id) {
  const Record& record = records_[id];
  Name& name = names_[record.name];
  if (name.is_indexed) {
    record_index_.erase(hash_of(record.name, DnsType{record.type}, record.ttl_s, rdata(record)),
                        id);
  }
  if (record.next != kNone) records_[record.next].previous = record.previous;
  if (record.previous != kNone) {
    records_[record.previous].next = record.next;
  } else {
    name.first_record = record.next;
    if (name.first_record == kNone) name.is_indexed = false;
  }
  if (!record.holds_data()) pool_.free(record.octets, record.length);
  free_records_.push_back(id);
}

size_t DnsRecordStore::memory_bytes() const {
  return pool_.memory_bytes() + names_.capacity() * sizeof(Name) +
         records_.capacity() * sizeof(Record) +
         (free_names_.capacity() + free_records_.capacity()) * sizeof(Id) +
         name_index_.memory_bytes() + record_index_.memory_bytes();
}

}  // namespace vipgate
