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

  explicit DnsShardBuilder(const DnsRecordStore& store) : store_(store) {}

  // `names` are those of the shard; they are put in order. `is_apex` tells of a name.
  template <class IsApex>
  std::shared_ptr<const DnsShard> build(std::span<DnsRecordStore::Id> names, IsApex is_apex) {
    start(names);
    for (const DnsRecordStore::Id name : names) add_entry(name, is_apex(name));
    return finish(names);
  }
  // RRsets of the last shard that did not fit.
  const std::vector<Cut>& cuts() const { return cuts_; }

 private:
  using Record = DnsRecordStore::Record;

  void start(std::span<DnsRecordStore::Id> names);
  void add_entry(DnsRecordStore::Id id, bool is_apex);
  void add_rrset(DnsRecordStore::Id id, const Record* const* begin, const Record* const* end);
  std::shared_ptr<const DnsShard> finish(std::span<const DnsRecordStore::Id> names);

  const DnsRecordStore& store_;
  std::vector<const Record*> records_;  // of one name
  std::string octets_;                  // the entries
  std::string headers_;                 // of one name's RRsets
  std::string bodies_;
  std::vector<uint32_t> units_;  // where each entry starts
  std::vector<Cut> cuts_;
};

}  // namespace vipgate
