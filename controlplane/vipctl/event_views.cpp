#include "controlplane/vipctl/event_views.h"

#include <ctime>

#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

std::string clock_text(int64_t at_ms) {
  const time_t at_s = at_ms / 1000;
  tm local{};
  localtime_r(&at_s, &local);
  char clock[sizeof "00:00:00"];
  std::strftime(clock, sizeof clock, "%T", &local);
  return std::string(clock) + "." + std::to_string(1000 + at_ms % 1000).substr(1);
}

// All that it says but the time.
std::string members_line(const value& members) {
  std::string text;
  for (const auto& [name, member] : members.as_object()) {
    if (name == "at_ms") continue;
    text += (text.empty() ? "" : " ") + name + "=" + string_of(members, name.c_str());
  }
  return text;
}

Tone tone_of_event(const std::string& type, const value& members) {
  if (type == "flood" && string_of(members, "state") == "over") return Tone::kGood;
  if (type == "flood" || type == "missed" || type == "stopping") return Tone::kWarning;
  if (type == "ready") return Tone::kGood;
  const std::string state = string_of(members, type == "port" ? "link" : "state");
  if (state == "stuck" || state == "full") return Tone::kBad;
  if (state == "advancing") return Tone::kGood;
  return tone_of_state(state);
}

std::string limit_sentence(const value& members) {
  const std::string what = string_of(members, "what");
  const std::string state = string_of(members, "state");
  const std::string detail = string_of(members, "detail");
  const std::string setting = string_of(members, "setting");
  if (state == "full") return what + ": full" + (detail.empty() ? "" : ": " + detail);
  return what + ": " + string_of(members, "entries") + " of " + string_of(members, "most") +
         (state != "near"   ? " are used: no longer nearly full"
          : setting.empty() ? " are used: nearly full"
                            : " are used: nearly full; raise " + setting);
}

// Empty: the type, or what it says, is not known here.
std::string sentence(const std::string& type, const value& members) {
  const auto text = [&](const char* name) { return string_of(members, name); };
  if (type == "real") {
    return text("real") + " of " + text("service") + " is " + text("state");
  }
  if (type == "more_reals") return text("count") + " more reals changed, too many to tell singly";
  if (type == "snapshot") {
    return text("version") + " is in force: " + text("services") + " services, " + text("reals") +
           " reals";
  }
  if (type == "source") {
    const std::string state = text("state");
    return text("source") + (state == "stale"       ? " is not heard of: its last state is served"
                             : state == "withdrawn" ? " is not heard of: its services are withdrawn"
                                                    : " is " + state);
  }
  if (type == "port") return text("port") + " has link " + text("link");
  if (type == "workers") {
    return text("state") == "stuck" ? "a worker is stuck" : "all workers advance again";
  }
  if (type == "limit") return limit_sentence(members);
  if (type == "flood") return text("what") + ": " + text("detail");
  if (type == "reload" && text("state") == "refused") return "refused: " + text("detail");
  if (type == "ready") return "all workers serve";
  if (type == "stopping") return "the gateway stops";
  return "";
}

}  // namespace

Result<std::string> event_line(const std::string& type, const std::string& data,
                               const ViewStyle& style) {
  const auto members = parse_object(data);
  if (!members) return Error{members.error()};
  std::string line = clock_text(static_cast<int64_t>(number_of(*members, "at_ms"))) + " ";
  std::string name = printable(type);
  constexpr size_t kColumn = 10;
  if (name.size() < kColumn) name.append(kColumn - name.size(), ' ');
  std::string text = sentence(type, *members);
  if (text.empty()) text = members_line(*members);
  if (text.empty()) name.erase(name.find_last_not_of(' ') + 1);
  line += name + (text.empty() ? "" : " ") + painted(text, tone_of_event(type, *members), style);
  return line + "\n";
}

}  // namespace vipgate
