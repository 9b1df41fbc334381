#include "controlplane/mesos/mesos_items.h"

#include <utility>

#include "controlplane/mesos/json_repair.h"

namespace vipgate {
namespace {

using Element = MesosItemReader::Element;
using Object = MesosItemReader::Object;

constexpr size_t kMaxSkipped = 1000;
constexpr size_t kMaxNotes = 16;  // of one item
constexpr size_t kMaxCommonIds = 100'000;

bool read_id_text(const Element& element, std::string_view& text) {
  if (element.get(text) == simdjson::SUCCESS) return true;
  const auto value = find_member(element, {"value"});
  return value && value->get(text) == simdjson::SUCCESS;
}

}  // namespace

simdjson::error_code parse_mesos_json(simdjson::dom::parser& parser, std::string_view json,
                                      bool is_padded, std::string& repaired,
                                      simdjson::dom::element& document) {
  auto error = parser.parse(json.data(), json.size(), !is_padded).get(document);
  if (error == simdjson::UTF8_ERROR || error == simdjson::NUMBER_ERROR) {
    repaired = json;
    if (repair_json(repaired)) error = parser.parse(repaired).get(document);
  }
  return error;
}

bool read_mesos_text(const Element& element, std::string& out) {
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return false;
  out.assign(text);
  return true;
}

bool read_mesos_state(const Element& element, MesosTaskState& state) {
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return false;
  state = mesos_task_state(text);
  return true;
}

std::optional<Element> find_member(Element element, std::initializer_list<std::string_view> path) {
  for (const std::string_view key : path) {
    Object object;
    if (element.get(object) != simdjson::SUCCESS) return std::nullopt;
    if (object.at_key(key).get(element) != simdjson::SUCCESS) return std::nullopt;
  }
  return element;
}

bool MesosItemReader::read_id(const Element& element, SharedText& out) {
  std::string_view text;
  if (!read_id_text(element, text)) return false;
  out = text;
  return true;
}

bool MesosItemReader::read_common_id(const Element& element, SharedText& out) {
  std::string_view text;
  if (!read_id_text(element, text)) return false;
  if (const auto known = common_ids_.find(text); known != common_ids_.end()) {
    out = known->second;
    return true;
  }
  out = text;
  if (common_ids_.size() == kMaxCommonIds) common_ids_.clear();
  common_ids_.emplace(out.view(), out);
  return true;
}

bool MesosItemReader::read_list(const Element& element, std::string_view inner,
                                std::optional<Array>& out) {
  out.reset();
  Array array;
  if (element.get(array) == simdjson::SUCCESS) {
    out = array;
    return true;
  }
  if (!element.is_object()) return false;
  const auto list = find_member(element, {inner});
  if (!list || list->is_null()) return true;
  if (list->get(array) != simdjson::SUCCESS) return false;
  out = array;
  return true;
}

void MesosItemReader::skip(std::string where, std::string why) {
  if (skipped_.size() < kMaxSkipped) {
    skipped_.push_back({std::move(where), std::move(why)});
  } else {
    ++skipped_beyond_;
  }
}

std::vector<MesosSkipped> MesosItemReader::take_skipped() {
  if (skipped_beyond_ != 0) {
    skipped_.push_back({"state", std::to_string(skipped_beyond_) + " more could not be read"});
  }
  skipped_beyond_ = 0;
  return std::exchange(skipped_, {});
}

void MesosItemReader::note(std::string why) {
  if (notes_.size() < kMaxNotes) notes_.push_back(std::move(why));
}

bool MesosItemReader::close(std::string_view kind, std::string_view id,
                            const std::string& refusal) {
  const bool is_good = refusal.empty();
  if (!is_good || !notes_.empty()) {
    const std::string where = std::string(kind) + " '" + std::string(id) + "'";
    if (!is_good) notes_.assign(1, refusal);
    for (std::string& why : notes_) skip(where, std::move(why));
    notes_.clear();
  }
  return is_good;
}

bool MesosItemReader::task(const Element& element, std::string_view framework_id, MesosTask& task) {
  Object object;
  if (element.get(object) != simdjson::SUCCESS) return close("task", "", "it is not an object");
  bool has_state = false;
  std::string_view wrong;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    bool is_good = true;
    if (key == "id" || key == "task_id") {
      is_good = read_id(value, task.id);
    } else if (key == "name") {
      is_good = read_mesos_text(value, task.name);
    } else if (key == "framework_id") {
      is_good = read_common_id(value, task.framework_id);
    } else if (key == "agent_id" || key == "slave_id") {
      is_good = read_common_id(value, task.agent_id);
    } else if (key == "state") {
      is_good = has_state = read_mesos_state(value, task.state);
    } else if (key == "statuses") {
      statuses(value, task.statuses);
    } else if (key == "labels") {
      labels(value, "task", task.labels);
    } else if (key == "discovery") {
      discovery(value, task.discovery);
    } else if (key == "container") {
      container(value, task);
    } else if (key == "resources") {
      resources(value, task);
    } else if (key == "health_check") {
      task.has_health_check = value.is_object();
      if (!task.has_health_check) note("health_check is not an object");
    }
    if (!is_good) wrong = key;
  }
  // Where the task stands is what counts in v0, as for Mesos-DNS.
  if (!framework_id.empty()) task.framework_id = framework_id;
  std::string refusal;
  if (!wrong.empty()) {
    refusal = "'" + std::string(wrong) + "' is not a text";
  } else if (task.id.empty()) {
    refusal = "it has no id";
  } else if (task.framework_id.empty()) {
    refusal = "it has no framework_id";
  } else if (task.agent_id.empty()) {
    refusal = "it has no agent_id";
  } else if (!has_state) {
    refusal = "it has no state";
  }
  return close("task", task.id, refusal);
}

