// The names and records that DNS tables are built from: packed, and found by hash. The text of a
// name stands here only until a table has it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_table.h"
#include "common/dns_wire.h"
#include "common/octet_pool.h"

namespace vipgate {

// Ids by 32 bits of a hash: open addressing, linear probing, no tombstones. They stand nearly in
// the order of their hashes, so that those with hashes next to each other are found together.
class DnsIdIndex {
 public:
  // The first id of that hash for which `is_it` holds; kNone: there is none.
  template <class Predicate>
  uint32_t find(uint32_t hash, Predicate is_it) const {
    if (slots_.empty()) return kNone;
    for (size_t at = home(hash); slots_[at].id != kNone; at = next(at)) {
      if (slots_[at].hash == hash && is_it(slots_[at].id)) return slots_[at].id;
    }
    return kNone;
  }
  // Appends the ids of all hashes from `first` to `last`.
  void find_between(uint32_t first, uint32_t last, std::vector<uint32_t>& ids) const;
  void insert(uint32_t hash, uint32_t id);
  // REQUIRES: it is there.
  void erase(uint32_t hash, uint32_t id);
  size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

  static constexpr uint32_t kNone = 0xffffffff;

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t id = kNone;
  };

  size_t home(uint32_t hash) const { return uint64_t{hash} * slots_.size() >> 32; }
  size_t next(size_t at) const { return at + 1 == slots_.size() ? 0 : at + 1; }
  // From `from` on, round the end.
  size_t distance(size_t from, size_t to) const {
    return to >= from ? to - from : to + slots_.size() - from;
  }
  void place(Slot slot);

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

// Owned and called by one thread; knows nothing of zones but a number that each name carries.
class DnsRecordStore {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = DnsIdIndex::kNone;

  struct Name {
    uint64_t hash = 0;
    uint32_t octets = 0;  // where its text is: the entry in the table, or here
    Id first_record = kNone;
    uint32_t uses = 0;  // reasons to exist: records, names below it, being an apex
    uint8_t length = 0;
    uint8_t zone = 0;
    bool is_indexed = false;   // its records are in the index: it has, or had, too many to walk
    bool is_in_table = false;  // the one that was given last
  };
  static_assert(sizeof(Name) == 24);
  struct Place {
    Id name;
    uint32_t entry;  // DnsTable::entry_at()
  };

  struct Record {
    Id name = kNone;
    Id next = kNone;  // of the same name
    Id previous = kNone;
    uint32_t ttl_s = 0;
    uint32_t count = 0;   // how many times it was added
    uint32_t octets = 0;  // the data itself, if it is an address of IPv4; else where it is
    uint16_t type = 0;
    uint16_t length = 0;  // of the data

    bool holds_data() const { return length == sizeof octets; }
  };
  static_assert(sizeof(Record) == 28);

  Id find_name(uint64_t hash, std::string_view folded) const;
  Id make_name(uint64_t hash, std::string_view folded);
  // REQUIRES: it has no records.
  void erase_name(Id id);
  // Appends the names whose hashes begin with these `bits` bits.
  void names_of(uint64_t prefix, int bits, std::vector<Id>& names) const;

  // `table`, which is kept, has the text of the names in `places`; what else a table had has been
  // taken out of it.
  void keep_texts_in(std::shared_ptr<const DnsTable> table, std::span<const Place> places);
  // The name will be in no table from the next one on.
  void take_text_out(Id id);

  Id find_record(Id name, DnsType type, uint32_t ttl_s, std::string_view rdata) const;
  Id make_record(Id name, DnsType type, uint32_t ttl_s, std::string_view rdata);
  void erase_record(Id id);

  Name& name(Id id) { return names_[id]; }
  const Name& name(Id id) const { return names_[id]; }
  // Good as long as no table is given.
  std::string_view text(const Name& name) const {
    if (!name.is_in_table) return texts_.get(name.octets, name.length);
    const DnsEntry& entry = table_->entry_at(name.hash, name.octets);
    return {reinterpret_cast<const char*>(entry.name()), name.length};
  }
  Record& record(Id id) { return records_[id]; }
  const Record& record(Id id) const { return records_[id]; }
  // Good as long as no record is made.
  std::string_view rdata(const Record& record) const {
    if (record.holds_data()) return {reinterpret_cast<const char*>(&record.octets), record.length};
    return pool_.get(record.octets, record.length);
  }
  // Ids are below this; those of names that are gone have a length of zero.
  Id name_limit() const { return static_cast<Id>(names_.size()); }
  size_t name_count() const { return names_.size() - free_names_.size(); }
  size_t record_count() const { return records_.size() - free_records_.size(); }
  size_t memory_bytes() const;

 private:
  // Most names have a few records, which are walked faster than they would be looked up, and need
  // no place in the index.
  static constexpr size_t kMostWalked = 16;

  static uint32_t hash_of(Id name, DnsType type, uint32_t ttl_s, std::string_view rdata);
  bool is_record(Id id, DnsType type, uint32_t ttl_s, std::string_view data) const {
    const Record& record = records_[id];
    return record.type == static_cast<uint16_t>(type) && record.ttl_s == ttl_s &&
           rdata(record) == data;
  }
  void index_record(Id id);
  void index_records_of(Id name);

  std::shared_ptr<const DnsTable> table_;  // null: none was given
  OctetPool texts_;                        // of names that are in no table
  size_t text_count_ = 0;
  OctetPool pool_;  // the data of records
  std::vector<Name> names_;
  std::vector<Record> records_;
  std::vector<Id> free_names_;
  std::vector<Id> free_records_;
  DnsIdIndex name_index_;
  DnsIdIndex record_index_;
};

}  // namespace vipgate
