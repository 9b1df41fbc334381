// When the name of a VIP may be answered: only once every worker forwards the VIP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/dns_record.h"

namespace vipgate {

// Knows which records are wanted and which are served. Versions are those of published snapshots,
// from 1 on. Owned by the Publisher.
class RecordGate {
 public:
  // A record that comes with a VIP, once for each service that gives it.
  void want(const DnsRecord& record);
  void unwant(const DnsRecord& record);

  struct Change {
    std::vector<DnsRecord> served;     // from now on
    std::vector<DnsRecord> withdrawn;  // before the forwarding goes
    [[nodiscard]] bool empty() const { return served.empty() && withdrawn.empty(); }
  };
  // What the next snapshot answers otherwise than the last one, when all workers have passed the
  // snapshot `passed`. `all`: no worker takes packets yet, so nothing need wait.
  Change advance(uint64_t passed, bool all);
  // What was wanted until now is forwarded from this snapshot on.
  void published(uint64_t version);

  // Whether advance() would change something once the last snapshot has been passed.
  [[nodiscard]] bool waits() const { return !open_.empty(); }

 private:
  // One name's records of one type: they change together.
  using Key = std::pair<std::string, DnsType>;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string>{}(key.first) * 31 + static_cast<size_t>(key.second);
    }
  };
  struct Wish {
    uint32_t count = 0;
    uint64_t version = 0;  // forwarded from then on; 0: not published yet
  };
  struct Name {
    std::map<DnsRecord, Wish> wanted;
    std::set<DnsRecord> served;
  };

  // False: it still waits.
  static bool settle(Name& name, uint64_t passed, bool all, Change& change);

  std::unordered_map<Key, Name, KeyHash> names_;
  std::set<Key> open_;                            // those of which wanted and served may differ
  std::vector<std::pair<Key, DnsRecord>> fresh_;  // wanted since the last snapshot
};

}  // namespace vipgate
