// What the API tells of workers, ports and sources, as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/loop_counters.h"
#include "common/named_counters.h"
#include "controlplane/feeds/source_report.h"

namespace vipgate {

struct WorkersReport {
  WorkerFigures total;         // since the start
  WorkerFigures recent;        // of the last second or two
  std::vector<uint16_t> cpus;  // each worker's
};

struct PortReport {
  std::string name;
  std::string device;
  std::string interface;  // the kernel's side; empty: there is none
  MacAddress mac;
  bool is_up = false;
  uint16_t mtu = 0;
  uint16_t vlan = 0;
  std::vector<IpPrefix> addresses{};
  NamedCounters counters{};  // its own, by their last word
};

// A service that is not, or not wholly, served as it is wanted.
struct RefusedReport {
  std::string id;
  std::string why;
};

struct SourcesReport {
  std::vector<SourceReport> sources;
  std::vector<RefusedReport> refused;
};

// {"workers":[…]}, {"ports":[…]}, {"sources":[…],"refused":[…]}
std::string workers_text(const WorkersReport& report);
std::string ports_text(const std::vector<PortReport>& ports);
std::string sources_text(const SourcesReport& report);

// Those of the port, of all counters.
NamedCounters counters_of_port(const NamedCounters& all, const std::string& port);

}  // namespace vipgate
