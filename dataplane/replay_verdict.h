// A verdict of replay as a line of JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/snapshot.h"
#include "dataplane/counter_names.h"
#include "dataplane/fastpath/verdict.h"

namespace vipgate {

struct ReplayOut {
  std::optional<uint64_t> index;  // of the frame in the output capture, if there is one
  std::string port;               // its name
};

// "address:port", or the address of a real that has no port of its own.
std::string real_text(const RealEntry& real);

// "forward", or the kind and its reason: "drop: no_flow".
std::string verdict_text(const Verdict& verdict);

// The line's key "out" with the comma before it.
std::string out_json(const ReplayOut& out);

// All counters as one object, without a line break.
std::string counters_line(const NamedCounters& counters);

// The line, without the line break. Its shape: replay.h.
std::string verdict_line(const Snapshot& snapshot, uint64_t packet, const Verdict& verdict,
                         uint32_t worker, const std::optional<ReplayOut>& out);

}  // namespace vipgate
