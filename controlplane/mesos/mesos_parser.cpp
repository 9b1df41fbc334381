#include "controlplane/mesos/mesos_parser.h"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "common/addresses.h"
#include "controlplane/mesos/json_list_cutter.h"
#include "controlplane/mesos/mesos_items.h"

namespace vipgate {
namespace {

using Element = MesosItemReader::Element;
using Array = MesosItemReader::Array;
using Object = MesosItemReader::Object;

static_assert(PaddedJson::kPadding >= simdjson::SIMDJSON_PADDING);

constexpr size_t kMaxDocument = std::numeric_limits<uint32_t>::max() - 64;
// Beyond this the parser's memory is given back after a document: events are far smaller.
constexpr size_t kKeptCapacity = size_t{1} << 20;
// No task is described in less: bounds what is reserved for a list by the size of its text.
constexpr size_t kLeastTask = 128;

std::optional<Element> member(const Element& element, std::string_view key) {
  Object object;
  Element value;
  if (element.get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

std::string text_member(const Element& element, std::string_view key) {
  std::string_view text;
  const auto value = member(element, key);
  return value && value->get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

Error first_of(std::vector<MesosSkipped> skipped) {
  return Error{skipped.front().where + ": " + skipped.front().why};
}

// Puts a document together. A list of the wrong type is an error, an item of the wrong type is not.
class StateReader {
 public:
  explicit StateReader(size_t document_size) : most_tasks_(document_size / kLeastTask) {}

  // The answer to GET_STATE, of a master or of an agent.
  Status read_v1(const Element& state);
  Status read_v0(const Element& state);
  MesosState finish() {
    state_.skipped = items_.take_skipped();
    return std::move(state_);
  }

 private:
  void add_tasks(const Array& list, std::string_view framework_id);
  void add_agents(const Array& list);
  void add_recovered(const Array& list);

  size_t most_tasks_;
  MesosItemReader items_;
  MesosState state_;
};

// Nothing: there is no such list, which Mesos writes for an empty one.
Result<std::optional<Array>> list_at(const Element& element, std::string_view outer,
                                     std::string_view inner = {}) {
  const auto value = member(element, outer);
  if (!value) return std::optional<Array>();
  std::optional<Array> list;
  const bool is_good = inner.empty() ? value->is_array() : value->is_object();
  if (!is_good || !MesosItemReader::read_list(*value, inner, list)) {
    const std::string path = std::string(outer) + (inner.empty() ? "" : "." + std::string(inner));
    return Error{"the state of the cluster cannot be used: '" + path + "' is not a list"};
  }
  return list;
}

void StateReader::add_tasks(const Array& list, std::string_view framework_id) {
  state_.tasks.reserve(std::min(state_.tasks.size() + list.size(), most_tasks_));
  for (const Element item : list) {
    MesosTask task;
    if (items_.task(item, framework_id, task) && !is_terminal(task.state)) {
      state_.tasks.push_back(std::move(task));
    }
  }
}

void StateReader::add_agents(const Array& list) {
  for (const Element item : list) {
    MesosAgent agent;
    if (items_.agent(item, agent)) state_.agents.push_back(std::move(agent));
  }
}

void StateReader::add_recovered(const Array& list) {
  for (const Element item : list) {
    MesosAgent agent;
    if (items_.agent(item, agent)) state_.recovered_agent_ids.push_back(std::move(agent.id));
  }
}

Status StateReader::read_v1(const Element& state) {
  if (!state.is_object()) return Error{"the state of the cluster is not an object"};
  // Unreachable ones first: one that is also among the others is no longer unreachable.
  for (const std::string_view inner : {"unreachable_tasks", "tasks", "launched_tasks"}) {
    auto list = list_at(state, "get_tasks", inner);
    if (!list) return Error{list.error()};
    if (*list) add_tasks(**list, {});
  }
  auto frameworks = list_at(state, "get_frameworks", "frameworks");
  if (!frameworks) return Error{frameworks.error()};
  if (*frameworks) {
    for (const Element item : **frameworks) {
      MesosFramework framework;
      if (items_.framework(item, framework)) state_.frameworks.push_back(std::move(framework));
    }
  }
  auto agents = list_at(state, "get_agents", "agents");
  if (!agents) return Error{agents.error()};
  if (*agents) add_agents(**agents);
  auto recovered = list_at(state, "get_agents", "recovered_agents");
  if (!recovered) return Error{recovered.error()};
  if (*recovered) add_recovered(**recovered);
  return Done{};
}

Status StateReader::read_v0(const Element& state) {
  auto frameworks = list_at(state, "frameworks");
  if (!frameworks) return Error{frameworks.error()};
  if (*frameworks) {
    for (const Element item : **frameworks) {
      MesosFramework framework;
      if (!items_.framework(item, framework)) continue;
      for (const std::string_view key : {"unreachable_tasks", "tasks"}) {
        auto tasks = list_at(item, key);
        if (!tasks) items_.skip("framework '" + framework.id + "'", tasks.error());
        if (tasks && *tasks) add_tasks(**tasks, framework.id);
      }
      state_.frameworks.push_back(std::move(framework));
    }
  }
  auto agents = list_at(state, "slaves");
  if (!agents) return Error{agents.error()};
  if (*agents) add_agents(**agents);
  auto recovered = list_at(state, "recovered_slaves");
  if (!recovered) return Error{recovered.error()};
  if (*recovered) add_recovered(**recovered);
  state_.leader = text_member(state, "leader");
  return Done{};
}

Result<MesosSubscribed> read_subscribed(const Element& body, size_t size) {
  const auto state = member(body, "get_state");
  if (!state) return Error{"SUBSCRIBED has no get_state"};
  StateReader reader(size);
  if (auto status = reader.read_v1(*state); !status) return Error{status.error()};
  MesosSubscribed subscribed{reader.finish()};
  const auto interval = member(body, "heartbeat_interval_seconds");
  double seconds = 0;
  if (interval && interval->get(seconds) == simdjson::SUCCESS && seconds > 0) {
    subscribed.state.heartbeat_interval_s = seconds;
  }
  return subscribed;
}

Result<MesosEvent> read_task_added(const Element& body) {
  MesosItemReader items;
  const auto task = member(body, "task");
  MesosTaskAdded added;
  if (!task) return Error{"TASK_ADDED has no task"};
  if (!items.task(*task, {}, added.task)) return first_of(items.take_skipped());
  return MesosEvent(std::move(added));
}

Result<MesosEvent> read_task_updated(const Element& body) {
  MesosItemReader items;
  MesosTaskUpdated updated;
  if (!items.task_updated(body, updated)) return first_of(items.take_skipped());
  return MesosEvent(std::move(updated));
}

Result<MesosEvent> read_agent_added(const Element& body) {
  MesosItemReader items;
  const auto agent = member(body, "agent");
  MesosAgentAdded added;
  if (!agent) return Error{"AGENT_ADDED has no agent"};
  if (!items.agent(*agent, added.agent)) return first_of(items.take_skipped());
  return MesosEvent(std::move(added));
}

Result<MesosEvent> read_agent_removed(const Element& body) {
  MesosAgentRemoved removed;
  const auto id = member(body, "agent_id");
  if (!id || !MesosItemReader::read_id(*id, removed.agent_id) || removed.agent_id.empty()) {
    return Error{"AGENT_REMOVED has no agent_id"};
  }
  return MesosEvent(std::move(removed));
}

Result<MesosEvent> read_framework_added(const Element& body) {
  MesosItemReader items;
  const auto framework = member(body, "framework");
  MesosFrameworkAdded added;
  if (!framework) return Error{"FRAMEWORK_ADDED or FRAMEWORK_UPDATED has no framework"};
  if (!items.framework(*framework, added.framework)) return first_of(items.take_skipped());
  return MesosEvent(std::move(added));
}

Result<MesosEvent> read_framework_removed(const Element& body) {
  // It has framework_info itself, where the other two have a framework that has one.
  MesosItemReader items;
  MesosFramework framework;
  if (!items.framework(body, framework)) return first_of(items.take_skipped());
  return MesosEvent(MesosFrameworkRemoved{std::move(framework.id)});
}

struct EventReader {
  std::string_view type;
  std::string_view body;
  Result<MesosEvent> (*read)(const Element& body);
};

constexpr EventReader kEventReaders[] = {
    {"TASK_UPDATED", "task_updated", read_task_updated},
    {"TASK_ADDED", "task_added", read_task_added},
    {"AGENT_ADDED", "agent_added", read_agent_added},
    {"AGENT_REMOVED", "agent_removed", read_agent_removed},
    {"FRAMEWORK_ADDED", "framework_added", read_framework_added},
    {"FRAMEWORK_UPDATED", "framework_updated", read_framework_added},
    {"FRAMEWORK_REMOVED", "framework_removed", read_framework_removed},
};

Result<MesosEvent> read_event(const Element& event, size_t size) {
  const std::string type = text_member(event, "type");
  if (type.empty()) return Error{"the event has no type"};
  if (type == "HEARTBEAT") return MesosEvent(MesosHeartbeat{});
  const auto body_of = [&](std::string_view key) { return member(event, key); };
  if (type == "SUBSCRIBED") {
    const auto body = body_of("subscribed");
    if (!body) return Error{"SUBSCRIBED has no subscribed"};
    auto subscribed = read_subscribed(*body, size);
    if (!subscribed) return Error{subscribed.error()};
    return MesosEvent(std::move(*subscribed));
  }
  for (const EventReader& reader : kEventReaders) {
    if (type != reader.type) continue;
    const auto body = body_of(reader.body);
    if (!body) return Error{type + " has no " + std::string(reader.body)};
    return reader.read(*body);
  }
  return MesosEvent(MesosUnknownEvent{type});
}

Result<MesosState> read_state(const Element& document, size_t size) {
  if (const auto subscribed = member(document, "subscribed")) {
    auto event = read_subscribed(*subscribed, size);
    if (!event) return Error{event.error()};
    return std::move(event->state);
  }
  StateReader reader(size);
  const auto has = [&](std::string_view key) { return member(document, key).has_value(); };
  if (const auto state = member(document, "get_state")) {
    if (auto status = reader.read_v1(*state); !status) return Error{status.error()};
  } else if (has("get_tasks") || has("get_agents") || has("get_frameworks")) {
    if (auto status = reader.read_v1(document); !status) return Error{status.error()};
  } else if (has("frameworks") || has("slaves") || has("leader")) {
    if (auto status = reader.read_v0(document); !status) return Error{status.error()};
  } else {
    return Error{"this is neither a /state document nor an answer to GET_STATE"};
  }
  return reader.finish();
}

// MasterInfo's `ip` is in network byte order, read as a little-endian number.
std::optional<std::string> packed_ip(const Element& info) {
  uint64_t packed = 0;
  const auto value = member(info, "ip");
  if (!value || value->get(packed) != simdjson::SUCCESS) return std::nullopt;
  if (packed > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  std::string text;
  for (int i = 0; i < 4; ++i, packed >>= 8) {
    if (i != 0) text += '.';
    text += std::to_string(packed & 0xff);
  }
  return text;
}

Result<MesosMaster> read_master_info(const Element& info) {
  const auto address = member(info, "address");
  MesosMaster master;
  if (address) master.ip = text_member(*address, "ip");
  if (!parse_ip_address(master.ip)) {
    const auto packed = packed_ip(info);
    if (!packed) return Error{"MasterInfo has no address.ip that is an IP address, and no ip"};
    master.ip = *packed;
  }
  auto port = address ? member(*address, "port") : std::nullopt;
  if (!port) port = member(info, "port");
  if (!port) return master;
  uint64_t number = 0;
  if (port->get(number) != simdjson::SUCCESS || number == 0 || number > 65535) {
    return Error{"MasterInfo has a port that is not a number from 1 to 65535"};
  }
  master.port = static_cast<uint16_t>(number);
  return master;
}

}  // namespace

struct MesosParser::Impl {
  Impl() { renew(); }

  void renew() {
    parser = std::make_unique<simdjson::dom::parser>(kMaxDocument);
    if (parser->allocate(4096, kMaxJsonDepth) != simdjson::SUCCESS) throw std::bad_alloc();
  }

  // `read` makes the result of the document; the document is gone after it.
  template <class T, class Read>
  Result<T> with_document(std::string_view json, bool is_padded, Read read) {
    if (json.size() > kMaxDocument) {
      return Error{"a JSON document of " + std::to_string(json.size()) +
                   " octets is larger than 4 GB, the most that can be parsed"};
    }
    Element document;
    std::string repaired;
    const auto error = parse_mesos_json(*parser, json, is_padded, repaired, document);
    // What only parsing needs is as large as half of the document: not to be kept while it is read.
    if (json.size() > kKeptCapacity) parser->implementation.reset();
    Result<T> result =
        error == simdjson::SUCCESS
            ? read(document, json.size())
            : Result<T>(Error{std::string("this is not JSON: ") + simdjson::error_message(error)});
    if (json.size() > kKeptCapacity) renew();
    return result;
  }

  std::unique_ptr<simdjson::dom::parser> parser;
};

MesosParser::MesosParser() : impl_(std::make_unique<Impl>()) {}
MesosParser::~MesosParser() = default;
MesosParser::MesosParser(MesosParser&&) noexcept = default;
MesosParser& MesosParser::operator=(MesosParser&&) noexcept = default;

Result<MesosEvent> MesosParser::parse_event(std::string_view json) {
  return impl_->with_document<MesosEvent>(json, false, read_event);
}

Result<MesosEvent> MesosParser::parse_event(PaddedJson json) {
  return impl_->with_document<MesosEvent>(json.text, true, read_event);
}

Result<MesosState> MesosParser::parse_state(std::string_view json) {
  return impl_->with_document<MesosState>(json, false, read_state);
}

Result<MesosState> MesosParser::parse_state(PaddedJson json) {
  return impl_->with_document<MesosState>(json.text, true, read_state);
}

Result<MesosMaster> MesosParser::parse_master_info(std::string_view json) {
  return impl_->with_document<MesosMaster>(
      json, false, [](const Element& info, size_t) { return read_master_info(info); });
}

}  // namespace vipgate
