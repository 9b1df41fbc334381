// The packet that `vipgated explain` and GET /api/v1/explain ask about, from its words.
#pragma once

#include <string>
#include <vector>

#include "common/explanation.h"
#include "common/result.h"

namespace vipgate {

struct ExplainQuestion {
  std::string protocol;             // "tcp", "udp" or "sctp"
  std::string source, destination;  // "ADDRESS:PORT", "[ADDRESS]:PORT"
  std::string port;                 // by which it comes in; empty: the first
};

// `port_names`: of the configuration's `ports`, at least one.
Result<ExplainPacket> read_explain_question(const ExplainQuestion& question,
                                            const std::vector<std::string>& port_names);

}  // namespace vipgate
