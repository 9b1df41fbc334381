#include "controlplane/loop/publisher.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

// So many records touch so many of a table's shards that it is built nearly anew.
constexpr size_t kManyRecords = 10'000;
constexpr uint64_t kNotPublished = std::numeric_limits<uint64_t>::max();

}  // namespace

Status Publisher::set_zones(std::vector<DnsZoneSpec> zones) {
  if (auto status = table_.set_zones(zones); !status) return status;
  zones_ = std::move(zones);
  table_changed_ = true;
  return Done{};
}

void Publisher::set_incomplete(const std::function<bool(const std::string&)>& is_incomplete) {
  for (DnsZoneSpec& zone : zones_) {
    const bool was_incomplete = std::exchange(zone.is_incomplete, is_incomplete(zone.name));
    if (zone.is_incomplete) {
      completing_.erase(zone.name);
    } else if (was_incomplete && has_published()) {
      completing_[zone.name] = kNotPublished;
    }
  }
  table_changed_ = true;
}

void Publisher::want(std::span<const DnsRecord> records) {
  for (const DnsRecord& record : records) gate_.want(record);
}

void Publisher::unwant(std::span<const DnsRecord> records) {
  for (const DnsRecord& record : records) gate_.unwant(record);
}

Status Publisher::add(const DnsRecordView& record) {
  if (auto status = table_.add(record); !status) return status;
  table_changed_ = true;
  ++added_;
  return Done{};
}

void Publisher::remove(const DnsRecord& record) {
  table_.remove(record);
  table_changed_ = true;
  has_removed_ = true;
}

// Very many names that come together with new VIPs, as a cluster's first state does: the names of
// the VIPs have to wait until the workers forward them, some milliseconds. The others wait with
// them, so that the table is built once, not twice. What goes never waits, and nothing waits a
// second time.
bool Publisher::may_table_be_late(const RecordGate::Change& change) const {
  return has_published() && !is_table_late_ && added_ >= kManyRecords && !has_removed_ &&
         change.empty() && gate_.waits();
}

// Every step is taken, whatever fails; the first error is returned.
Status Publisher::update_table() {
  Status result = Done{};
  const RecordGate::Change change = gate_.advance(passed_, !has_published());
  for (const DnsRecord& record : change.withdrawn) table_.remove(record);
  for (const DnsRecord& record : change.served) {
    if (auto status = table_.add(record); !status && result) result = status;
  }
  const auto is_complete = [&](const auto& zone) { return zone.second <= passed_; };
  if (std::erase_if(completing_, is_complete) != 0) table_changed_ = true;
  if (change.empty() && !table_changed_) return result;
  is_table_late_ = may_table_be_late(change);
  if (is_table_late_) return result;
  if (auto status = table_.take_waiting(); !status && result) result = status;
  std::vector<DnsZoneSpec> zones = zones_;
  const uint32_t serial = serial_.next(std::chrono::system_clock::now());
  for (DnsZoneSpec& zone : zones) {
    zone.soa.serial = serial;
    zone.is_incomplete = zone.is_incomplete || completing_.contains(zone.name);
  }
  if (auto status = table_.set_zones(std::move(zones)); !status) return status;
  auto table = table_.build();
  if (!table) return Error{table.error()};
  dns_ = std::move(*table);
  table_changed_ = false;
  added_ = 0;
  has_removed_ = false;
  return result;
}

Status Publisher::publish() {
  look_who_has_passed();
  ++generation_;
  Status status = update_table();
  version_ = sink_.publish(build_(generation_, dns_));
  gate_.published(version_);
  for (auto& [zone, version] : completing_) version = std::min(version, version_);
  outstanding_.push_back({version_, monotonic_ns()});
  return status;
}

void Publisher::look_who_has_passed() {
  while (!outstanding_.empty() && sink_.passed(outstanding_.front().version)) {
    passed_ = outstanding_.front().version;
    const int64_t taken_ns = monotonic_ns() - outstanding_.front().published_ns;
    passing_.record(static_cast<uint64_t>(taken_ns));
    outstanding_.pop_front();
  }
}

Status Publisher::advance() {
  if (version_ == 0) return Done{};
  unreclaimed_ = sink_.reclaim();
  look_who_has_passed();
  // A later snapshot than the one with the forwarding will do as well.
  if (names_wait() && passed_ == version_) return publish();
  return Done{};
}

}  // namespace vipgate