bool MesosItemReader::task_updated(const Element& element, MesosTaskUpdated& update) {
  const auto framework_id = find_member(element, {"framework_id"});
  const auto status_element = find_member(element, {"status"});
  const auto state = find_member(element, {"state"});
  if (!status_element || !status(*status_element, update.status)) {
    return close("task", "", "its update has no status that can be read");
  }
  const auto task_id = find_member(*status_element, {"task_id"});
  std::string refusal;
  if (!task_id || !read_id(*task_id, update.key.task_id) || update.key.task_id.empty()) {
    refusal = "its update has no task_id";
  } else if (!framework_id || !read_id(*framework_id, update.key.framework_id)) {
    refusal = "its update has no framework_id";
  }
  update.state = update.status.state;
  if (state && !state->is_null() && !read_mesos_state(*state, update.state)) {
    refusal = "its update has a state that is not a text";
  }
  return close("task", update.key.task_id, refusal);
}

bool MesosItemReader::agent(const Element& element, MesosAgent& agent) {
  const Element info = find_member(element, {"agent_info"}).value_or(element);
  Object object;
  if (info.get(object) != simdjson::SUCCESS) return close("agent", "", "it is not an object");
  std::string refusal;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "id" && !read_common_id(value, agent.id)) refusal = "'id' is not a text";
    if (key == "hostname" && !read_mesos_text(value, agent.hostname))
      refusal = "'hostname' is no text";
    if (key != "domain") continue;
    for (const auto& [part, out] : {std::pair("region", &agent.region), {"zone", &agent.zone}}) {
      const auto name = find_member(value, {"fault_domain", part, "name"});
      if (name && !read_mesos_text(*name, *out)) note(std::string(part) + " is not a text");
    }
  }
  const auto pid = find_member(element, {"pid"});
  if (pid && !pid->is_null() && !read_mesos_text(*pid, agent.pid)) refusal = "'pid' is not a text";
  if (refusal.empty() && agent.id.empty()) refusal = "it has no id";
  return close("agent", agent.id, refusal);
}

bool MesosItemReader::framework(const Element& element, MesosFramework& framework) {
  const Element info = find_member(element, {"framework_info"}).value_or(element);
  Object object;
  if (info.get(object) != simdjson::SUCCESS) return close("framework", "", "it is not an object");
  std::string refusal;
  for (const auto [key, value] : object) {
    if (value.is_null()) continue;
    if (key == "id" && !read_common_id(value, framework.id)) refusal = "'id' is not a text";
    if (key == "name" && !read_mesos_text(value, framework.name)) refusal = "'name' is not a text";
    if (key == "hostname" && !read_mesos_text(value, framework.hostname))
      refusal = "'hostname' is no text";
  }
  const auto pid = find_member(element, {"pid"});
  if (pid && !pid->is_null() && !read_mesos_text(*pid, framework.pid))
    refusal = "'pid' is not a text";
  if (refusal.empty() && framework.id.empty()) refusal = "it has no id";
  return close("framework", framework.id, refusal);
}

}  // namespace vipgate
