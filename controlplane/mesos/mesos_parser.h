// From Mesos' JSON to our words, by simdjson. Every byte is hostile: nothing throws, an item that
// cannot be read costs itself only and is listed in `skipped`. Each thread has a parser of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

class MesosParser {
 public:
  MesosParser();
  ~MesosParser();
  MesosParser(MesosParser&&) noexcept;
  MesosParser& operator=(MesosParser&&) noexcept;

  // One record of the operator API's stream. An error: not JSON, or no event of use.
  Result<MesosEvent> parse_event(std::string_view json);
  // A v0 /state document, or the answer to GET_STATE of a master or of an agent, or a SUBSCRIBED
  // event: told apart by their keys.
  Result<MesosState> parse_state(std::string_view json);
  // MasterInfo, as in ZooKeeper's json.info_ nodes.
  Result<MesosMaster> parse_master_info(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The v1 form of a task, agent, framework: parse_event() of the matching event gives it back.
std::string to_json(const MesosTask& task);
std::string to_json(const MesosAgent& agent);
std::string to_json(const MesosFramework& framework);

}  // namespace vipgate
