#include "controlplane/rest/rest_reports.h"

#include <cstdio>

#include "common/json_text.h"

namespace vipgate {
namespace {

std::string decimal_text(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

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
std::string time_members(const LoopFigures& figures, double ticks_per_second) {
  const auto seconds = [&](uint64_t ticks) {
    const double ratio = ticks_per_second == 0 ? 0 : static_cast<double>(ticks) / ticks_per_second;
    return decimal_text(ratio, 6);
  };
  return "\"packets\":" + std::to_string(figures.packets) +
         ",\"busy_s\":" + seconds(figures.busy.ticks) +
         ",\"idle_s\":" + seconds(figures.idle.ticks) +
         ",\"asleep_s\":" + seconds(figures.asleep_ticks) +
         ",\"busy_ratio\":" + decimal_text(figures.busy_ratio(), 4) +
         ",\"cycles_per_packet\":" + decimal_text(figures.ticks_per_packet(), 1);
}

std::string loop_members(const LoopFigures::Loops& loops, double ticks_per_second) {
  std::string text = "{\"count\":" + std::to_string(loops.count());
  for (const int percent : {50, 99, 100}) {
    const auto ticks = static_cast<double>(loops.percentile(percent));
    const double ns = ticks_per_second == 0 ? 0 : 1e9 * ticks / ticks_per_second;
    text += ",\"p" + std::to_string(percent) + "\":" + decimal_text(ns, 0);
  }
  return text + "}";
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
  const auto ticks_per_second = static_cast<double>(report.total.ticks_per_second);
  for (size_t i = 0; i < report.total.workers.size(); ++i) {
    const LoopFigures& recent = report.recent.workers[i];
    text += (i == 0 ? "\n" : ",\n") + std::string("{\"worker\":") + std::to_string(i) +
            ",\"cpu\":" + std::to_string(report.cpus[i]) + "," +
            time_members(report.total.workers[i], ticks_per_second) + ",\"recent\":{" +
            time_members(recent, ticks_per_second) +
            ",\"busy_loop_ns\":" + loop_members(recent.busy, ticks_per_second) + "}}";
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
