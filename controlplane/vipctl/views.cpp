#include "controlplane/vipctl/views.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

std::string endpoint(const value& object, const char* address) {
  const std::string text = string_of(object, address);
  const std::string port = string_of(object, "port");
  return (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" +
         (port == "0" ? "any" : port);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void say(std::string& text, const std::string& what, const std::string& command) {
  text += "! " + what + "\n    " + command + "\n";
}

// What counters tell to be wrong now, by level, not by what once happened.
std::string findings(const GatewayStatus& status) {
  std::string text;
  if (!status.is_ready) {
    say(text, "not ready: " + status.not_ready_why,
        "ip neigh show nud failed; journalctl -u vipgated");
  }
  const auto count = [&](const char* name, const char* what, const char* command) {
    const uint64_t number = number_of(status.counters, name);
    if (number != 0) say(text, std::to_string(number) + " " + what, command);
  };
  count("services.without_real", "services have no real that takes new flows",
        "vipctl services --state no_real");
  count("health.services_in_panic", "services have so few healthy reals that all are used",
        "journalctl -u vipgated | grep panic");
  count("dns.records_waiting", "DNS records have no room: raise limits.dns_names",
        "grep dns_names /etc/vipgate/vipgated.yaml");
  count("store.waiting", "changes wait for the state store", "journalctl -u vipgated | grep store");
  for (const auto& [name, number] : status.counters.as_object()) {
    constexpr std::string_view kBefore = "mesos.", kBehind = ".stale";
    if (!name.starts_with(kBefore) || !name.ends_with(kBehind) ||
        number.as_number().to_uint64() == 0) {
      continue;
    }
    const std::string prefix = name.substr(0, name.size() - kBehind.size());
    const uint64_t age_s = number_of(status.counters, prefix + ".age_ms") / 1000;
    say(text,
        "cluster " + prefix.substr(kBefore.size()) + " has not been heard of for " +
            std::to_string(age_s) + " s: its last known state is served",
        "journalctl -u vipgated | grep mesos");
  }
  return text;
}

// In blocks, for people. A string that would be a number or the like if it stood plain is quoted.
void emit(YAML::Emitter& emitter, const value& what) {
  if (what.is_object()) {
    emitter << YAML::BeginMap;
    for (const auto& [name, member] : what.as_object()) {
      emitter << YAML::Key << name << YAML::Value;
      emit(emitter, member);
    }
    emitter << YAML::EndMap;
  } else if (what.is_array()) {
    emitter << YAML::BeginSeq;
    for (const value& element : what.as_array()) emit(emitter, element);
    emitter << YAML::EndSeq;
  } else if (what.is_string()) {
    std::error_code error;
    value::parse(what.as_string(), error);
    if (!error) emitter << YAML::DoubleQuoted;
    emitter << what.as_string();
  } else if (what.is_null()) {
    emitter << YAML::Null;
  } else {
    emitter << what.serialize();
  }
}

}  // namespace

std::string TextTable::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
  }
  return text;
}

std::string services_view(const value& answer, const std::string& state) {
  TextTable table;
  table.add({"PROT", "VIP:PORT", "MODE", "STATE", "NAME"});
  table.add({"  ->", "REAL:PORT", "WEIGHT", "STATE"});
  for (const value& service : array_of(answer, "services")) {
    if (!state.empty() && string_of(service, "state") != state) continue;
    table.add({upper(string_of(service, "protocol")), endpoint(service, "vip"),
               string_of(service, "mode"), string_of(service, "state"),
               string_of(service, "name")});
    for (const value& real : array_of(service, "reals")) {
      table.add(
          {"  ->", endpoint(real, "address"), string_of(real, "weight"), string_of(real, "state")});
    }
  }
  return table.text();
}

std::string reals_view(const value& answer) {
  TextTable table;
  table.add({"REAL:PORT", "WEIGHT", "STATE", "PROT", "VIP:PORT", "NAME"});
  for (const value& service : array_of(answer, "services")) {
    for (const value& real : array_of(service, "reals")) {
      table.add({endpoint(real, "address"), string_of(real, "weight"), string_of(real, "state"),
                 upper(string_of(service, "protocol")), endpoint(service, "vip"),
                 string_of(service, "name")});
    }
  }
  return table.text();
}

