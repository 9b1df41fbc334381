// What vipctl shows of the API's answers, as text.
#pragma once

#include <cpprest/json.h>

#include <string>
#include <utility>
#include <vector>

#include "common/result.h"

namespace vipgate {

// Rows of cells, each column as wide as its widest cell, two spaces apart; the last one as it is.
class TextTable {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Of GET /api/v1/services: each service with its reals below, as users of `ipvsadm -Ln` know it.
// `state`: only those; empty: all.
std::string services_view(const web::json::value& answer, const std::string& state);
// A line for each real.
std::string reals_view(const web::json::value& answer);

// Of GET /api/v1/drains: a line for each real that was taken out, or address. `now_s`: Unix time.
std::string drains_view(const web::json::value& answer, int64_t now_s);
// One of them, for who waits: "10.0.0.5:8080: draining, 12 flows left, 3 services".
std::string drain_line(const web::json::value& drain);

// Of an event: "12:00:00.000 real        service=11.0.0.1:80:tcp real=10.0.0.5:80 state=up", in the
// local time.
Result<std::string> event_line(const std::string& type, const std::string& data);

struct GatewayStatus {
  bool is_ready = false;
  std::string not_ready_why;
  web::json::value snapshot;  // GET /api/v1/snapshot
  web::json::value counters;  // GET /api/v1/counters
};

// What is wrong comes first, a line each with the command that tells more, then what there is.
// `second`: whether anything is.
std::pair<std::string, bool> status_view(const GatewayStatus& status, const std::string& url);

// Of a dry run: "+ id", "~ id", "- id"; empty: nothing would change.
std::string diff_view(const web::json::value& plan);

// The documents of the services that the API made, as YAML that `apply` takes.
Result<std::string> export_view(const web::json::value& answer);

}  // namespace vipgate
