// Reads the items of Mesos' JSON (tasks, agents, frameworks) in their v1 and v0 forms. Only for
// mesos_parser.cpp and arriving_state.cpp: they and mesos_item*.cpp are all that knows simdjson.
#pragma once

#include <simdjson.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

// Parses what may have to be repaired first (json_repair.h); `repaired` is then what `document`
// lies in. `is_padded`: as PaddedJson.
simdjson::error_code parse_mesos_json(simdjson::dom::parser& parser, std::string_view json,
                                      bool is_padded, std::string& repaired,
                                      simdjson::dom::element& document);

// The readers of plain values are false if the element is of another type.
bool read_mesos_text(const simdjson::dom::element& element, std::string& out);
bool read_mesos_state(const simdjson::dom::element& element, MesosTaskState& state);
// The member of an object of an object …; nothing where the path leads nowhere.
std::optional<simdjson::dom::element> find_member(simdjson::dom::element element,
                                                  std::initializer_list<std::string_view> path);

// Borrows the document, which must outlive it, and belongs to one call of the parser. Each reader
// says whether the item is of use; what is not, and what is left out of an item, is noted.
class MesosItemReader {
 public:
  using Element = simdjson::dom::element;
  using Array = simdjson::dom::array;
  using Object = simdjson::dom::object;

  // `framework_id`: of the framework that the task stands in (v0); empty: the task names it.
  bool task(const Element& element, std::string_view framework_id, MesosTask& task);
  bool agent(const Element& element, MesosAgent& agent);
  bool framework(const Element& element, MesosFramework& framework);
  bool task_updated(const Element& element, MesosTaskUpdated& update);

  // A text, or an object with a text `value`, as v1 writes ids.
  static bool read_id(const Element& element, SharedText& out);
  // The list, or the list `inner` of an object, whose absence is an empty list.
  static bool read_list(const Element& element, std::string_view inner, std::optional<Array>& out);

  // Notes that an item was left out.
  void skip(std::string where, std::string why);
  // What was noted, the last entry being a count if there was too much.
  std::vector<MesosSkipped> take_skipped();

 private:
  // As read_id(), of ids that many items have: all get the same octets.
  bool read_common_id(const Element& element, SharedText& out);
  bool status(const Element& element, MesosTaskStatus& status);
  void statuses(const Element& element, std::vector<MesosTaskStatus>& out);
  void labels(const Element& element, std::string_view of, std::vector<MesosLabel>& out);
  void container_status(const Element& element, std::vector<MesosNetworkInfo>& out);
  void ip_addresses(const Element& element, std::vector<std::string>& out);
  void network_infos(const Element& element, std::vector<MesosNetworkInfo>& out);
  void port_mappings(const Element& element, std::vector<MesosPortMapping>& out);
  void discovery(const Element& element, std::optional<MesosDiscovery>& out);
  bool discovery_port(const Element& element, MesosDiscoveryPort& port);
  void container(const Element& element, MesosTask& task);
  void resources(const Element& element, MesosTask& task);
  void port_ranges(const Element& element, MesosTask& task);
  void port_ranges_of_text(std::string_view text, MesosTask& task);

  // Notes what is wrong in the item at hand; close() then says which item it was.
  void note(std::string why);
  bool close(std::string_view kind, std::string_view id, const std::string& refusal);

  std::unordered_map<std::string_view, SharedText> common_ids_;  // by their own octets
  std::vector<std::string> notes_;
  std::vector<MesosSkipped> skipped_;
  size_t skipped_beyond_ = 0;
};

}  // namespace vipgate
