#include "controlplane/mesos/mesos_types.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <utility>

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

// Eight octets as they are ordered, from `at` on; what is shorter counts as if zeros followed.
uint64_t ordered_octets(std::string_view text, size_t at) {
  uint64_t octets = 0;
  if (at < text.size())
    std::memcpy(&octets, text.data() + at, std::min(text.size() - at, sizeof octets));
  return __builtin_bswap64(octets);
}

}  // namespace

// The octets of the ids lie all over the memory: the first sixteen, which decide nearly always, are
// fetched once, not for each comparison.
void sort_task_keys(std::vector<MesosTaskKey>& keys) {
  struct Sorted {
    uint64_t first;
    uint64_t second;
    MesosTaskKey key;
  };
  std::vector<Sorted> sorted;
  sorted.reserve(keys.size());
  for (MesosTaskKey& key : keys) {
    const std::string_view id = key.task_id.view();
    const uint64_t first = ordered_octets(id, 0);
    const uint64_t second = ordered_octets(id, 8);
    sorted.push_back({first, second, std::move(key)});
  }
  std::sort(sorted.begin(), sorted.end(), [](const Sorted& a, const Sorted& b) {
    if (a.first != b.first) return a.first < b.first;
    if (a.second != b.second) return a.second < b.second;
    return a.key < b.key;
  });
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = std::move(sorted[i].key);
}

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
