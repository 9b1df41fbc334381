#include "controlplane/mesos/subscribed_reader.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controlplane/mesos/json_list_cutter.h"
#include "controlplane/mesos/mesos_items.h"

namespace vipgate {
namespace {

constexpr size_t kMaxItem = std::numeric_limits<uint32_t>::max() - 64;
constexpr size_t kMaxItemDepth = 128;

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

constexpr std::string_view kState = "/subscribed/get_state/";
constexpr std::array<std::string_view, kUnread> kPaths = {
    "get_tasks/tasks",           "get_tasks/launched_tasks", "get_tasks/unreachable_tasks",
    "get_frameworks/frameworks", "get_agents/agents",        "get_agents/recovered_agents"};

// Each list once: as in a parsed document, the first of a name counts. (The others are the frame's,
// where nobody asks for them.)
class Lists {
 public:
  int at(std::string_view path) {
    if (!path.starts_with(kState)) return kInFrame;
    path.remove_prefix(kState.size());
    if (std::count(path.begin(), path.end(), '/') != 1) return kInFrame;
    const auto* found = std::find(kPaths.begin(), kPaths.end(), path);
    if (found == kPaths.end()) return kUnread;
    const auto list = static_cast<size_t>(std::distance(kPaths.begin(), found));
    return std::exchange(is_seen_[list], true) ? kUnread : static_cast<int>(list);
  }

 private:
  std::array<bool, kUnread> is_seen_ = {};
};

}  // namespace

struct SubscribedReader::Impl {
  Impl(MesosParser& parser_in, size_t octets)
      : parser(parser_in),
        item_parser(kMaxItem),
        cutter([this](std::string_view path) { return lists.at(path); }),
        expected_octets(octets) {
    if (item_parser.allocate(4096, kMaxItemDepth) != simdjson::SUCCESS) throw std::bad_alloc();
  }

  void read(int list, std::string_view item);
  void read_task(const MesosItemReader::Element& element, std::vector<MesosTask>& tasks);
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

void SubscribedReader::Impl::read_task(const MesosItemReader::Element& element,
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

void SubscribedReader::Impl::read(int list, std::string_view item) {
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

// As MesosParser puts them: unreachable ones first.
void SubscribedReader::Impl::merge_into(MesosState& to) {
  to.frameworks = std::move(state.frameworks);
  to.agents = std::move(state.agents);
  to.recovered_agent_ids = std::move(state.recovered_agent_ids);
  to.tasks = std::move(tasks);
  const auto move_to = [&](std::vector<MesosTask>::iterator where, std::vector<MesosTask>& from) {
    to.tasks.insert(where, std::make_move_iterator(from.begin()),
                    std::make_move_iterator(from.end()));
  };
  move_to(to.tasks.begin(), unreachable);
  move_to(to.tasks.end(), launched);
  to.skipped = items.take_skipped();
}

SubscribedReader::SubscribedReader(MesosParser& parser, size_t octets)
    : impl_(std::make_unique<Impl>(parser, octets)) {}

SubscribedReader::~SubscribedReader() = default;

size_t SubscribedReader::take(PaddedJson begun) {
  const size_t taken = impl_->cutter.take(
      begun.text, [this](int list, std::string_view item) { impl_->read(list, item); });
  impl_->taken_octets += taken;
  return taken;
}

Result<MesosEvent> SubscribedReader::finish(PaddedJson rest) {
  const bool is_whole = take(rest) == rest.text.size() && impl_->cutter.is_whole();
  if (!impl_->error.empty()) return Error{impl_->error};
  if (!is_whole) return Error{"this is not JSON: its brackets do not match"};
  auto event = impl_->parser.parse_event(impl_->cutter.frame());
  if (!event) return event;
  if (auto* subscribed = std::get_if<MesosSubscribed>(&*event)) {
    impl_->merge_into(subscribed->state);
  }
  return event;
}

}  // namespace vipgate
