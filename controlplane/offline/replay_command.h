// `vipgated replay`: joins the configuration's side and the packets' side. A part of the
// composition root, which alone knows both rooms; called once, by main.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/config.h"

namespace vipgate {

struct ReplayArguments {
  std::vector<std::string> in;  // "FILE" or "PORT=FILE"
  std::string out;
  std::string verdicts;  // empty: none
  std::string counters;  // empty: none
  std::string next_hop_mac = "02:00:00:00:00:fe";
  std::optional<uint64_t> seed;
};

// Returns the exit status: 0, 1 (a file that cannot be read or written), 2 (a bad command
// line, or a configuration that cannot be compiled). Says on standard error what is wrong.
int replay_command(const Config& config, const ReplayArguments& arguments);

}  // namespace vipgate
