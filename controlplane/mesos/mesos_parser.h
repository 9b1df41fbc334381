// From Mesos' JSON to our words, by simdjson. Every byte is hostile: nothing throws, an item that
// cannot be read costs itself only and is listed in `skipped`. Each thread has a parser of its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

// JSON after whose end so many octets can be read, as RecordIoDecoder gives it: it need not be
// copied to be parsed.
struct PaddedJson {
  static constexpr size_t kPadding = 64;
  std::string_view text;
};

class MesosParser {
 public:
  MesosParser();
  ~MesosParser();
  MesosParser(MesosParser&&) noexcept;
  MesosParser& operator=(MesosParser&&) noexcept;

  // One record of the operator API's stream. An error: not JSON, or no event of use.
  Result<MesosEvent> parse_event(std::string_view json);
  Result<MesosEvent> parse_event(PaddedJson json);
  // A v0 /state document, or the answer to GET_STATE of a master or of an agent, or a SUBSCRIBED
  // event: told apart by their keys. An error, too, if a whole list is of the wrong type: what
  // would be left is not the cluster.
  Result<MesosState> parse_state(std::string_view json);
  Result<MesosState> parse_state(PaddedJson json);
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
