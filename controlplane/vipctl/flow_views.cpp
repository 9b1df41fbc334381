#include "controlplane/vipctl/flow_views.h"

#include <cstdio>
#include <vector>

#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/text_table.h"

namespace vipgate {
namespace {

using web::json::value;

// "0.25 s": the gateway counts in quarters.
std::string quarters_text(const value& flow, const char* name) {
  if (!flow.has_field(name)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", decimal_of(flow, name) / 1000);
  return text;
}

// What the gateway does not know of a flow, it leaves out.
std::string known_or_dash(const value& flow, const char* name) {
  const std::string text = string_of(flow, name);
  return text.empty() ? "-" : text;
}

}  // namespace

std::string flows_view(const value& answer, const ViewStyle& style) {
  TextTable table;
  std::vector<TextCell> head = {"PROTO", "SOURCE", "DESTINATION", "REAL", "SNAT", "STATE", "IDLE"};
  if (style.is_wide) head.insert(head.end(), {"ENDS IN", "WORKER", "SERVICE"});
  table.add_head(head);
  const auto& flows = array_of(answer, "flows");
  for (const value& flow : flows) {
    std::vector<TextCell> row = {known_or_dash(flow, "protocol"),    known_or_dash(flow, "source"),
                                 known_or_dash(flow, "destination"), known_or_dash(flow, "real"),
                                 known_or_dash(flow, "snat"),        known_or_dash(flow, "state"),
                                 quarters_text(flow, "idle_ms")};
    if (style.is_wide) {
      row.insert(row.end(), {quarters_text(flow, "expires_ms"), known_or_dash(flow, "worker"),
                             known_or_dash(flow, "service")});
    }
    table.add(row);
  }
  std::string text = table.text(style);
  const uint64_t matched = number_of(answer, "matched");
  if (matched > flows.size()) {
    text += "\n" + std::to_string(flows.size()) + " of " + std::to_string(matched) +
            " flows are shown: a larger --limit or a filter shows others\n";
  }
  return text;
}

}  // namespace vipgate
