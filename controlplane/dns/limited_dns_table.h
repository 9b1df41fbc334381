// The DNS table with no more names than limits.dns_names allows. What does not fit costs nothing
// that is there: it waits, and takes its turn when names go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_record.h"
#include "common/dns_table_builder.h"
#include "common/result.h"

namespace vipgate {

// Owned and called by the control thread. Names are those that have records, in all zones and
// aliases. See DnsTableBuilder for what the calls mean.
class LimitedDnsTable {
 public:
  explicit LimitedDnsTable(const DnsHashSecret& secret) : builder_(secret) {}

  // Before the first record.
  void set_limit(size_t names) { limit_ = names; }
  Status set_zones(std::vector<DnsZoneSpec> zones) { return builder_.set_zones(std::move(zones)); }

  // A record without room is no error: it waits.
  Status add(const DnsRecordView& record);
  void remove(const DnsRecord& record);
  // With as much of what waits as there is room for, in the order of the names. An error names a
  // record that waited and cannot be answered; all else is there.
  Status take_waiting();
  Result<std::shared_ptr<const DnsTable>> build() { return builder_.build(); }

  // What waits for room, and how many times it was added.
  [[nodiscard]] const std::map<DnsRecord, uint32_t>& waiting() const { return waiting_; }
  [[nodiscard]] size_t names() const { return builder_.owner_count(); }
  [[nodiscard]] size_t limit() const { return limit_; }

 private:
  using Waiting = std::map<DnsRecord, uint32_t>;

  [[nodiscard]] bool has_room(std::string_view owner) const {
    return builder_.owner_count() < limit_ || builder_.has_records(owner);
  }
  Status take(Waiting::iterator& record);

  DnsTableBuilder builder_;
  size_t limit_ = std::numeric_limits<size_t>::max();
  Waiting waiting_;
};

}  // namespace vipgate
