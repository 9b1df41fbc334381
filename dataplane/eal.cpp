#include "dataplane/eal.h"

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace vipgate {
namespace {

constexpr uint64_t kKbPerMb = 1024;

spdlog::level::level_enum spdlog_level(int dpdk_level) {
  if (dpdk_level <= static_cast<int>(RTE_LOG_CRIT)) return spdlog::level::critical;
  if (dpdk_level == static_cast<int>(RTE_LOG_ERR)) return spdlog::level::err;
  if (dpdk_level == static_cast<int>(RTE_LOG_WARNING)) return spdlog::level::warn;
  return spdlog::level::info;
}

// net_tap tries to set up flow rules, net_tap and net_memif to speak to secondary processes. They
// report as errors that they cannot, and work without: we use neither.
constexpr std::string_view kHarmless[] = {"qdisc", "Disabling rte flow", "tap_mp_req_on_rxtx",
                                          "Failed to register mp action callback"};

bool is_harmless(std::string_view line) {
  return std::ranges::any_of(
      kHarmless, [&](std::string_view part) { return line.find(part) != std::string_view::npos; });
}

// DPDK writes one message at a time and flushes after each, so that the level belongs to the text.
ssize_t write_log(void*, const char* text, size_t bytes) {
  std::string_view line(text, bytes);
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (line.empty()) return static_cast<ssize_t>(bytes);
  const auto level =
      is_harmless(line) ? spdlog::level::debug : spdlog_level(rte_log_cur_msg_loglevel());
  spdlog::log(level, "dpdk: {}", line);
  return static_cast<ssize_t>(bytes);
}

// Must stay open until the process ends: DPDK logs to it from any thread, even in its destructors.
void send_dpdk_log_to_spdlog() {
  cookie_io_functions_t functions{};
  functions.write = write_log;
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream != nullptr) rte_openlog_stream(stream);
}

cpu_set_t without(cpu_set_t cpus, const std::vector<int>& removed, int fallback) {
  for (int cpu : removed) CPU_CLR(static_cast<size_t>(cpu), &cpus);
  if (CPU_COUNT(&cpus) == 0) CPU_SET(static_cast<size_t>(fallback), &cpus);
  return cpus;
}

uint64_t read_number(const std::filesystem::path& file) {
  uint64_t number = 0;
  std::ifstream(file) >> number;
  return number;
}

std::string size_text(const HugePageSize& size, uint64_t pages) {
  return std::to_string(pages * size.page_kb / kKbPerMb) + " MB in pages of " +
         std::to_string(size.page_kb) + " kB";
}

}  // namespace

std::vector<HugePageSize> free_huge_pages(const std::string& directory) {
  std::vector<HugePageSize> sizes;
  std::error_code ignored;  // no directory: a kernel without huge pages
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    // "hugepages-2048kB"
    constexpr std::string_view kPrefix = "hugepages-";
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    HugePageSize size;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), size.page_kb);
    // Reserved pages are free ones that are promised to another process.
    const uint64_t free = read_number(entry.path() / "free_hugepages");
    const uint64_t promised = read_number(entry.path() / "resv_hugepages");
    size.free_pages = free > promised ? free - promised : 0;
    if (size.page_kb > 0 && size.free_pages > 0) sizes.push_back(size);
  }
  std::ranges::sort(sizes, {}, &HugePageSize::page_kb);
  return sizes;
}

Result<EalMode> choose_memory_mode(const EalOptions& options,
                                   const std::vector<HugePageSize>& free_pages) {
  const std::string wanted = std::to_string(options.memory_mb) + " MB";
  if (options.huge_pages == HugePages::kOff) {
    return EalMode{false, wanted + " of plain memory: huge pages are off by configuration"};
  }
  uint64_t free_mb = 0;
  std::string found;
  for (const HugePageSize& size : free_pages) {
    free_mb += size.free_pages * size.page_kb / kKbPerMb;
    found += (found.empty() ? "" : " and ") + size_text(size, size.free_pages);
  }
  if (free_mb >= options.memory_mb) {
    return EalMode{true, wanted + " of huge pages (" + found + " are free)"};
  }
  const std::string reason =
      (found.empty() ? "no huge pages are free" : "only " + found + " are free") +
      "; reserve 2 MB pages with: sysctl vm.nr_hugepages=" +
      std::to_string((options.memory_mb + 1) / 2);
  if (options.huge_pages == HugePages::kOn) {
    return Error{"dpdk.huge_pages is on and dpdk.memory_mb is " +
                 std::to_string(options.memory_mb) + ", but " + reason};
  }
  return EalMode{false, wanted + " of plain memory, which is slower: " + reason};
}

std::vector<std::string> eal_arguments(const EalOptions& options, bool huge) {
  std::vector<std::string> arguments = {"vipgated"};
  // Logical cores are numbered by role, not by CPU: 0 is the control plane, i + 1 is worker i.
  std::string lcores = "0@" + std::to_string(options.main_cpu);
  for (size_t i = 0; i < options.worker_cpus.size(); ++i) {
    lcores += "," + std::to_string(i + 1) + "@" + std::to_string(options.worker_cpus[i]);
  }
  arguments.insert(arguments.end(), {"--lcores", lcores, "--main-lcore", "0"});
  arguments.insert(arguments.end(), {"-m", std::to_string(options.memory_mb)});
  if (huge) {
    arguments.emplace_back("--in-memory");  // nothing in hugetlbfs is left behind by a crash
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  arguments.insert(arguments.end(), {"--file-prefix", options.file_prefix.empty()
                                                          ? "vipgate-" + std::to_string(getpid())
                                                          : options.file_prefix});
  if (options.pci_allow.empty()) arguments.emplace_back("--no-pci");
  for (const std::string& device : options.pci_allow) {
    arguments.insert(arguments.end(), {"-a", device});
  }
  arguments.emplace_back("--no-telemetry");
  arguments.emplace_back("--log-level=*:warning");
  arguments.insert(arguments.end(), options.extra_args.begin(), options.extra_args.end());
  return arguments;
}

Result<EalMode> start_eal(const EalOptions& options) {
  Result<EalMode> mode = choose_memory_mode(options, free_huge_pages("/sys/kernel/mm/hugepages"));
  if (!mode.ok()) return mode;

  std::vector<std::string> arguments = eal_arguments(options, mode->huge);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);

  cpu_set_t before;
  CPU_ZERO(&before);
  pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
  send_dpdk_log_to_spdlog();
  const int result = rte_eal_init(argc, argv.data());
  const cpu_set_t after = without(before, options.worker_cpus, options.main_cpu);
  pthread_setaffinity_np(pthread_self(), sizeof(after), &after);
  if (result < 0) {
    std::string text;
    for (const std::string& argument : arguments) text += " " + argument;
    return Error{std::string("DPDK did not start: ") + rte_strerror(rte_errno) +
                 " (its messages stand above; arguments:" + text + ")"};
  }
  return mode;
}

void stop_eal() { rte_eal_cleanup(); }

}  // namespace vipgate
