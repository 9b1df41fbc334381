#include <algorithm>

#include "common/byte_order.h"
#include "controlplane/naming/mesos_dns_records.h"

namespace vipgate {
namespace {

std::string joined(PlainName name) {
  std::string text;
  for (const std::string_view part : name) text += part;
  return text;
}

}  // namespace

void RecordList::add_addresses(PlainName owner, const std::vector<IpAddress>& addresses) {
  if (addresses.empty()) return;
  const std::string_view wire = wire_name(owner);
  if (wire.empty()) return;
  for (const IpAddress& address : addresses) {
    const auto* octets = reinterpret_cast<const char*>(address.bytes().data());
    add(wire, address.is_v4() ? DnsType::kA : DnsType::kAaaa,
        {octets, static_cast<size_t>(address.bits()) / 8}, {});
  }
}

void RecordList::add_srv(PlainName owner, std::string_view target, uint16_t port) {
  const std::string_view wire = wire_name(owner);
  if (wire.empty()) return;
  if (target.empty()) {
    add_fault(joined(owner) + ".", "its target cannot be named");
    return;
  }
  const char fixed[] = {0,
                        0,
                        static_cast<char>(options_.srv_weight >> 8),
                        static_cast<char>(options_.srv_weight),
                        static_cast<char>(port >> 8),
                        static_cast<char>(port)};
  add(wire, DnsType::kSrv, {fixed, sizeof fixed}, target);
}

void RecordList::add(std::string_view owner, DnsType type, std::string_view rdata,
                     std::string_view more) {
  const size_t at = octets_.size();
  octets_.append(owner).append(rdata).append(more);
  records_.push_back({at, owner.size(), rdata.size() + more.size(), type});
}

std::string_view RecordList::wire_name(PlainName name) {
  const std::string_view wire = plain_wire_name(name, wire_name_);
  if (wire.empty()) {
    const std::string text = joined(name);
    add_fault(text + ".", dns_name_fault(text));
  }
  return wire;
}

void RecordList::add_fault(std::string item, std::string why) {
  BadItem fault{std::move(item), std::move(why)};
  if (faults_.empty() || faults_.back() != fault) faults_.push_back(std::move(fault));
}

DnsRecordView RecordList::view(const Record& record) const {
  const std::string_view octets(octets_);
  const std::string_view owner = octets.substr(record.at, record.owner_length);
  const bool is_dcos = options_.dcos_names && owner.ends_with(kDcosWireName);
  return {owner, record.type, (is_dcos ? options_.dcos_ttl : options_.ttl).of(record.type),
          octets.substr(record.at + record.owner_length, record.rdata_length)};
}

void RecordList::sort_each_once() {
  const auto key = [this](const Record& record) {
    const DnsRecordView of = view(record);
    return std::tuple(of.owner, of.type, of.rdata);
  };
  std::sort(records_.begin(), records_.end(),
            [&](const Record& a, const Record& b) { return key(a) < key(b); });
  records_.erase(std::unique(records_.begin(), records_.end(),
                             [&](const Record& a, const Record& b) { return key(a) == key(b); }),
                 records_.end());
}

std::vector<DnsRecord> RecordList::records() {
  sort_each_once();
  std::vector<DnsRecord> records;
  records.reserve(records_.size());
  for (const Record& record : records_) records.push_back(view(record));
  return records;
}

// Of few, as nearly all tasks have, it is less work to compare each with all before it.
void RecordList::append_to(DnsRecordList& list) {
  constexpr size_t kFew = 24;
  const bool are_few = records_.size() <= kFew;
  if (!are_few) sort_each_once();
  for (size_t i = 0; i < records_.size(); ++i) {
    if (!are_few || !is_repeated(i)) list.push_back(view(records_[i]));
  }
}

bool RecordList::is_repeated(size_t index) const {
  const Record& record = records_[index];
  const auto octets_of = [this](const Record& of) {
    return std::string_view(octets_).substr(of.at, of.owner_length + of.rdata_length);
  };
  return std::any_of(records_.begin(), records_.begin() + static_cast<ptrdiff_t>(index),
                     [&](const Record& other) {
                       return other.owner_length == record.owner_length &&
                              other.rdata_length == record.rdata_length &&
                              other.type == record.type && octets_of(other) == octets_of(record);
                     });
}

void RecordList::clear() {
  octets_.clear();
  records_.clear();
  faults_.clear();
}

}  // namespace vipgate
