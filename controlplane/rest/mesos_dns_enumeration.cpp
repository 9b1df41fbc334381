#include "controlplane/rest/mesos_dns_enumeration.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/dns_table.h"
#include "controlplane/rest/dns_text.h"
#include "controlplane/rest/mesos_dns_text.h"
#include "controlplane/rest/pretty_json.h"

namespace vipgate {
namespace {

// Writes it, framework by framework.
class Enumeration {
 public:
  explicit Enumeration(const MesosDnsOptions& options)
      : options_(options), list_(options), domain_(wire_of(options.domain)) {
    json_.open('{');
    json_.key("frameworks");
    json_.open('[');
  }

  void begin_framework() {
    json_.open('{');
    json_.key("tasks");
    json_.open('[');
  }
  void add(const TaskListing::Task& task) {
    json_.open('{');
    json_.member("name", task.name);
    json_.member("id", task.id);
    json_.key("records");
    json_.open('[');
    list_.clear();
    add_task_records(task.names, options_, list_);
    for (const DnsRecord& record : list_.records()) put_once(record);
    json_.close();
    json_.close();
  }
  void end_framework(std::string_view name) {
    json_.close();
    json_.member("name", name);
    json_.close();
  }
  std::string take() {
    json_.close();
    json_.close();
    return json_.take();
  }

 private:
  static std::string wire_of(const std::string& domain) {
    auto wire = dns_name_from_text(domain);
    return wire ? dns_fold(*wire) : std::string(1, '\0');
  }

  // Without those of DC/OS' own zone, of which Mesos-DNS knows nothing.
  void put_once(const DnsRecord& record) {
    if (!dns_is_within(record.owner, domain_)) return;
    const auto type = static_cast<uint16_t>(record.type);
    std::string key = record.owner + record.rdata;
    key += {static_cast<char>(type >> 8), static_cast<char>(type)};
    if (!told_.insert(std::move(key)).second) return;
    json_.open('{');
    json_.member("name", dns_name_to_text(record.owner));
    json_.member("host", mesos_dns_value(record.type, record.rdata));
    json_.member("rtype", dns_type_text(record.type));
    json_.close();
  }

  const MesosDnsOptions& options_;
  RecordList list_;
  const std::string domain_;
  std::unordered_set<std::string> told_;
  PrettyJson json_;
};

using FrameworkRow = std::pair<std::string_view, SharedText>;  // its name and id

std::vector<FrameworkRow> frameworks_by_name(const TaskListing& listing) {
  std::vector<FrameworkRow> rows;
  for (const auto& [id, name] : listing.frameworks) rows.emplace_back(name, id);
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

std::string mesos_dns_enumeration_text(const TaskListing& listing) {
  std::vector<const TaskListing::Task*> tasks;
  for (const TaskListing::Task& task : listing.tasks) tasks.push_back(&task);
  const auto key = [](const TaskListing::Task* task) {
    return std::tie(task->framework_id, task->id, task->name);
  };
  std::sort(tasks.begin(), tasks.end(),
            [&](const auto* a, const auto* b) { return key(a) < key(b); });
  Enumeration enumeration(listing.options);
  for (const auto& [name, id] : frameworks_by_name(listing)) {
    enumeration.begin_framework();
    auto task = std::lower_bound(
        tasks.begin(), tasks.end(), id,
        [](const auto* listed, const SharedText& wanted) { return listed->framework_id < wanted; });
    for (; task != tasks.end() && (*task)->framework_id == id; ++task) enumeration.add(**task);
    enumeration.end_framework(name);
  }
  return enumeration.take();
}

}  // namespace vipgate
