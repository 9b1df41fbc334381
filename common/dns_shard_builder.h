// Writes the octets of one shard of a DnsTable.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_record_store.h"
#include "common/dns_table.h"
#include "common/page_pool.h"
#include "common/prefetch.h"

namespace vipgate {

// The octets of records that a message of 65,535 can hold besides the largest header, question and
// OPT record.
inline constexpr size_t kDnsMaxRrsetOctets = 0xffff - kDnsHeaderLength - kDnsMaxName - 4 - 11;

// Made and used by DnsTableBuilder; keeps its buffers from shard to shard.
class DnsShardBuilder {
 public:
  struct Cut {
    DnsRecordStore::Id name;
    DnsType type;
    size_t records;
    size_t served;
  };

  // `pages`: where shards lie; null: in the heap.
  DnsShardBuilder(const DnsRecordStore& store, std::shared_ptr<PagePool> pages)
      : store_(store), pages_(std::move(pages)) {}

  // `names` are those of the shard; they are put in order. `is_apex` tells of a name.
  template <class IsApex>
  std::shared_ptr<const DnsShard> build(std::span<DnsRecordStore::Id> names, IsApex is_apex) {
    start(names);
    for (size_t i = 0; i < names.size(); ++i) {
      if (i + kAhead < names.size()) prefetch(names[i + kAhead]);
      add_entry(names[i], is_apex(names[i]));
    }
    return finish(names);
  }
  // Appends where the names of the last shard lie. REQUIRES: they are those of build().
  void append_places(std::span<const DnsRecordStore::Id> names,
                     std::vector<DnsRecordStore::Place>& places) const {
    for (size_t i = 0; i < names.size(); ++i) places.push_back({names[i], units_[i]});
  }
  // RRsets of the last shard that did not fit.
  const std::vector<Cut>& cuts() const { return cuts_; }

 private:
  using Record = DnsRecordStore::Record;
  // A record and what its place is decided by nearly always, so that the data of few is compared.
  struct Sorted {
    uint64_t prefix;  // of the data: its first octets as a number
    const Record* record;
  };
  // How many names ahead their text and first record are fetched: they lie all over the memory.
  static constexpr size_t kAhead = 4;

  void prefetch(DnsRecordStore::Id id) const {
    const DnsRecordStore::Name& name = store_.name(id);
    prefetch_line(store_.text(name).data());
    if (name.first_record != DnsRecordStore::kNone) {
      prefetch_line(&store_.record(name.first_record));
    }
  }
  void start(std::span<DnsRecordStore::Id> names);
  void add_entry(DnsRecordStore::Id id, bool is_apex);
  void add_rrset(DnsRecordStore::Id id, const Sorted* begin, const Sorted* end);
  std::shared_ptr<const DnsShard> finish(std::span<const DnsRecordStore::Id> names);

  const DnsRecordStore& store_;
  const std::shared_ptr<PagePool> pages_;
  std::vector<Sorted> records_;  // of one name
  std::string octets_;           // the entries
  std::string headers_;          // of one name's RRsets
  std::string bodies_;
  std::vector<uint32_t> units_;  // where each entry starts
  std::vector<Cut> cuts_;
};

}  // namespace vipgate
