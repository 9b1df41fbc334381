#include "controlplane/marathon/marathon_parser.h"

#include <simdjson.h>

#include "controlplane/mesos/mesos_types.h"

namespace vipgate {
namespace {

namespace dom = simdjson::dom;

std::string_view string_at(const dom::element& object, std::string_view key) {
  std::string_view value;
  return object[key].get(value) == simdjson::SUCCESS ? value : std::string_view();
}

std::optional<bool> bool_at(const dom::element& object, std::string_view key) {
  bool value = false;
  if (object[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

// Calls `take` for each element of an array that may be missing.
template <class Take>
void each(const dom::element& object, std::string_view key, const Take& take) {
  dom::array array;
  if (object[key].get(array) != simdjson::SUCCESS) return;
  for (const dom::element element : array) take(element);
}

void read_task(const dom::element& task, MarathonState& state) {
  const std::string_view id = string_at(task, "id");
  if (id.empty()) return;
  std::optional<bool> healthy;
  each(task, "healthCheckResults", [&](const dom::element& result) {
    // One check that fails is enough.
    if (const auto alive = bool_at(result, "alive")) healthy = healthy.value_or(true) && *alive;
  });
  if (healthy) state.health.insert_or_assign(std::string(id), *healthy);
}

void read_readiness(const dom::element& result, MarathonState& state) {
  const std::string_view id = string_at(result, "taskId");
  if (id.empty() || bool_at(result, "ready").value_or(true)) return;
  state.unready.emplace(id);
  state.health.insert_or_assign(std::string(id), false);
}

}  // namespace

struct MarathonParser::Impl {
  dom::parser parser;
};

MarathonParser::MarathonParser() : impl_(std::make_unique<Impl>()) {}
MarathonParser::~MarathonParser() = default;

Result<MarathonState> MarathonParser::parse_apps(std::string_view json) {
  dom::element document;
  // The parser copies what has no padding.
  const auto error = impl_->parser.parse(json.data(), json.size()).get(document);
  if (error != simdjson::SUCCESS) {
    return Error{std::string("the answer is no JSON: ") + simdjson::error_message(error)};
  }
  dom::array apps;
  if (document["apps"].get(apps) != simdjson::SUCCESS) {
    return Error{"the answer has no list `apps`: is this Marathon's URL?"};
  }
  MarathonState state;
  for (const dom::element app : apps) {
    each(app, "tasks", [&](const dom::element& task) { read_task(task, state); });
    each(app, "readinessCheckResults",
         [&](const dom::element& result) { read_readiness(result, state); });
  }
  return state;
}

MarathonEvent MarathonParser::parse_event(std::string_view json) {
  MarathonEvent event;
  dom::element document;
  if (impl_->parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS) {
    return event;
  }
  const std::string_view type = string_at(document, "eventType");
  const std::string task_id(string_at(document, "taskId"));
  if (type == "health_status_changed_event") {
    const auto alive = bool_at(document, "alive");
    if (!task_id.empty() && alive) event.change = MarathonChange{task_id, *alive};
    event.wants_refresh = !event.change;  // newer Marathons name the instance, not its tasks
  } else if (type == "status_update_event") {
    if (!task_id.empty() && is_terminal(mesos_task_state(string_at(document, "taskStatus")))) {
      event.change = MarathonChange{task_id, std::nullopt};
    }
  } else {
    event.wants_refresh = type == "instance_health_changed_event" ||
                          type == "deployment_step_success" || type == "deployment_success" ||
                          type == "deployment_failed";
  }
  return event;
}

}  // namespace vipgate
