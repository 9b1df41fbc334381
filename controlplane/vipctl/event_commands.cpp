#include "controlplane/vipctl/event_commands.h"

#include "controlplane/vipctl/event_views.h"
#include "controlplane/vipctl/yaml_text.h"

namespace vipgate {
namespace {

Result<std::string> event_text(const ApiEvent& event, const ShowOptions& options) {
  if (options.is_for_people()) return event_line(event.type, event.data, options.style);
  const auto members = parse_object(event.data);
  if (!members) return Error{members.error()};
  web::json::value whole = web::json::value::object(true);
  whole["event"] = web::json::value::string(event.type);
  whole["data"] = *members;
  if (options.output == Output::kJson) return whole.serialize() + "\n";
  const auto yaml = yaml_text(whole);
  if (!yaml) return Error{yaml.error()};
  return "---\n" + *yaml;
}

// Until the gateway stops, or what takes the lines has gone.
int run_events(GatewaySession& session) {
  int printed = kExitOk;
  const auto ended = session.api().follow("/api/v1/events", [&](const ApiEvent& event) {
    const auto text = event_text(event, session.options());
    printed = text ? print(*text) : fail(kExitFailure, text.error());
    return printed == kExitOk;
  });
  if (!ended) return fail(kExitUnreachable, ended.error());
  if (ended->status != 200) return fail(kExitFailure, problem_text(*ended));
  return printed != kExitOk ? printed : fail(kExitUnreachable, "the gateway has ended the stream");
}

}  // namespace

void add_event_commands(CommandSet& commands) {
  CLI::App* watch = commands.add("watch", "what happens, a line each, until it is interrupted");
  watch->alias("events");
  commands.on(watch, run_events, kStreamSilence);
}

}  // namespace vipgate
