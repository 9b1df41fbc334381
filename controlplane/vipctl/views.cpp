#include "controlplane/vipctl/views.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/text_table.h"
#include "controlplane/vipctl/yaml_text.h"

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

// "2/3", those that take new flows of all.
std::string reals_up(const value& service) {
  size_t up = 0;
  const auto& reals = array_of(service, "reals");
  for (const value& real : reals) up += string_of(real, "state") == "up" ? 1 : 0;
  return std::to_string(up) + "/" + std::to_string(reals.size());
}

// The elements of a list that are in `state`.
value those_in(const value& object, const char* list, const std::string& state) {
  std::vector<value> those;
  for (const value& each : array_of(object, list)) {
    if (string_of(each, "state") == state) those.push_back(each);
  }
  return value::array(those);
}

}  // namespace

std::string services_view(const value& answer, const ViewStyle& style) {
  TextTable table;
  std::vector<TextCell> head = {"PROT", "VIP:PORT", "MODE", "STATE", "NAME"};
  if (style.is_wide) head.insert(head.end(), {"ORIGIN", "REALS UP", "DNS NAME"});
  table.add_head(head);
  table.add_head({"  ->", "REAL:PORT", "WEIGHT", "STATE"});
  for (const value& service : array_of(answer, "services")) {
    std::vector<TextCell> row = {
        upper(string_of(service, "protocol")), endpoint(service, "vip"), string_of(service, "mode"),
        state_cell(string_of(service, "state")), string_of(service, "name")};
    if (style.is_wide) {
      row.insert(row.end(),
                 {string_of(service, "origin"), reals_up(service), string_of(service, "fqdn")});
    }
    table.add(row);
    for (const value& real : array_of(service, "reals")) {
      table.add({"  ->", endpoint(real, "address"), string_of(real, "weight"),
                 state_cell(string_of(real, "state"))});
    }
  }
  return table.text(style);
}

std::string reals_view(const value& answer, const ViewStyle& style) {
  TextTable table;
  std::vector<TextCell> head = {"REAL:PORT", "WEIGHT", "STATE", "PROT", "VIP:PORT", "NAME"};
  if (style.is_wide) head.insert(head.end(), {"ORIGIN", "MODE", "SERVICE"});
  table.add_head(head);
  for (const value& service : array_of(answer, "services")) {
    for (const value& real : array_of(service, "reals")) {
      std::vector<TextCell> row = {endpoint(real, "address"),
                                   string_of(real, "weight"),
                                   state_cell(string_of(real, "state")),
                                   upper(string_of(service, "protocol")),
                                   endpoint(service, "vip"),
                                   string_of(service, "name")};
      if (style.is_wide) {
        row.insert(row.end(), {string_of(service, "origin"), string_of(service, "mode"),
                               state_cell(string_of(service, "state"))});
      }
      table.add(row);
    }
  }
  return table.text(style);
}

value services_in(const value& answer, const std::string& state) {
  value some = answer;
  some["services"] = those_in(answer, "services", state);
  return some;
}

value reals_in(const value& answer, const std::string& state) {
  std::vector<value> services;
  for (const value& service : array_of(answer, "services")) {
    const value reals = those_in(service, "reals", state);
    if (reals.size() == 0) continue;
    services.push_back(service);
    services.back()["reals"] = reals;
  }
  value some = answer;
  some["services"] = value::array(services);
  return some;
}

std::string drains_view(const value& answer, int64_t now_s, const ViewStyle& style) {
  const auto time = [&](const value& drain, const char* name, bool is_past) -> std::string {
    if (!drain.has_number_field(name)) return "never";
    const int64_t at = drain.at(name).as_number().to_int64();
    const int64_t seconds = std::max<int64_t>(is_past ? now_s - at : at - now_s, 0);
    return std::to_string(seconds) + " s";
  };
  TextTable table;
  table.add_head({"REAL", "STATE", "FLOWS", "SINCE", "ENDS IN", "SERVICES"});
  for (const value& drain : array_of(answer, "drains")) {
    std::string services;
    for (const value& id : array_of(drain, "services")) {
      services += (services.empty() ? "" : " ") + (id.is_string() ? printable(id.as_string()) : "");
    }
    table.add({string_of(drain, "real"), state_cell(string_of(drain, "state")),
               string_of(drain, "flows"), time(drain, "since", true), time(drain, "ends", false),
               services});
  }
  return table.text(style);
}

std::string drain_line(const value& drain) {
  return string_of(drain, "real") + ": " + string_of(drain, "state") + ", " +
         string_of(drain, "flows") + " flows left, " +
         std::to_string(array_of(drain, "services").size()) + " services\n";
}

