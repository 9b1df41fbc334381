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

// The top of a name's hash, as the shards of a table are chosen.
uint32_t index_hash(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

}  // namespace

void DnsIdIndex::insert(uint32_t hash, uint32_t id) {
  // A quarter more, where doubling would leave most of it unused.
  if ((used_ + 1) * 5 > slots_.size() * 4) {
    std::vector<Slot> old(std::max<size_t>(16, slots_.size() / 4 * 5));
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != kNone) place(slot);
    }
  }
  place({hash, id});
  ++used_;
}

void DnsIdIndex::place(Slot slot) {
  size_t at = home(slot.hash);
  while (slots_[at].id != kNone) at = next(at);
  slots_[at] = slot;
}

void DnsIdIndex::erase(uint32_t hash, uint32_t id) {
  size_t hole = home(hash);
  while (slots_[hole].id != id) hole = next(hole);
  // Whatever could not stand nearer to its home because of this one moves up.
  for (size_t at = next(hole); slots_[at].id != kNone; at = next(at)) {
    if (distance(home(slots_[at].hash), at) >= distance(hole, at)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = Slot{};
  --used_;
}

void DnsIdIndex::find_between(uint32_t first, uint32_t last, std::vector<uint32_t>& ids) const {
  if (slots_.empty()) return;
  // None stands before its home, and none behind the first free slot from there on.
  const size_t begin = home(first), end = home(last);
  bool is_behind = false;
  size_t at = begin;
  do {
    const Slot slot = slots_[at];
    if (slot.id != kNone && slot.hash >= first && slot.hash <= last) ids.push_back(slot.id);
    is_behind = is_behind || at == end;
    if (is_behind && slot.id == kNone) return;
    at = next(at);
  } while (at != begin);
}

DnsRecordStore::Id DnsRecordStore::find_name(uint64_t hash, std::string_view folded) const {
  return name_index_.find(index_hash(hash), [&](Id id) {
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
  names_[id].octets = texts_.put(folded);
  ++text_count_;
  names_[id].length = static_cast<uint8_t>(folded.size());
  name_index_.insert(index_hash(hash), id);
  return id;
}

void DnsRecordStore::erase_name(Id id) {
  Name& name = names_[id];
  name_index_.erase(index_hash(name.hash), id);
  if (!name.is_in_table) {
    texts_.free(name.octets, name.length);
    --text_count_;
  }
  name.length = 0;
  free_names_.push_back(id);
}

void DnsRecordStore::names_of(uint64_t prefix, int bits, std::vector<Id>& names) const {
  // Two shifts, because one of 64 is undefined.
  const auto first = index_hash(prefix << 1 << (63 - bits));
  name_index_.find_between(first, first + static_cast<uint32_t>(UINT32_MAX >> bits), names);
}

void DnsRecordStore::keep_texts_in(std::shared_ptr<const DnsTable> table,
                                   std::span<const Place> places) {
  size_t leaving = 0;
  for (const Place& place : places) {
    if (!names_[place.name].is_in_table) ++leaving;
  }
  // Usually none stays, and all the memory can go at once.
  const bool is_last = leaving == text_count_;
  for (const auto& [id, entry] : places) {
    Name& name = names_[id];
    if (!name.is_in_table && !is_last) texts_.free(name.octets, name.length);
    name.octets = entry;
    name.is_in_table = true;
  }
  if (is_last) texts_ = {};
  text_count_ -= leaving;
  table_ = std::move(table);
}

void DnsRecordStore::take_text_out(Id id) {
  Name& name = names_[id];
  if (!name.is_in_table) return;
  name.octets = texts_.put(text(name));
  name.is_in_table = false;
  ++text_count_;
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
  return texts_.memory_bytes() + pool_.memory_bytes() + names_.capacity() * sizeof(Name) +
         records_.capacity() * sizeof(Record) +
         (free_names_.capacity() + free_records_.capacity()) * sizeof(Id) +
         name_index_.memory_bytes() + record_index_.memory_bytes();
}

}  // namespace vipgate
