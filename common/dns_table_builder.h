// Builds DnsTables from zones and records that come and go: each table shares with the one before
// it whatever did not change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns_record.h"
#include "common/dns_record_store.h"
#include "common/dns_table.h"
#include "common/page_pool.h"
#include "common/result.h"

namespace vipgate {

class DnsShardBuilder;

// RFC 1035 3.3.13; names are wire names.
struct DnsSoa {
  std::string mname;
  std::string rname;
  uint32_t serial = 0;
  uint32_t refresh_s = 0;
  uint32_t retry_s = 0;
  uint32_t expire_s = 0;
  uint32_t minimum_s = 0;
  friend bool operator==(const DnsSoa&, const DnsSoa&) = default;
};

// Names are wire names. Of an incomplete zone not all names are known yet: that a name has no
// records says nothing about it. An alias has no names of its own: what is asked below it is
// answered, under the name asked, as if it were asked below `alias_of`, a zone or another alias.
struct DnsZoneSpec {
  std::string name;
  DnsSoa soa;
  uint32_t ttl_s = 0;  // of the SOA record
  bool is_incomplete = false;
  std::string alias_of = {};  // empty: it is none
  friend bool operator==(const DnsZoneSpec&, const DnsZoneSpec&) = default;
};

// An RRset of which only the first records are served, because no message holds all of them.
struct DnsCutRrset {
  std::string owner;  // folded wire name
  DnsType type = DnsType::kA;
  size_t records = 0;
  size_t served = 0;
};

// Owned and called by one control thread, which keeps it as long as its names live. Names are wire
// names, of any case.
class DnsTableBuilder {
 public:
  static constexpr size_t kMaxZones = 255;  // a record has its zone's number in an octet
  explicit DnsTableBuilder(const DnsHashSecret& secret);

  // Replaces the zones: at most kMaxZones, each once; on an error nothing is changed. When only
  // SOAs, TTLs or marks differ, it is cheap; when names of zones differ, every shard is built anew.
  // The records of a zone that vanishes are kept but not served: they can be removed as ever, and
  // are served again once a zone holds their names.
  Status set_zones(std::vector<DnsZoneSpec> zones);

  // A record of one of the zones: an error if it lies in none or in an alias, or is none of its
  // type. Names between it and the apex become empty non-terminals. Added n times, it is there
  // until it was removed n times; records that differ in the TTL only count as different here, but
  // are served as one: an RRset has the least TTL given to its records (RFC 2181 5, 5.2).
  Status add(const DnsRecordView& record);
  // Nothing happens if there is no such record.
  void remove(const DnsRecord& record);

  // The table of all that was added. Shards that are as they were are shared with the last table.
  Result<std::shared_ptr<const DnsTable>> build();
  // The same, sharing with `previous`, which another builder may have made and which may be null.
  Result<std::shared_ptr<const DnsTable>> build(const DnsTable* previous);

  // Those of the last table.
  std::vector<DnsCutRrset> cut_rrsets() const;
  // Names that have records, and whether `owner` is one of them.
  size_t owner_count() const { return owners_; }
  bool has_records(std::string_view owner) const;
  // Distinct records, and what they and their names take besides the tables.
  size_t record_count() const { return store_.record_count(); }
  size_t memory_bytes() const { return store_.memory_bytes(); }

 private:
  using Id = DnsRecordStore::Id;
  static constexpr uint8_t kNoZone = 255;  // of a name: it lies in none

  Status check_zones(std::vector<DnsZoneSpec>& specs) const;
  void make_zones();
  void update_wildcards();
  void count_wildcard(const DnsRecordStore::Name& name, int change);
  size_t find_zone(std::string_view folded) const;
  void hold(std::string_view folded, size_t zone);
  Id make_name(uint64_t hash, std::string_view folded, size_t zone);
  void hold_parents(std::string_view folded);
  void release(Id name);
  void rezone();
  void touch(Id name);
  void lay_out(int shard_bits);
  size_t shard_of(uint64_t hash) const { return hash >> 1 >> (63 - shard_bits_); }
  size_t shard_count() const { return size_t{1} << shard_bits_; }
  void names_of_shard(size_t shard, std::vector<Id>& names) const;
  std::shared_ptr<const DnsShard> build_shard(size_t shard, std::span<Id> names,
                                              DnsShardBuilder& builder);

  DnsNameHash hash_;
  DnsRecordStore store_;
  size_t owners_ = 0;               // names with records
  std::vector<DnsZoneSpec> specs_;  // longest name first, as in the tables
  std::shared_ptr<const std::vector<DnsZone>> zones_;
  std::vector<size_t> wildcards_;  // how many names are one, by zone
  int shard_bits_ = 0;
  std::vector<bool> is_dirty_;                      // of shards: differs from last_
  std::map<size_t, std::vector<DnsCutRrset>> cut_;  // by shard
  std::shared_ptr<PagePool> pages_;                 // null: all tables were small
  std::shared_ptr<const DnsTable> last_;
};

}  // namespace vipgate
