#include "controlplane/vipctl/doctor/cpu_checks.h"

#include <algorithm>
#include <iterator>

namespace vipgate {
namespace {

constexpr char kCpuPath[] = "/sys/devices/system/cpu";

std::vector<int> sorted_cpus(const std::vector<uint16_t>& cpus) {
  std::vector<int> sorted(cpus.begin(), cpus.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

std::vector<int> cpus_in(const SystemTree& system, const std::string& path) {
  return cpus_of(system.text(path).value_or(""));
}

// Those of `cpus` that `others` has not.
std::vector<int> cpus_without(const std::vector<int>& cpus, const std::vector<int>& others) {
  std::vector<int> left;
  std::set_difference(cpus.begin(), cpus.end(), others.begin(), others.end(),
                      std::back_inserter(left));
  return left;
}

std::string boot_with(const std::vector<int>& cpus) {
  const std::string list = cpu_list(cpus);
  return "add isolcpus=managed_irq,domain," + list + " nohz_full=" + list + " rcu_nocbs=" + list +
         " to GRUB_CMDLINE_LINUX in /etc/default/grub; update-grub && reboot";
}

}  // namespace

Finding check_cpus_online(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "cpus";
  const std::vector<int> online = cpus_in(system, std::string(kCpuPath) + "/online");
  std::vector<uint16_t> wanted = config.workers.cpus;
  wanted.insert(wanted.end(), config.control.cpus.begin(), config.control.cpus.end());
  const std::vector<int> absent = cpus_without(sorted_cpus(wanted), online);
  if (absent.empty()) return well(kCheck, "all are there, of " + cpu_list(online));
  return bad(
      kCheck,
      "workers.cpus or control.cpus names " + cpu_list(absent) + ": there are " + cpu_list(online),
      "write CPUs of " + cpu_list(online) + " into " + config.file);
}

Finding check_core_siblings(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "core_siblings";
  std::vector<uint16_t> busy = config.workers.cpus;
  busy.insert(busy.end(), config.control.cpus.begin(), config.control.cpus.end());
  const std::vector<int> all = sorted_cpus(busy);
  for (const int cpu : sorted_cpus(config.workers.cpus)) {
    const std::vector<int> siblings =
        cpus_in(system, std::string(kCpuPath) + "/cpu" + std::to_string(cpu) +
                            "/topology/thread_siblings_list");
    for (const int other : siblings) {
      if (other == cpu || !std::binary_search(all.begin(), all.end(), other)) continue;
      return warning(kCheck,
                     "CPUs " + std::to_string(cpu) + " and " + std::to_string(other) +
                         " are threads of one core, and both are used: each gets about half of it",
                     "write CPUs of different cores into workers.cpus and control.cpus in " +
                         config.file + " (lscpu -e shows them)");
    }
  }
  return well(kCheck, "no worker shares its core with another thread of the gateway");
}

Finding check_isolation(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "isolcpus";
  const std::vector<int> workers = sorted_cpus(config.workers.cpus);
  const std::vector<int> exposed =
      cpus_without(workers, cpus_in(system, std::string(kCpuPath) + "/isolated"));
  if (exposed.empty()) return well(kCheck, "the workers' CPUs are theirs: " + cpu_list(workers));
  return warning(kCheck,
                 "other programs may run on the workers' CPUs " + cpu_list(exposed) +
                     ": packets wait, or are lost, meanwhile",
                 boot_with(workers));
}

Finding check_ticks(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "nohz_full";
  const std::vector<int> workers = sorted_cpus(config.workers.cpus);
  const std::vector<int> ticking =
      cpus_without(workers, cpus_in(system, std::string(kCpuPath) + "/nohz_full"));
  if (ticking.empty()) return well(kCheck, "no tick on the workers' CPUs " + cpu_list(workers));
  return warning(kCheck, "the scheduler's tick interrupts the workers on CPUs " + cpu_list(ticking),
                 boot_with(workers));
}

Finding check_governor(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "governor";
  std::vector<int> slow;
  std::string governor;
  for (const int cpu : sorted_cpus(config.workers.cpus)) {
    const auto text = system.text(std::string(kCpuPath) + "/cpu" + std::to_string(cpu) +
                                  "/cpufreq/scaling_governor");
    if (!text || *text == "performance") continue;
    slow.push_back(cpu);
    governor = *text;
  }
  if (slow.empty()) return well(kCheck, "performance, or this machine sets no frequencies");
  std::string mend;
  for (const int cpu : slow) {
    mend += (mend.empty() ? "" : " ") + std::string(kCpuPath) + "/cpu" + std::to_string(cpu) +
            "/cpufreq/scaling_governor";
  }
  return warning(kCheck,
                 "'" + governor + "' on the workers' CPUs " + cpu_list(slow) +
                     ": they are slow when load comes",
                 "echo performance | tee " + mend);
}

Finding check_clock_source(const SystemTree& system) {
  constexpr char kCheck[] = "clock_source";
  const std::string directory = "/sys/devices/system/clocksource/clocksource0/";
  const std::string current = system.text(directory + "current_clocksource").value_or("unknown");
  if (current == "tsc") return well(kCheck, current);
  const std::string all = " " + system.text(directory + "available_clocksource").value_or("") + " ";
  return warning(kCheck,
                 "'" + current +
                     "' and not tsc: the kernel does not trust the CPUs' counter, "
                     "by which the workers keep time",
                 all.find(" tsc ") != std::string::npos
                     ? "echo tsc > " + directory + "current_clocksource"
                     : "journalctl -k | grep -i tsc tells why; mend the firmware's or the "
                       "hypervisor's setting");
}

Finding check_irqbalance(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "irqbalance";
  if (system.processes("irqbalance").empty()) return well(kCheck, "does not run");
  std::vector<int> spared = cpus_in(system, std::string(kCpuPath) + "/isolated");
  const std::vector<int> tickless = cpus_in(system, std::string(kCpuPath) + "/nohz_full");
  spared.insert(spared.end(), tickless.begin(), tickless.end());
  constexpr char kFile[] = "/etc/default/irqbalance";
  constexpr char kBanned[] = "IRQBALANCE_BANNED_CPULIST=";
  const std::string settings = "\n" + system.text(kFile).value_or("");
  const std::string key = std::string("\n") + kBanned;
  if (const size_t at = settings.find(key); at != std::string::npos) {
    std::string list =
        settings.substr(at + key.size(), settings.find('\n', at + 1) - at - key.size());
    std::erase(list, '"');
    const std::vector<int> banned = cpus_of(list);
    spared.insert(spared.end(), banned.begin(), banned.end());
  }
  std::sort(spared.begin(), spared.end());
  const std::vector<int> workers = sorted_cpus(config.workers.cpus);
  const std::vector<int> exposed = cpus_without(workers, spared);
  if (exposed.empty()) return well(kCheck, "runs, and keeps off the workers' CPUs");
  return warning(kCheck, "runs, and may put interrupts on the workers' CPUs " + cpu_list(exposed),
                 std::string("echo ") + kBanned + cpu_list(workers) + " >> " + kFile +
                     " && systemctl restart irqbalance");
}

}  // namespace vipgate
