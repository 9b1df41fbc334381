#include "controlplane/vipctl/doctor/memory_checks.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "controlplane/vipctl/doctor/device_checks.h"

namespace vipgate {
namespace {

constexpr char kPagesPath[] = "/sys/kernel/mm/hugepages";
constexpr int64_t kKbPerMb = 1024;

// Of a directory's name, "hugepages-2048kB"; 0: it is none.
int64_t page_kb_of(const std::string& name) {
  constexpr std::string_view kPrefix = "hugepages-";
  int64_t page_kb = 0;
  if (name.starts_with(kPrefix)) {
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), page_kb);
  }
  return page_kb;
}

// In pages of all sizes below `directory`: those that `count` counts of each, in MB.
template <class Count>
int64_t pages_mb(const SystemTree& system, const std::string& directory, const Count& count) {
  int64_t kb = 0;
  for (const std::string& name : system.names(directory)) {
    std::string size = directory;
    size.append("/").append(name);
    kb += page_kb_of(name) * std::max<int64_t>(count(size), 0);
  }
  return kb / kKbPerMb;
}

int64_t reserved_mb(const SystemTree& system, const std::string& directory) {
  return pages_mb(system, directory, [&](const std::string& size) {
    return system.number(size + "/nr_hugepages").value_or(0);
  });
}

// Free pages that are promised to somebody do not count.
int64_t free_mb(const SystemTree& system) {
  return pages_mb(system, kPagesPath, [&](const std::string& size) {
    return system.number(size + "/free_hugepages").value_or(0) -
           system.number(size + "/resv_hugepages").value_or(0);
  });
}

std::string reserve_command(int64_t pages) {
  const std::string setting = "vm.nr_hugepages=" + std::to_string(pages);
  return "sysctl -w " + setting + " && echo " + setting + " > /etc/sysctl.d/80-vipgate.conf";
}

}  // namespace

Finding check_huge_pages(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "huge_pages";
  constexpr int64_t kPageMb = 2;
  const int64_t wanted_mb = config.dpdk.memory_mb;
  const std::string wanted = std::to_string(wanted_mb) + " MB";
  if (config.dpdk.huge_pages == HugePages::kOff) {
    if (pci_ports(config).empty()) {
      return well(kCheck, "off by the configuration (dpdk.huge_pages), with virtual devices only");
    }
    return warning(kCheck,
                   "off by the configuration (dpdk.huge_pages), though ports are PCI devices",
                   "write `huge_pages: auto` under dpdk in " + config.file);
  }
  const bool is_running = !system.processes("vipgated").empty();
  const int64_t all_mb = reserved_mb(system, kPagesPath);
  const int64_t there_mb = is_running ? all_mb : free_mb(system);
  const std::string there =
      std::to_string(there_mb) + (is_running ? " MB are reserved" : " MB are free");
  if (there_mb >= wanted_mb) return well(kCheck, there + ", dpdk.memory_mb is " + wanted);
  const int64_t now =
      system.number(std::string(kPagesPath) + "/hugepages-2048kB/nr_hugepages").value_or(0);
  const std::string mend = reserve_command(now + (wanted_mb - there_mb + kPageMb - 1) / kPageMb);
  if (config.dpdk.huge_pages == HugePages::kOn) {
    return bad(kCheck, there + ", dpdk.memory_mb is " + wanted + ": vipgated does not start", mend);
  }
  return warning(
      kCheck,
      there + ", dpdk.memory_mb is " + wanted + ": vipgated takes plain memory, which is slower",
      mend);
}

Finding check_huge_page_nodes(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "huge_page_nodes";
  if (config.dpdk.huge_pages == HugePages::kOff) return well(kCheck, "no huge pages are wanted");
  std::set<int> nodes;
  for (const uint16_t cpu : config.workers.cpus) {
    if (const int node = node_of_cpu(system, cpu); node >= 0) nodes.insert(node);
  }
  for (const int node : nodes) {
    const std::string directory =
        "/sys/devices/system/node/node" + std::to_string(node) + "/hugepages";
    if (reserved_mb(system, directory) != 0 || reserved_mb(system, kPagesPath) == 0) continue;
    const int64_t pages = (config.dpdk.memory_mb + 1) / 2;
    return warning(
        kCheck,
        "NUMA node " + std::to_string(node) +
            ", on which workers run, has no huge pages: their memory is remote",
        "echo " + std::to_string(pages) + " > " + directory + "/hugepages-2048kB/nr_hugepages");
  }
  return well(kCheck, "the workers' NUMA nodes have as much as the machine");
}

Finding check_transparent_huge_pages(const SystemTree& system) {
  constexpr char kCheck[] = "transparent_huge_pages";
  constexpr char kPath[] = "/sys/kernel/mm/transparent_hugepage/enabled";
  const auto text = system.text(kPath);
  if (!text) {
    return warning(kCheck, "this kernel has none: large tables lie on small pages",
                   "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
  }
  if (text->find("[never]") == std::string::npos) {
    return well(kCheck, "tables get them where they ask: " + *text);
  }
  return warning(kCheck, "never: large tables lie on small pages, and each look-up takes longer",
                 std::string("echo madvise > ") + kPath);
}

Finding check_swap(const SystemTree& system) {
  constexpr char kCheck[] = "swap";
  const auto text = system.text("/proc/swaps");
  // The first line is the head of the table.
  const size_t line = text ? text->find('\n') : std::string::npos;
  if (line == std::string::npos) return well(kCheck, "none");
  const std::string device =
      text->substr(line + 1, text->find_first_of(" \t", line + 1) - line - 1);
  return warning(kCheck,
                 device + " is in use: a worker stops while its tables come back from there",
                 "swapoff -a, and take the swap lines out of /etc/fstab");
}

Finding check_locked_memory(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "locked_memory";
  const auto ids = system.processes("vipgated");
  if (ids.empty())
    return well(kCheck, "vipgated does not run; of one that runs its limit is looked at");
  const auto limits = system.text("/proc/" + ids[0] + "/limits");
  constexpr std::string_view kName = "Max locked memory";
  const size_t found = limits ? limits->find(kName) : std::string::npos;
  if (found == std::string::npos) {
    return warning(kCheck, "the limits of process " + ids[0] + " cannot be read", "run as root");
  }
  const size_t start = limits->find_first_not_of(' ', found + kName.size());
  const std::string soft = limits->substr(start, limits->find_first_of(" \n", start) - start);
  uint64_t octets = 0;
  const auto read = std::from_chars(soft.data(), soft.data() + soft.size(), octets);
  const uint64_t wanted = uint64_t{config.dpdk.memory_mb} * kKbPerMb * kKbPerMb;
  if (soft == "unlimited" || (read.ec == std::errc() && octets >= wanted)) {
    return well(kCheck, "vipgated may lock " + (soft == "unlimited" ? "all" : soft + " bytes"));
  }
  return warning(kCheck,
                 "vipgated may lock " + soft + " bytes, dpdk.memory_mb is " +
                     std::to_string(config.dpdk.memory_mb) +
                     " MB: without CAP_IPC_LOCK devices cannot be given its memory",
                 "systemctl edit vipgated: [Service] LimitMEMLOCK=infinity; systemctl restart "
                 "vipgated");
}

}  // namespace vipgate
