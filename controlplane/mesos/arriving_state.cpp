#include "controlplane/mesos/arriving_state.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/append.h"
#include "controlplane/mesos/json_list_cutter.h"
#include "controlplane/mesos/mesos_items.h"

namespace vipgate {
namespace {

constexpr size_t kMaxItemBytes = std::numeric_limits<uint32_t>::max() - 64;

enum List : int {
  kTasks,
  kLaunchedTasks,
  kUnreachableTasks,
  kFrameworks,
  kAgents,
  kRecoveredAgents,
  kUnread,
  kInFrame = -1
};

constexpr std::array<std::string_view, kUnread> kPaths = {
    "get_tasks/tasks",           "get_tasks/launched_tasks", "get_tasks/unreachable_tasks",
    "get_frameworks/frameworks", "get_agents/agents",        "get_agents/recovered_agents"};

// Each list once: as in a parsed document, the first of a name counts. (The others are the frame's,
// where nobody asks for them.)
class Lists {
 public:
  explicit Lists(ArrivingState::Form form)
      : state_(form == ArrivingState::Form::kEvent ? "/subscribed/get_state/" : "/get_state/") {}

  int at(std::string_view path) {
    if (!path.starts_with(state_)) return kInFrame;
    path.remove_prefix(state_.size());
    if (std::count(path.begin(), path.end(), '/') != 1) return kInFrame;
    const auto* found = std::find(kPaths.begin(), kPaths.end(), path);
    if (found == kPaths.end()) return kUnread;
    const auto list = static_cast<size_t>(std::distance(kPaths.begin(), found));
    return std::exchange(is_seen_[list], true) ? kUnread : static_cast<int>(list);
  }

 private:
  const std::string_view state_;
  std::array<bool, kUnread> is_seen_ = {};
};

}  // namespace

struct ArrivingState::Impl {
  Impl(MesosParser& parser_in, Form form, size_t octets)
      : parser(parser_in),
        item_parser(kMaxItemBytes),
        lists(form),
        cutter([this](std::string_view path) { return lists.at(path); }),
        expected_octets(octets) {
    if (item_parser.allocate(4096, kMaxJsonDepth) != simdjson::SUCCESS) throw std::bad_alloc();
  }

  void read(int list, std::string_view item);
  void read_task(const MesosItemReader::Element& element, std::vector<MesosTask>& tasks);
  size_t take(PaddedJson begun);
  Status take_rest(PaddedJson rest);
  void merge_into(MesosState& state);

  MesosParser& parser;
  simdjson::dom::parser item_parser;
  std::string repaired;
  MesosItemReader items;
  Lists lists;
  JsonListCutter cutter;
  const size_t expected_octets;
  size_t taken_octets = 0;
  std::string error;  // of an item
  std::vector<MesosTask> tasks, launched, unreachable;
  MesosState state;  // all but the tasks
};

void ArrivingState::Impl::read_task(const MesosItemReader::Element& element,
                                    std::vector<MesosTask>& to) {
  if (to.size() == to.capacity()) {
    // As many as there will be, if those to come are as long as those that came; at least half as
    // many more and at most twice as many, since nobody knows.
    const double whole = static_cast<double>(expected_octets);
    const double part = static_cast<double>(std::max<size_t>(taken_octets, 1));
    const auto guess = static_cast<size_t>(static_cast<double>(to.size()) * 1.02 * whole / part);
    to.reserve(std::max<size_t>(64, std::clamp(guess, to.size() * 3 / 2, to.size() * 3)));
  }
  MesosTask& task = to.emplace_back();
  if (!items.task(element, {}, task) || is_terminal(task.state)) to.pop_back();
}

void ArrivingState::Impl::read(int list, std::string_view item) {
  if (list == kUnread || !error.empty()) return;
  MesosItemReader::Element element;
  const auto code = parse_mesos_json(item_parser, item, true, repaired, element);
  if (code != simdjson::SUCCESS) {
    error = std::string("this is not JSON: ") + simdjson::error_message(code);
    return;
  }
  MesosAgent agent;
  MesosFramework framework;
  switch (list) {
    case kTasks:
      read_task(element, tasks);
      break;
    case kLaunchedTasks:
      read_task(element, launched);
      break;
    case kUnreachableTasks:
      read_task(element, unreachable);
      break;
    case kFrameworks:
      if (items.framework(element, framework)) state.frameworks.push_back(std::move(framework));
      break;
    case kAgents:
      if (items.agent(element, agent)) state.agents.push_back(std::move(agent));
      break;
    case kRecoveredAgents:
      if (items.agent(element, agent)) state.recovered_agent_ids.push_back(std::move(agent.id));
      break;
    default:
      break;
  }
}

// As MesosParser puts them: unreachable ones first. What was not cut out is there already.
void ArrivingState::Impl::merge_into(MesosState& to) {
  append(to.frameworks, std::move(state.frameworks));
  append(to.agents, std::move(state.agents));
  append(to.recovered_agent_ids, std::move(state.recovered_agent_ids));
  append(unreachable, std::move(to.tasks));
  append(unreachable, std::move(tasks));
  append(unreachable, std::move(launched));
  to.tasks = std::move(unreachable);
  append(to.skipped, items.take_skipped());
}

size_t ArrivingState::Impl::take(PaddedJson begun) {
  return cutter.take(begun.text, [this](int list, std::string_view item) { read(list, item); });
}

Status ArrivingState::Impl::take_rest(PaddedJson rest) {
  const size_t taken = take(rest);
  if (!error.empty()) return Error{error};
  if (taken == rest.text.size() && cutter.is_whole()) return Done{};
  return Error{"this is not JSON: its brackets do not match"};
}

ArrivingState::ArrivingState(MesosParser& parser, Form form, size_t octets)
    : impl_(std::make_unique<Impl>(parser, form, octets)) {}

ArrivingState::~ArrivingState() = default;

size_t ArrivingState::take(PaddedJson begun) {
  const size_t taken = impl_->take(begun);
  impl_->taken_octets += taken;
  return taken;
}

Result<MesosEvent> ArrivingState::finish_event(PaddedJson rest) {
  if (auto status = impl_->take_rest(rest); !status) return Error{status.error()};
  auto event = impl_->parser.parse_event(impl_->cutter.frame());
  if (!event) return event;
  if (auto* subscribed = std::get_if<MesosSubscribed>(&*event)) {
    impl_->merge_into(subscribed->state);
  }
  return event;
}

Result<MesosState> ArrivingState::finish_answer(PaddedJson rest) {
  if (auto status = impl_->take_rest(rest); !status) return Error{status.error()};
  auto state = impl_->parser.parse_state(impl_->cutter.frame());
  if (state) impl_->merge_into(*state);
  return state;
}

}  // namespace vipgate
