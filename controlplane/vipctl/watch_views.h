// What vipctl shows of explanations and of traces, as text.
#pragma once

#include <cpprest/json.h>

#include <string>

namespace vipgate {

// Of GET /api/v1/explain: as `vipgated explain` prints it.
std::string explain_view(const web::json::value& answer);

// What stands above the lines of packets.
std::string trace_heading();
// Of a line of GET /api/v1/trace: when, by which port, the packet, what became of it, and how it
// left, in columns; the time is local.
std::string trace_line(const web::json::value& packet);

}  // namespace vipgate
