// Builds DnsTables: collects zones and records, and shares with the previous table what is equal.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/dns_table.h"
#include "common/result.h"

namespace vipgate {

// RFC 1035 3.3.13; names are wire names.
struct DnsSoa {
  std::string mname;
  std::string rname;
  uint32_t serial = 0;
  uint32_t refresh_s = 0;
  uint32_t retry_s = 0;
  uint32_t expire_s = 0;
  uint32_t minimum_s = 0;
};

// Used by one control thread, for one table. Names are wire names, of any case.
class DnsTableBuilder {
 public:
  explicit DnsTableBuilder(const DnsHashSecret& secret);

  // At most 255 zones, each once. An alias zone answers like any other, but is left out of
  // listings.
  Status add_zone(std::string_view name, const DnsSoa& soa, uint32_t ttl_s, bool is_alias = false);

  // A record of one of the zones, all of which must have been added. Names between it and the apex
  // become empty non-terminals. Repeated records count once; an RRset has the least TTL given to
  // its records (RFC 2181 5, 5.2).
  Status add_record(std::string_view name, DnsType type, uint32_t ttl_s, std::string_view rdata);

  // Shards in which nothing changed are shared with `previous`, which may be null. The builder is
  // empty afterwards. An error: an RRset of more than 65,535 octets.
  Result<std::shared_ptr<const DnsTable>> build(const DnsTable* previous);

 private:
  struct Record {
    uint64_t hash;  // of the name
    uint64_t name_offset;
    uint64_t rdata_offset;
    uint32_t ttl_s;
    uint16_t rdata_length;
    uint16_t type;  // 0: the name exists
    uint8_t name_length;
    uint8_t zone;
    bool is_apex;
  };

  std::string_view name_of(const Record& r) const {
    return {pool_.data() + r.name_offset, r.name_length};
  }
  std::string_view rdata_of(const Record& r) const {
    return {pool_.data() + r.rdata_offset, r.rdata_length};
  }
  void add(std::string_view folded, uint8_t zone, uint16_t type, uint32_t ttl_s,
           std::string_view rdata, bool is_apex);
  void add_parents(std::string_view folded, size_t zone);
  void add_apexes();
  size_t find_zone(std::string_view folded, size_t first) const;
  bool is_before(const Record& a, const Record& b) const;
  bool is_same(const Record& a, const Record& b) const;
  uint64_t content_of(const Record& record) const;
  static int choose_shard_bits(size_t names, const DnsTable* previous);
  Result<std::shared_ptr<const DnsShard>> build_shard(const Record* begin, const Record* end,
                                                      uint64_t content) const;
  Result<std::string> build_entry(const Record* begin, const Record* end) const;

  DnsNameHash hash_;
  std::vector<DnsZone> zones_;
  std::string pool_;  // the octets of names and record data
  std::vector<Record> records_;
  std::unordered_set<std::string> parents_;  // names known to exist above others
};

}  // namespace vipgate