namespace {

// What is wrong, and the command that tells more or mends it.
using Say = std::function<void(const std::string& what, const std::string& command)>;

// "2 reals are down"
std::string counted(uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

void say_what_is_counted(const value& counters, const Say& say) {
  const auto count = [&](const char* name, const char* one, const char* many, const char* command) {
    const uint64_t number = number_of(counters, name);
    if (number != 0) say(counted(number, one, many), command);
  };
  count("services.without_real", "service has no real that takes new flows",
        "services have no real that takes new flows", "vipctl services --state no_real");
  count("reals.down", "real is down", "reals are down", "vipctl reals --state down");
  count("health.services_in_panic", "service has so few healthy reals that all are used",
        "services have so few healthy reals that all are used",
        "journalctl -u vipgated | grep panic");
  count("services.refused", "service is not served as it is wanted",
        "services are not served as they are wanted", "vipctl sources");
  if (number_of(counters, "config.refused") != 0) {
    say("the configuration file has a mistake: what is in force is older", "vipctl sources");
  }
  count("dns.records_waiting", "DNS record has no room: raise limits.dns_names",
        "DNS records have no room: raise limits.dns_names",
        "grep dns_names /etc/vipgate/vipgated.yaml");
  count("dns_resolvers.down", "resolver of dns.forward does not answer",
        "resolvers of dns.forward do not answer", "vipctl sources");
  count("store.waiting", "change waits for the state store", "changes wait for the state store",
        "journalctl -u vipgated | grep store");
}

// Calls `take` with what stands for the star in "before*behind", where the counter is not zero.
void for_each_named(const value& counters, std::string_view before, std::string_view behind,
                    const std::function<void(const std::string& name)>& take) {
  for (const auto& [counter, number] : counters.as_object()) {
    if (counter.size() > before.size() + behind.size() && counter.starts_with(before) &&
        counter.ends_with(behind) && number.as_number().to_uint64() != 0) {
      take(counter.substr(before.size(), counter.size() - before.size() - behind.size()));
    }
  }
}

// "dcos.example (mesos.1)", as `vipctl sources` has it; without its name: "mesos.1".
std::string cluster_text(const value& sources, const std::string& cluster) {
  const std::string id = "mesos." + cluster;
  for (const value& source : array_of(sources, "sources")) {
    const std::string name = string_of(source, "name");
    if (string_of(source, "id") == id && !name.empty()) return name + " (" + printable(id) + ")";
  }
  return printable(id);
}

void say_which_are_full(const value& about, const Say& say) {
  constexpr double kNearlyFull = 0.9;
  for (const value& table : array_of(about, "tables")) {
    const uint64_t entries = number_of(table, "entries"), capacity = number_of(table, "capacity");
    if (static_cast<double>(entries) < kNearlyFull * static_cast<double>(capacity)) continue;
    const std::string setting = string_of(table, "setting");
    say("the table " + string_of(table, "table") + " has " + std::to_string(entries) + " of " +
            std::to_string(capacity) + " entries",
        setting.empty() ? "journalctl -u vipgated | grep limit_near"
                        : "raise " + setting + " in /etc/vipgate/vipgated.yaml, and restart");
  }
}

}  // namespace

// By level, not by what once happened.
std::string wrong_text(const GatewayStatus& status, const ViewStyle& style) {
  std::string text;
  const Say say = [&](const std::string& what, const std::string& command) {
    text += painted("! " + what, Tone::kBad, style) + "\n    " + command + "\n";
  };
  if (!status.is_ready) {
    say("not ready: " + status.not_ready_why, "ip neigh show nud failed; journalctl -u vipgated");
  }
  say_what_is_counted(status.counters, say);
  for_each_named(status.counters, "port.", ".without_link", [&](const std::string& port) {
    say("port " + printable(port) + " has no link", "vipctl ports; vipctl doctor");
  });
  for_each_named(status.counters, "mesos.", ".stale", [&](const std::string& cluster) {
    const uint64_t age_s = number_of(status.counters, "mesos." + cluster + ".age_ms") / 1000;
    say("cluster " + cluster_text(status.sources, cluster) + " has not been heard of for " +
            std::to_string(age_s) + " s: its last known state is served",
        "vipctl sources; journalctl -u vipgated | grep mesos");
  });
  say_which_are_full(status.about, say);
  return text;
}

std::pair<std::string, bool> status_view(const GatewayStatus& status, const std::string& url,
                                         const ViewStyle& style) {
  const std::string wrong = wrong_text(status, style);
  std::string text = wrong;
  text += url + ": " +
          (status.is_ready ? painted("ready", Tone::kGood, style)
                           : painted("not ready", Tone::kBad, style)) +
          ", snapshot " + string_of(status.snapshot, "version") +
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
  if (number_of(status.counters, "rest.drains") != 0) total("taken out: drains", "rest.drains");
  for (const auto& [name, number] : status.counters.as_object()) {
    constexpr std::string_view kDrop = "drop.";
    if (name.starts_with(kDrop)) {
      table.add({"dropped: " + printable(name).substr(kDrop.size()), number.serialize()});
    }
  }
  return {text + table.text(style), !wrong.empty()};
}

value export_document(const value& answer) {
  std::vector<value> documents;
  for (const value& service : array_of(answer, "services")) {
    if (service.has_field("document")) documents.push_back(service.at("document"));
  }
  value all = value::object();
  all["services"] = value::array(documents);
  return all;
}

Result<std::string> export_view(const value& answer) {
  const value all = export_document(answer);
  return all.at("services").size() == 0 ? std::string("services: []\n") : yaml_text(all);
}

}  // namespace vipgate
