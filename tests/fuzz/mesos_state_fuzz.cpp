// libFuzzer target: any octets as a document about a cluster. What is read of it can be written,
// and read again as the same; while it arrives, the same is read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/mesos/mesos_parser.h"
#include "tests/support/arriving_pieces.h"

namespace vipgate {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view json) {
  MesosParser parser;
  (void)parser.parse_master_info(json);
  auto state = parser.parse_state(json);
  if (!state) {
    require(!state.error().empty());
    return;
  }
  for (const MesosTask& task : state->tasks) {
    require(!task.id.empty() && !task.agent_id.empty() && !task.framework_id.empty());
    const auto again =
        parser.parse_event(R"({"type":"TASK_ADDED","task_added":{"task":)" + to_json(task) + "}}");
    require(again.ok());
    require(std::get<MesosTaskAdded>(*again).task == task);
  }
  const auto arrived = test::read_answer_in_pieces(json, 1 + json.size() / 3);
  require(arrived.ok() && arrived->tasks == state->tasks && arrived->agents == state->agents);
  MesosCluster cluster{MesosClusterOptions{}};
  cluster.apply(MesosSubscribed{*state}, 1);
  (void)cluster.take_changes();
  cluster.apply_sweep(*std::move(state), 2, 2);
  require(cluster.take_changes().empty());
}

}  // namespace
}  // namespace vipgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 100'000) return 0;
  vipgate::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
