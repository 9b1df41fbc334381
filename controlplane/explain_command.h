// `vipgated explain`: what would become of a packet. A part of the composition root, as
// replay_command.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/config.h"

namespace vipgate {

struct ExplainArguments {
  std::string protocol;             // "tcp", "udp" or "sctp"
  std::string source, destination;  // "ADDRESS:PORT", "[ADDRESS]:PORT"
  std::string port;                 // by which it comes in; empty: the first
  std::optional<uint64_t> seed;
};

// Prints what explain.h says. Returns the exit status: 0, 2 (a bad command line, or a
// configuration that cannot be compiled). Says on standard error what is wrong.
int explain_command(const Config& config, const ExplainArguments& arguments);

}  // namespace vipgate
