#include "controlplane/vipctl/doctor/doctor.h"

#include <algorithm>
#include <iterator>

#include "controlplane/vipctl/doctor/cpu_checks.h"
#include "controlplane/vipctl/doctor/device_checks.h"
#include "controlplane/vipctl/doctor/memory_checks.h"
#include "controlplane/vipctl/doctor/network_checks.h"
#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

const char* level_word(FindingLevel level) {
  if (level == FindingLevel::kBad) return "bad";
  return level == FindingLevel::kWarning ? "warn" : "ok";
}

Tone tone_of_level(FindingLevel level) {
  if (level == FindingLevel::kBad) return Tone::kBad;
  return level == FindingLevel::kWarning ? Tone::kWarning : Tone::kGood;
}

size_t count_of(const Findings& findings, FindingLevel level) {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(),
                                           [&](const Finding& one) { return one.level == level; }));
}

void examine_by(const SystemTree& system, const Config& config, Findings& findings) {
  const auto add_all = [&](Findings more) {
    std::move(more.begin(), more.end(), std::back_inserter(findings));
  };
  add_all(check_devices(system, config));
  findings.push_back(check_iommu(system, config));
  findings.push_back(check_huge_pages(system, config));
  findings.push_back(check_huge_page_nodes(system, config));
  findings.push_back(check_cpus_online(system, config));
  findings.push_back(check_core_siblings(system, config));
  findings.push_back(check_isolation(system, config));
  findings.push_back(check_ticks(system, config));
  findings.push_back(check_governor(system, config));
  findings.push_back(check_irqbalance(system, config));
  findings.push_back(check_device_nodes(system, config));
  findings.push_back(check_locked_memory(system, config));
  findings.push_back(check_tunnel_mtu(config));
  add_all(check_reverse_path_filters(system, config));
  findings.push_back(check_neighbor_limit(system, config));
}

}  // namespace

Findings examine(const SystemTree& system, const Result<Config>& config) {
  Findings findings;
  if (config) {
    findings.push_back(well("configuration", config->file));
    examine_by(system, *config, findings);
  } else {
    findings.push_back(bad("configuration", config.error(),
                           "vipgated --check --config FILE; `vipctl doctor --config FILE` for "
                           "another one"));
  }
  findings.push_back(check_clock_source(system));
  findings.push_back(check_transparent_huge_pages(system));
  findings.push_back(check_swap(system));
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.level < b.level; });
  return findings;
}

bool has_bad(const Findings& findings) { return count_of(findings, FindingLevel::kBad) != 0; }

std::string findings_view(const Findings& findings, const ViewStyle& style) {
  constexpr size_t kWordColumn = 4;
  std::string text;
  for (const Finding& finding : findings) {
    std::string word = level_word(finding.level);
    word.resize(kWordColumn, ' ');
    text += painted(word, tone_of_level(finding.level), style) + " " + finding.check + ": " +
            printable(finding.text) + "\n";
    if (!finding.mend.empty()) text += "       " + printable(finding.mend) + "\n";
  }
  const size_t all_bad = count_of(findings, FindingLevel::kBad);
  const size_t warnings = count_of(findings, FindingLevel::kWarning);
  return text + std::to_string(all_bad) + " bad, " + std::to_string(warnings) + " to be better, " +
         std::to_string(findings.size() - all_bad - warnings) + " well\n";
}

value findings_json(const Findings& findings) {
  value list = value::array();
  for (size_t i = 0; i < findings.size(); ++i) {
    value one = value::object(true);
    one["level"] = value::string(level_word(findings[i].level));
    one["check"] = value::string(findings[i].check);
    one["text"] = value::string(findings[i].text);
    one["mend"] = findings[i].mend.empty() ? value::null() : value::string(findings[i].mend);
    list[i] = one;
  }
  value all = value::object(true);
  all["findings"] = list;
  all["bad"] = value::number(static_cast<uint64_t>(count_of(findings, FindingLevel::kBad)));
  all["warnings"] =
      value::number(static_cast<uint64_t>(count_of(findings, FindingLevel::kWarning)));
  return all;
}

}  // namespace vipgate
