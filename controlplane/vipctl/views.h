// What vipctl shows of the API's answers, as text.
#pragma once

#include <cpprest/json.h>

#include <string>
#include <utility>

#include "common/result.h"
#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// Of GET /api/v1/services: each service with its reals below, as users of `ipvsadm -Ln` know it.
std::string services_view(const web::json::value& answer, const ViewStyle& style = {});
// A line for each real.
std::string reals_view(const web::json::value& answer, const ViewStyle& style = {});
// The same answer with those services alone, or reals and their services, that are in `state`.
web::json::value services_in(const web::json::value& answer, const std::string& state);
web::json::value reals_in(const web::json::value& answer, const std::string& state);

// Of GET /api/v1/drains: a line for each real that was taken out, or address. `now_s`: Unix time.
std::string drains_view(const web::json::value& answer, int64_t now_s, const ViewStyle& style = {});
// One of them, for who waits: "10.0.0.5:8080: draining, 12 flows left, 3 services".
std::string drain_line(const web::json::value& drain);

struct GatewayStatus {
  bool is_ready = false;
  std::string not_ready_why;
  web::json::value snapshot;   // GET /api/v1/snapshot
  web::json::value counters;   // GET /api/v1/counters
  web::json::value about{};    // GET /api/v1/gateway
  web::json::value sources{};  // GET /api/v1/sources, for clusters' names; may be left out
};

// What is wrong now, a line each with the command that tells more; empty: nothing is.
std::string wrong_text(const GatewayStatus& status, const ViewStyle& style = {});

// What is wrong comes first, a line each with the command that tells more, then what there is.
// `second`: whether anything is.
std::pair<std::string, bool> status_view(const GatewayStatus& status, const std::string& url,
                                         const ViewStyle& style = {});

// The documents of the services that the API made, as `apply` takes them: {"services":[…]}.
web::json::value export_document(const web::json::value& answer);
// The same as YAML.
Result<std::string> export_view(const web::json::value& answer);

}  // namespace vipgate
