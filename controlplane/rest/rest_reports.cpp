#include "controlplane/rest/rest_reports.h"

#include "common/json_text.h"
#include "controlplane/loop/worker_report.h"

namespace vipgate {
namespace {

// Each behind a comma and a line of its own, between brackets.
template <class Items, class Text>
std::string list_text(const Items& items, const Text& text_of) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() == 1 ? "\n" : ",\n") + text_of(item);
  return text + "\n]";
}

std::string members_text(const NamedCounters& counters) {
  std::string text = "{";
  for (const auto& [name, value] : counters) {
    text += (text.size() == 1 ? "" : ",") + json_quote(name) + ":" + std::to_string(value);
  }
  return text + "}";
}

// {"packets":…,"busy_s":…,"idle_s":…,"asleep_s":…,"busy_ratio":…,"cycles_per_packet":…}, without
// braces.
std::string time_members(const LoopFigures& figures, double s_per_tick) {
  const auto seconds = [&](uint64_t ticks) {
    return json_number(static_cast<double>(ticks) * s_per_tick, 6);
  };
  return "\"packets\":" + std::to_string(figures.packets) +
         ",\"busy_s\":" + seconds(figures.busy.ticks) +
         ",\"idle_s\":" + seconds(figures.idle.ticks) +
         ",\"asleep_s\":" + seconds(figures.asleep_ticks) +
         ",\"busy_ratio\":" + json_number(figures.busy_ratio(), 4) +
         ",\"cycles_per_packet\":" + json_number(figures.ticks_per_packet(), 1);
}

std::string ignored_text(const Skipped& item) {
  std::string text = "{\"kind\":" + json_quote(item.kind) + ",\"item\":" + json_quote(item.item);
  if (!item.task.empty()) text += ",\"task\":" + json_quote(item.task);
  if (!item.framework.empty()) text += ",\"framework\":" + json_quote(item.framework);
  return text + ",\"why\":" + json_quote(item.why) + "}";
}

std::string source_member(const SourceReport& source) {
  std::string text = "{\"id\":" + json_quote(source.id) + ",\"kind\":" + json_quote(source.kind);
  if (!source.name.empty()) text += ",\"name\":" + json_quote(source.name);
  text += ",\"state\":" + json_quote(source.state);
  if (!source.detail.empty()) text += ",\"detail\":" + json_quote(source.detail);
  if (source.age_ms) text += ",\"age_ms\":" + std::to_string(*source.age_ms);
  text += ",\"figures\":" + members_text(source.figures) +
          ",\"ignored\":" + std::to_string(source.ignored);
  return text + ",\"ignored_items\":" + list_text(source.ignored_items, ignored_text) + "}";
}

std::string port_member(const PortReport& port) {
  std::string text =
      "{\"name\":" + json_quote(port.name) + ",\"device\":" + json_quote(port.device) +
      ",\"interface\":" + (port.interface.empty() ? "null" : json_quote(port.interface)) +
      ",\"mac\":" + json_quote(to_string(port.mac)) +
      ",\"link\":" + (port.is_up ? "\"up\"" : "\"down\"") + ",\"mtu\":" + std::to_string(port.mtu) +
      ",\"vlan\":" + std::to_string(port.vlan) + ",\"addresses\":[";
  for (size_t i = 0; i < port.addresses.size(); ++i) {
    text += (i == 0 ? "" : ",") + json_quote(to_string(port.addresses[i]));
  }
  return text + "],\"counters\":" + members_text(port.counters) + "}";
}

}  // namespace

std::string workers_text(const WorkersReport& report) {
  std::string text;
  const uint64_t hz = report.total.ticks_per_second;
  const double s_per_tick = hz == 0 ? 0 : 1 / static_cast<double>(hz);
  for (size_t i = 0; i < report.total.workers.size(); ++i) {
    const LoopFigures& recent = report.recent.workers[i];
    text += (i == 0 ? "\n" : ",\n") + std::string("{\"worker\":") + std::to_string(i) +
            ",\"cpu\":" + std::to_string(report.cpus[i]) + "," +
            time_members(report.total.workers[i], s_per_tick) + ",\"recent\":{" +
            time_members(recent, s_per_tick) +
            ",\"busy_loop_ns\":" + loop_times_text(recent.busy, 1e9 * s_per_tick) + "}}";
  }
  return "{\"workers\":[" + text + "\n]}\n";
}

std::string ports_text(const std::vector<PortReport>& ports) {
  return "{\"ports\":" + list_text(ports, port_member) + "}\n";
}

std::string sources_text(const SourcesReport& report) {
  return "{\"sources\":" + list_text(report.sources, source_member) + ",\"refused\":" +
         list_text(report.refused,
                   [](const RefusedReport& refused) {
                     return "{\"service\":" + json_quote(refused.id) +
                            ",\"why\":" + json_quote(refused.why) + "}";
                   }) +
         "}\n";
}

NamedCounters counters_of_port(const NamedCounters& all, const std::string& port) {
  const std::string prefix = "port." + port + ".";
  NamedCounters own;
  for (const auto& [name, value] : all) {
    // What has a dot is another port's, whose name begins alike.
    if (name.starts_with(prefix) && name.find('.', prefix.size()) == std::string::npos) {
      own.emplace_back(name.substr(prefix.size()), value);
    }
  }
  return own;
}

}  // namespace vipgate
