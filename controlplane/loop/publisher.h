// Publishes snapshots so that no name ever leads to a VIP that does not forward yet: what is new,
// first without its name, and the name once every worker has taken that snapshot.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "common/snapshot.h"
#include "controlplane/dns/limited_dns_table.h"
#include "controlplane/dns/record_gate.h"
#include "controlplane/dns/soa_serial.h"
#include "controlplane/histogram.h"

namespace vipgate {

// Where snapshots go: the data plane, or a test. See SnapshotCell.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  virtual uint64_t publish(std::shared_ptr<const Snapshot> snapshot) = 0;
  [[nodiscard]] virtual bool passed(uint64_t version) const = 0;
  // How many snapshots still wait for a worker to let go of them.
  virtual size_t reclaim() = 0;
};

// Owned and called by the control thread; never blocks. Every call costs what has changed.
class Publisher {
 public:
  // A snapshot of the present state with these answers.
  using Build =
      std::function<std::shared_ptr<const Snapshot>(uint64_t, std::shared_ptr<const DnsTable>)>;

  // At most `dns_names` names have records.
  Publisher(SnapshotSink& sink, const DnsHashSecret& secret, size_t dns_names, Build build)
      : sink_(sink), build_(std::move(build)), table_(secret) {
    table_.set_limit(dns_names);
  }

  // From the next snapshot on; their serial is SoaSerial's. On an error the zones stay as they
  // were.
  Status set_zones(std::vector<DnsZoneSpec> zones);
  // Marks those zones of which `is_incomplete` holds, and no others, from the next snapshot on. One
  // that was incomplete stays so until all names wanted by then are answered.
  void set_incomplete(const std::function<bool(const std::string&)>& is_incomplete);
  // Records of a VIP: see RecordGate.
  void want(std::span<const DnsRecord> records);
  void unwant(std::span<const DnsRecord> records);
  // Records that lead to no VIP: answered from the next snapshot on, no longer from it on. An
  // error: the record cannot be answered; removing it is allowed all the same.
  Status add(const DnsRecordView& record);
  void remove(const DnsRecord& record);
  // Whether a record waits for the next snapshot.
  bool has_records_to_publish() const { return table_changed_; }

  // The state has changed: publishes it, with the names that may be answered by now. An error: some
  // names cannot be answered; all else was published.
  Status publish();
  // Publishes the names that waited, if it is time, and lets old snapshots go. To be called every
  // millisecond or so for as long as waits().
  Status advance();

  // Whether there is something for advance() to do.
  bool waits() const { return version_ != 0 && (!settled() || unreclaimed_ > 0); }
  // Whether all workers have taken the present state, with all its names.
  bool settled() const { return version_ != 0 && passed_ == version_ && !names_wait(); }
  bool has_published() const { return version_ != 0; }
  // Versions of the last snapshot, and of the last one that all workers were seen to have taken.
  uint64_t version() const { return version_; }
  uint64_t passed() const { return passed_; }
  // The names, and the records that wait for room among them.
  const LimitedDnsTable& table() const { return table_; }
  // What the last snapshot answers from; null: there is none yet.
  const std::shared_ptr<const DnsTable>& answers() const { return dns_; }
  // From the publication of a snapshot until it was seen that all workers had taken it, in ns.
  const Histogram& passing() const { return passing_; }

 private:
  struct Outstanding {
    uint64_t version;
    int64_t published_ns;
  };
  bool names_wait() const { return gate_.waits() || is_table_late_ || !completing_.empty(); }
  void look_who_has_passed();
  bool may_table_be_late(const RecordGate::Change& change) const;
  Status update_table();

  SnapshotSink& sink_;
  Build build_;
  LimitedDnsTable table_;
  RecordGate gate_;
  std::vector<DnsZoneSpec> zones_;
  // Zones that become complete once all workers have passed that version.
  std::map<std::string, uint64_t> completing_;
  std::shared_ptr<const DnsTable> dns_;
  bool table_changed_ = true;
  // Since the table was built.
  size_t added_ = 0;
  bool has_removed_ = false;
  bool is_table_late_ = false;  // it is left for the next snapshot
  uint64_t generation_ = 0;
  SoaSerial serial_;
  uint64_t version_ = 0;
  uint64_t passed_ = 0;
  std::deque<Outstanding> outstanding_;
  Histogram passing_;
  size_t unreclaimed_ = 0;
};

}  // namespace vipgate
