// From YAML text to a checked Config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/config/config_section.h"

namespace vipgate {

// `vipgated compile` is asked about single things: the zones that a gateway needs for its sources'
// names may be missing, and are added by it. At a start, and by `--check`, the files that sources
// need are read, too: they must be there then, and may change while we run.
enum class ConfigUse : uint8_t { kRun, kStart, kCompile };

// The error is one line per mistake, up to 20, each "file:line:column: what is wrong; what would be
// right". Everything is checked except whether this machine has the CPUs (check_cpus()).
Result<Config> read_config(const std::string& path, ConfigUse use = ConfigUse::kRun);
// The same for a text in memory; `file_name` is for messages only. Never throws.
Result<Config> parse_config(std::string_view text, const std::string& file_name,
                            ConfigUse use = ConfigUse::kRun);

// Every key that the reader knows, in the order of the annotated file.
std::vector<KeyInfo> config_keys();

// Every value of `config` with its path, elements of lists by name: "ports.edge.mtu" → "1500".
std::vector<std::pair<std::string, std::string>> config_values(const Config& config);

}  // namespace vipgate
