// `vipgated explain`: what would become of a packet. A part of the composition root, as
// replay_command.h.
#pragma once

#include <cstdint>
#include <optional>

#include "controlplane/config/config.h"
#include "controlplane/offline/explain_question.h"

namespace vipgate {

struct ExplainArguments {
  ExplainQuestion packet;
  std::optional<uint64_t> seed;
};

// Prints what explain.h says. Returns the exit status: 0, 2 (a bad command line, or a
// configuration that cannot be compiled). Says on standard error what is wrong.
int explain_command(const Config& config, const ExplainArguments& arguments);

}  // namespace vipgate
