#include "controlplane/mesos/mesos_types.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace vipgate {
namespace {

// In the order of MesosTaskState.
constexpr std::array<std::string_view, 14> kStateNames = {
    "TASK_STAGING",          "TASK_STARTING",    "TASK_RUNNING",
    "TASK_KILLING",          "TASK_FINISHED",    "TASK_FAILED",
    "TASK_KILLED",           "TASK_ERROR",       "TASK_LOST",
    "TASK_DROPPED",          "TASK_UNREACHABLE", "TASK_GONE",
    "TASK_GONE_BY_OPERATOR", "TASK_UNKNOWN"};
static_assert(kStateNames.size() == static_cast<size_t>(MesosTaskState::kUnknown) + 1);

}  // namespace

MesosTaskState mesos_task_state(std::string_view text) {
  const auto* found = std::find(kStateNames.begin(), kStateNames.end(), text);
  if (found == kStateNames.end()) return MesosTaskState::kUnknown;
  return static_cast<MesosTaskState>(std::distance(kStateNames.begin(), found));
}

std::string_view to_string(MesosTaskState state) { return kStateNames[static_cast<size_t>(state)]; }

bool is_terminal(MesosTaskState state) {
  switch (state) {
    case MesosTaskState::kFinished:
    case MesosTaskState::kFailed:
    case MesosTaskState::kKilled:
    case MesosTaskState::kError:
    case MesosTaskState::kLost:
    case MesosTaskState::kDropped:
    case MesosTaskState::kGone:
    case MesosTaskState::kGoneByOperator:
      return true;
    case MesosTaskState::kStaging:
    case MesosTaskState::kStarting:
    case MesosTaskState::kRunning:
    case MesosTaskState::kKilling:
    case MesosTaskState::kUnreachable:
    case MesosTaskState::kUnknown:
      return false;
  }
  return false;
}

}  // namespace vipgate
