#include "controlplane/dns/limited_dns_table.h"

namespace vipgate {

Status LimitedDnsTable::add(const DnsRecordView& record) {
  if (!has_room(record.owner)) {
    ++waiting_[record];
    return Done{};
  }
  if (auto status = builder_.add(record); !status) return status;
  if (waiting_.empty()) return Done{};
  // A name is served with all of its records.
  Status result = Done{};
  for (auto other = waiting_.lower_bound({std::string(record.owner), {}, {}, {}});
       other != waiting_.end() && other->first.owner == record.owner;) {
    if (auto status = take(other); !status && result) result = status;
  }
  return result;
}

void LimitedDnsTable::remove(const DnsRecord& record) {
  const auto found = waiting_.find(record);
  if (found == waiting_.end()) {
    builder_.remove(record);
  } else if (--found->second == 0) {
    waiting_.erase(found);
  }
}

// Moves on to the next one.
Status LimitedDnsTable::take(Waiting::iterator& record) {
  Status result = Done{};
  for (uint32_t i = 0; i < record->second; ++i) {
    if (auto status = builder_.add(record->first); !status) result = status;
  }
  record = waiting_.erase(record);
  return result;
}

Status LimitedDnsTable::take_waiting() {
  Status result = Done{};
  for (auto record = waiting_.begin(); record != waiting_.end() && has_room(record->first.owner);) {
    if (auto status = take(record); !status && result) result = status;
  }
  return result;
}

}  // namespace vipgate
