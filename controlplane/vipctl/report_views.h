// What vipctl shows of workers, ports, sources and DNS, as text.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// A line for each worker of GET /api/v1/workers, each port of GET /api/v1/ports.
std::string workers_view(const web::json::value& answer, const ViewStyle& style = {});
std::string ports_view(const web::json::value& answer, const ViewStyle& style = {});

// Of GET /api/v1/sources: a line for each source, then what of it is not served, and why.
std::string sources_view(const web::json::value& answer, const ViewStyle& style = {});

// Of GET /api/v1/dns/query, as users of `dig` know it.
std::string dns_view(const web::json::value& answer, const ViewStyle& style = {});

}  // namespace vipgate
