// The records that Mesos-DNS makes of a cluster (mesos-dns 2-6), and dcos-dns' task names
// (named-vips 8). Pure functions: what they are given is all that they depend on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_record.h"
#include "common/dns_record_list.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/mesos_event.h"
#include "controlplane/naming/label_cleaning.h"
#include "controlplane/naming/vip_backends.h"

namespace vipgate {

// Where names of DC/OS stand, if the configuration has that zone.
inline constexpr std::string_view kDcosZone = "dcos.thisdcos.directory";
inline constexpr std::string_view kDcosWireName{"\4dcos\10thisdcos\11directory\0", 25};

// Times to live in seconds.
struct MesosDnsTtls {
  uint32_t a = 0;
  uint32_t aaaa = 0;
  uint32_t srv = 0;
  [[nodiscard]] uint32_t of(DnsType type) const {
    return type == DnsType::kA ? a : type == DnsType::kAaaa ? aaaa : srv;
  }
};

struct MesosDnsOptions {
  std::string domain;  // without the final dot
  std::vector<IpSource> ip_sources;
  bool enforce_rfc952 = false;
  uint16_t srv_weight = 1;
  bool healthy_only = false;
  MesosDnsTtls ttl;
  MesosDnsTtls dcos_ttl;  // of what stands in kDcosZone
  uint32_t ptr_ttl_s = 0;
  bool dcos_names = false;  // the zone dcos.thisdcos.directory is served
};

MesosDnsOptions mesos_dns_options(const Config& config, const MesosConfig& mesos);

// Collects records; what fits no DNS message is left out and listed, once per name.
class RecordList {
 public:
  explicit RecordList(const MesosDnsOptions& options) : options_(options) {}

  void add_addresses(PlainName owner, const std::vector<IpAddress>& addresses);
  // `target` in wire form; empty: it was at fault, and so is this.
  void add_srv(PlainName owner, std::string_view target, uint16_t port);
  // The wire form of a target, or nothing when it is at fault.
  std::string target(PlainName name) { return std::string(wire_name(name)); }
  void add_fault(std::string item, std::string why);

  // Sorted, each once.
  [[nodiscard]] std::vector<DnsRecord> records();
  // Each once, in any order.
  void append_to(DnsRecordList& list);
  std::vector<BadItem> take_faults() { return std::exchange(faults_, {}); }
  // Forgets all, but keeps its memory for what comes next.
  void clear();

 private:
  // The owner and the data stand behind one another in octets_.
  struct Record {
    size_t at;
    size_t owner_length;
    size_t rdata_length;
    DnsType type;
  };
  void add(std::string_view owner, DnsType type, std::string_view rdata, std::string_view more);
  // Good until the next call. Nothing: it is at fault, which is noted.
  std::string_view wire_name(PlainName name);
  void sort_each_once();
  bool is_repeated(size_t index) const;
  DnsRecordView view(const Record& record) const;

  const MesosDnsOptions& options_;
  std::array<char, kDnsMaxName> wire_name_;
  std::string octets_;
  std::vector<Record> records_;
  std::vector<BadItem> faults_;
};

// All that a task's records are made of: small, to be kept so that they can be taken back.
struct TaskNames {
  struct Port {
    std::string name;      // cleaned; may be empty
    std::string protocol;  // cleaned; empty: both
    uint16_t number = 0;
    bool operator==(const Port&) const = default;
  };

  std::string framework;  // cleaned
  std::vector<std::string>
      names;         // a discovery name as it is, if it differs; the cleaned name last
  std::string tail;  // "-4dfjd-s12"
  bool has_discovery = false;
  bool auto_is_agent = false;  // autoip: the agent's addresses
  std::vector<IpAddress> addresses;
  std::vector<IpAddress> agent_addresses;
  std::vector<std::pair<uint16_t, uint16_t>> ports;  // ranges, inclusive
  std::vector<Port> discovery_ports;
  std::string dcos_name;  // "task.framework"; empty: no such names
  std::vector<IpAddress> container_addresses;
  bool operator==(const TaskNames&) const = default;
};

// Nothing: a task in this state (or, by option, with this health) has no records. `on_agent`: the
// addresses of the task's agent.
std::optional<TaskNames> task_names(const MesosTask& task, const std::vector<IpAddress>& on_agent,
                                    const MesosFramework& framework, const MesosDnsOptions& options,
                                    std::vector<BadItem>& bad);
void add_task_records(const TaskNames& names, const MesosDnsOptions& options, RecordList& list);
// The one name that PTR records of its addresses may lead to, as plain text.
std::string task_name(const TaskNames& names, const MesosDnsOptions& options);

void add_framework_records(const MesosFramework& framework, const MesosDnsOptions& options,
                           const HostLookup& lookup, RecordList& list);
// `addresses`: those of the agent.
void add_agent_records(const MesosAgent& agent, const std::vector<IpAddress>& addresses,
                       const MesosDnsOptions& options, RecordList& list);
// leader, master, masterN.
void add_master_records(const MesosMasters& masters, const MesosDnsOptions& options,
                        const HostLookup& lookup, RecordList& list);

}  // namespace vipgate
