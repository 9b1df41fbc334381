#include "controlplane/vipctl/report_views.h"

#include <cstdio>
#include <sstream>

#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/text_table.h"

namespace vipgate {
namespace {

using web::json::value;

std::string percent(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", 100 * ratio);
  return text;
}

double asleep_ratio(const value& time) {
  const double asleep_s = decimal_of(time, "asleep_s");
  const double all_s = decimal_of(time, "busy_s") + decimal_of(time, "idle_s") + asleep_s;
  return all_s == 0 ? 0 : asleep_s / all_s;
}

const value& member_of(const value& object, const char* name) {
  static const value kEmpty = value::object();
  return object.has_object_field(name) ? object.at(name) : kEmpty;
}

// "250 ms", "12 s": what it was long ago needs no more.
std::string age_text(const value& source) {
  constexpr uint64_t kSecondMs = 1000;
  if (!source.has_field("age_ms")) return "-";
  const uint64_t age_ms = number_of(source, "age_ms");
  return age_ms < kSecondMs ? std::to_string(age_ms) + " ms"
                            : std::to_string(age_ms / kSecondMs) + " s";
}

// Loss stands out.
TextCell bad_count(uint64_t count) {
  return {std::to_string(count), count == 0 ? Tone::kPlain : Tone::kWarning};
}

// Those of a list, by spaces.
std::string texts_of(const value& object, const char* name) {
  std::string text;
  for (const value& element : array_of(object, name)) {
    text += (text.empty() ? "" : " ") + (element.is_string() ? printable(element.as_string()) : "");
  }
  return text;
}

// "5 tasks, 2 agents"
std::string figures_text(const value& figures) {
  std::string text;
  for (const auto& [name, number] : figures.as_object()) {
    text += (text.empty() ? "" : ", ") + number.serialize() + " " + printable(name);
  }
  return text;
}

// Each behind the source's id; a file may have several mistakes.
std::string detail_lines(const std::string& id, const value& source) {
  if (!source.has_string_field("detail")) return "";
  std::string lines;
  std::istringstream details(printable_lines(source.at("detail").as_string()));
  for (std::string line; std::getline(details, line);) {
    lines.append(id).append(": ").append(line).append("\n");
  }
  return lines;
}

std::string dns_section(const value& answer, const char* name, const ViewStyle& style) {
  TextTable table;
  for (const value& record : array_of(answer, name)) {
    table.add({string_of(record, "name"), string_of(record, "ttl_s"), string_of(record, "type"),
               string_of(record, "data")});
  }
  const std::string text = table.text(style);
  return text.empty() ? text
                      : "\n" + painted(";; " + std::string(name), Tone::kHead, style) + "\n" + text;
}

}  // namespace

std::string workers_view(const value& answer, const ViewStyle& style) {
  TextTable table;
  std::vector<TextCell> head = {"WORKER",  "CPU",           "BUSY",    "ASLEEP",
                                "PACKETS", "CYCLES/PACKET", "BUSY NOW"};
  if (style.is_wide) {
    head.insert(head.end(), {"PACKETS NOW", "CYCLES NOW", "BUSY s", "IDLE s", "ASLEEP s"});
  }
  table.add_head(head);
  for (const value& worker : array_of(answer, "workers")) {
    const value& recent = member_of(worker, "recent");
    std::vector<TextCell> row = {string_of(worker, "worker"),
                                 string_of(worker, "cpu"),
                                 percent(decimal_of(worker, "busy_ratio")),
                                 percent(asleep_ratio(worker)),
                                 string_of(worker, "packets"),
                                 string_of(worker, "cycles_per_packet"),
                                 percent(decimal_of(recent, "busy_ratio"))};
    if (style.is_wide) {
      row.insert(row.end(), {string_of(recent, "packets"), string_of(recent, "cycles_per_packet"),
                             string_of(worker, "busy_s"), string_of(worker, "idle_s"),
                             string_of(worker, "asleep_s")});
    }
    table.add(row);
  }
  return table.text(style);
}

std::string ports_view(const value& answer, const ViewStyle& style) {
  TextTable table;
  std::vector<TextCell> head = {"PORT", "LINK",   "MAC",    "MTU",    "RX",
                                "TX",   "MISSED", "ERRORS", "KERNEL", "DEVICE"};
  if (style.is_wide) head.insert(head.end(), {"VLAN", "ADDRESSES"});
  table.add_head(head);
  for (const value& port : array_of(answer, "ports")) {
    const value& counters = member_of(port, "counters");
    const auto count = [&](const char* name) { return number_of(counters, name); };
    const std::string interface = string_of(port, "interface");
    std::vector<TextCell> row = {string_of(port, "name"),
                                 state_cell(string_of(port, "link")),
                                 string_of(port, "mac"),
                                 string_of(port, "mtu"),
                                 std::to_string(count("rx_packets")),
                                 std::to_string(count("tx_packets")),
                                 bad_count(count("rx_missed") + count("rx_no_buffer")),
                                 bad_count(count("rx_errors") + count("tx_errors")),
                                 interface.empty() ? "-" : interface,
                                 string_of(port, "device")};
    if (style.is_wide) {
      row.insert(row.end(), {string_of(port, "vlan"), texts_of(port, "addresses")});
    }
    table.add(row);
  }
  return table.text(style);
}

std::string sources_view(const value& answer, const ViewStyle& style) {
  TextTable table;
  table.add_head({"SOURCE", "KIND", "STATE", "HEARD OF", "IGNORED", "HAS", "NAME"});
  std::string more;
  for (const value& source : array_of(answer, "sources")) {
    const std::string id = string_of(source, "id");
    table.add({id, string_of(source, "kind"), state_cell(string_of(source, "state")),
               age_text(source), string_of(source, "ignored"),
               figures_text(member_of(source, "figures")), string_of(source, "name")});
    more += detail_lines(id, source);
    for (const value& item : array_of(source, "ignored_items")) {
      more += id + ": ignored: " + string_of(item, "kind") + " " + string_of(item, "item");
      const std::string task = string_of(item, "task");
      const std::string framework = string_of(item, "framework");
      if (!task.empty()) more += " of task " + task;
      if (!framework.empty()) more += " of " + framework;
      more += ": " + string_of(item, "why") + "\n";
    }
  }
  for (const value& refused : array_of(answer, "refused")) {
    more += "refused: " + string_of(refused, "service") + ": " + string_of(refused, "why") + "\n";
  }
  return table.text(style) + (more.empty() ? "" : "\n" + more);
}

std::string dns_view(const value& answer, const ViewStyle& style) {
  const std::string question = string_of(answer, "name") + " " + string_of(answer, "type");
  if (string_of(answer, "forwarded") == "true") {
    return ";; " + question + ": the resolvers of dns.forward would be asked for " +
           string_of(answer, "client") + "\n";
  }
  std::string text = ";; " + question + ": " + string_of(answer, "rcode") + ", flags:";
  for (const value& flag : array_of(answer, "flags")) text += " " + printable(flag.as_string());
  text += "\n";
  for (const char* section : {"answer", "authority", "additional"}) {
    text += dns_section(answer, section, style);
  }
  return text;
}

}  // namespace vipgate