std::string drains_view(const value& answer, int64_t now_s) {
  const auto time = [&](const value& drain, const char* name, bool is_past) -> std::string {
    if (!drain.has_number_field(name)) return "never";
    const int64_t at = drain.at(name).as_number().to_int64();
    const int64_t seconds = std::max<int64_t>(is_past ? now_s - at : at - now_s, 0);
    return std::to_string(seconds) + " s";
  };
  TextTable table;
  table.add({"REAL", "STATE", "FLOWS", "SINCE", "ENDS IN", "SERVICES"});
  for (const value& drain : array_of(answer, "drains")) {
    std::string services;
    for (const value& id : array_of(drain, "services")) {
      services += (services.empty() ? "" : " ") + (id.is_string() ? id.as_string() : "");
    }
    table.add({string_of(drain, "real"), string_of(drain, "state"), string_of(drain, "flows"),
               time(drain, "since", true), time(drain, "ends", false), services});
  }
  return table.text();
}

std::string drain_line(const value& drain) {
  return string_of(drain, "real") + ": " + string_of(drain, "state") + ", " +
         string_of(drain, "flows") + " flows left, " +
         std::to_string(array_of(drain, "services").size()) + " services\n";
}

Result<std::string> event_line(const std::string& type, const std::string& data) {
  const auto members = parse_object(data);
  if (!members) return Error{members.error()};
  const auto at_ms = static_cast<int64_t>(number_of(*members, "at_ms"));
  const time_t at_s = at_ms / 1000;
  tm local{};
  localtime_r(&at_s, &local);
  char clock[sizeof "00:00:00"];
  std::strftime(clock, sizeof clock, "%T", &local);
  const std::string ms = std::to_string(1000 + at_ms % 1000).substr(1);
  std::string line = std::string(clock) + "." + ms + " " + type;
  constexpr size_t kColumn = 10;
  if (type.size() < kColumn) line.append(kColumn - type.size(), ' ');
  for (const auto& [name, member] : members->as_object()) {
    if (name != "at_ms") line += " " + name + "=" + string_of(*members, name.c_str());
  }
  return line + "\n";
}

std::pair<std::string, bool> status_view(const GatewayStatus& status, const std::string& url) {
  const std::string wrong = findings(status);
  std::string text = wrong;
  text += url + ": " + (status.is_ready ? "ready" : "not ready") + ", snapshot " +
          string_of(status.snapshot, "version") +
          (string_of(status.snapshot, "settled") == "true" ? ", all workers use it\n"
                                                           : ", workers still use an older one\n");
  TextTable table;
  const auto total = [&](const char* label, const char* name) {
    table.add({label, std::to_string(number_of(status.counters, name))});
  };
  total("packets in", "rx_packets");
  total("packets out", "tx_packets");
  total("flows that began", "flows_created");
  total("DNS names", "dns.names");
  for (const auto& [name, number] : status.counters.as_object()) {
    constexpr std::string_view kDrop = "drop.";
    if (name.starts_with(kDrop)) {
      table.add({"dropped: " + name.substr(kDrop.size()), number.serialize()});
    }
  }
  return {text + table.text(), !wrong.empty()};
}

std::string diff_view(const value& plan) {
  std::string text;
  for (const auto& [name, mark] :
       {std::pair{"added", "+ "}, {"changed", "~ "}, {"removed", "- "}}) {
    for (const value& id : array_of(plan, name)) text += mark + id.as_string() + "\n";
  }
  return text;
}

Result<std::string> export_view(const value& answer) {
  value documents = value::array();
  size_t count = 0;
  for (const value& service : array_of(answer, "services")) {
    if (service.has_field("document")) documents[count++] = service.at("document");
  }
  if (count == 0) return std::string("services: []\n");
  YAML::Emitter emitter;
  emitter << YAML::BeginMap << YAML::Key << "services" << YAML::Value;
  emit(emitter, documents);
  emitter << YAML::EndMap;
  if (!emitter.good()) {
    return Error{"the answer cannot be written as YAML: " + emitter.GetLastError()};
  }
  return std::string(emitter.c_str()) + "\n";
}

}  // namespace vipgate
