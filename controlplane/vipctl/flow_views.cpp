#include "controlplane/vipctl/flow_views.h"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <vector>

#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/text_table.h"

namespace vipgate {
namespace {

std::string or_dash(std::string text) { return text.empty() ? "-" : std::move(text); }

// "01:05", as ipvsadm writes what is left.
std::string minutes_and_seconds(uint64_t ms) {
  char text[32];
  const auto seconds = static_cast<unsigned long long>(ms / 1000);
  std::snprintf(text, sizeof text, "%02llu:%02llu", seconds / 60, seconds % 60);
  return text;
}

}  // namespace

std::string flows_view(const web::json::value& answer, const ViewStyle& style) {
  TextTable table;
  std::vector<TextCell> head = {"PRO", "EXPIRE", "STATE", "SOURCE", "VIRTUAL", "REAL"};
  if (style.is_wide) head.insert(head.end(), {"SEEN AS", "IDLE", "WORKER", "SERVICE"});
  table.add_head(std::move(head));
  const auto& flows = answer.at("flows").as_array();
  for (const web::json::value& flow : flows) {
    std::vector<TextCell> row = {
        string_of(flow, "protocol"),    minutes_and_seconds(number_of(flow, "expires_ms")),
        string_of(flow, "state"),       string_of(flow, "source"),
        string_of(flow, "destination"), or_dash(string_of(flow, "real"))};
    if (style.is_wide) {
      row.emplace_back(or_dash(string_of(flow, "snat")));
      row.emplace_back(flow.has_field("idle_ms") ? minutes_and_seconds(number_of(flow, "idle_ms"))
                                                 : std::string("-"));
      row.emplace_back(string_of(flow, "worker"));
      row.emplace_back(or_dash(string_of(flow, "service")));
    }
    table.add(std::move(row));
  }
  std::string text = flows.size() == 0 ? std::string() : table.text(style);
  text += std::to_string(flows.size()) + " of " + string_of(answer, "matched") + " flows";
  if (flows.size() < number_of(answer, "matched")) text += "; --limit shows more";
  return text + "\n";
}

}  // namespace vipgate
