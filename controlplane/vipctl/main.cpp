// vipctl: the operator's command line, a client of a gateway's API.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "controlplane/exit_status.h"
#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/report_views.h"
#include "controlplane/vipctl/views.h"
#include "controlplane/vipctl/watch_commands.h"

namespace vipgate {
namespace {

constexpr int kExitWrong = 4;  // `status`: the gateway answers, and something is wrong
constexpr auto kLongestSilence = std::chrono::seconds(60);  // of a stream

struct VipctlArguments {
  ApiClientOptions client;
  std::string token_file;
  std::string output = "table";
  std::string state;        // services
  std::string apply_file;   // "-": standard input
  bool is_sure = false;     // apply --yes
  std::string real;         // drain, undrain
  uint64_t deadline_s = 0;  // drain
  bool is_forced = false;   // drain
  bool waits = false;       // drain
  std::string dns_name;
  std::string dns_type = "A";
  std::string dns_client;  // empty: this machine
};

// The content of a file, or of standard input.
std::optional<std::string> read_all(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream stream(file);
  if (!stream) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::string status_json(const GatewayStatus& status) {
  web::json::value all = web::json::value::object();
  all["ready"] = web::json::value::boolean(status.is_ready);
  all["snapshot"] = status.snapshot;
  all["counters"] = status.counters;
  return all.serialize() + "\n";
}

class Vipctl {
 public:
  Vipctl(ApiClient& api, const VipctlArguments& arguments) : api_(api), arguments_(arguments) {}

  int status() {
    GatewayStatus status;
    auto ready = api_.ask({.path = "/readyz"});
    if (!ready) return fail(kExitUnreachable, ready.error());
    status.is_ready = ready->status == 200;
    if (!status.is_ready) status.not_ready_why = problem_text(*ready);
    if (const int error = get("/api/v1/snapshot", status.snapshot); error != kExitOk) return error;
    if (const int error = get("/api/v1/counters", status.counters); error != kExitOk) return error;
    const auto [text, is_wrong] = status_view(status, arguments_.client.url);
    const int printed = print(is_json() ? status_json(status) : text);
    return printed != kExitOk || !is_wrong ? printed : kExitWrong;
  }

  int services() {
    return show("/api/v1/services", [this](const web::json::value& all) {
      return services_view(all, arguments_.state);
    });
  }
  int reals() { return show("/api/v1/services", reals_view); }
  int workers() { return show("/api/v1/workers", workers_view); }
  int ports() { return show("/api/v1/ports", ports_view); }
  int sources() { return show("/api/v1/sources", sources_view); }

  int dns() {
    std::string path = "/api/v1/dns/query?name=" + url_text(arguments_.dns_name) +
                       "&type=" + url_text(arguments_.dns_type);
    if (!arguments_.dns_client.empty()) path += "&client=" + url_text(arguments_.dns_client);
    return show(path, dns_view);
  }

  int drains() {
    web::json::value all;
    if (const int error = get("/api/v1/drains", all); error != kExitOk) return error;
    return print(is_json() ? all.serialize() + "\n" : drains_view(all, time(nullptr)));
  }

  int drain() {
    std::string query = arguments_.is_forced ? "?force=true" : "?";
    if (arguments_.deadline_s != 0) {
      query += "&deadline_s=" + std::to_string(arguments_.deadline_s);
    }
    web::json::value drained;
    int error =
        take(api_.ask({.method = "PUT", .path = drain_path() + query}), arguments_.real, drained);
    if (error != kExitOk) return error;
    if (const int printed = show_drain(drained); printed != kExitOk) return printed;
    // The gateway says nothing of its own accord.
    while (arguments_.waits && string_of(drained, "state") == "draining") {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      const std::string before = drain_line(drained);
      if (error = get(drain_path(), drained); error != kExitOk) return error;
      if (drain_line(drained) == before) continue;
      if (const int printed = show_drain(drained); printed != kExitOk) return printed;
    }
    return kExitOk;
  }

  int undrain() {
    web::json::value gone;
    const int error =
        take(api_.ask({.method = "DELETE", .path = drain_path()}), arguments_.real, gone);
    return error != kExitOk ? error : print(arguments_.real + " is given back\n");
  }

  // Until the gateway stops, or what takes the lines has gone.
  int events() {
    int printed = kExitOk;
    const auto ended = api_.follow("/api/v1/events", [&](const ApiEvent& event) {
      const auto line = event_line(event.type, event.data);
      if (!line) {
        printed = fail(kExitFailure, line.error());
      } else {
        printed = print(
            is_json() ? "{\"event\":\"" + event.type + "\",\"data\":" + event.data + "}\n" : *line);
      }
      return printed == kExitOk;
    });
    if (!ended) return fail(kExitUnreachable, ended.error());
    if (ended->status != 200) return fail(kExitFailure, problem_text(*ended));
    return printed != kExitOk ? printed
                              : fail(kExitUnreachable, "the gateway has ended the stream");
  }

  int export_services() {
    web::json::value all;
    if (const int error = get("/api/v1/services?origin=rest", all); error != kExitOk) return error;
    const auto text = export_view(all);
    return text ? print(*text) : fail(kExitFailure, text.error());
  }

  int apply() {
    const auto document = read_all(arguments_.apply_file);
    if (!document) return fail(kExitBadConfiguration, "cannot read " + arguments_.apply_file);
    const std::string path = "/api/v1/services?origin=rest";
    const auto before = api_.ask({.path = path});
    web::json::value plan;
    // Without its tag nothing would guard what has changed since.
    if (const int error = take(before, path, plan); error != kExitOk) return error;
    if (before->etag.empty()) return fail(kExitFailure, path + ": the answer has no ETag");
    if (const int error = put(*document, before->etag, true, plan); error != kExitOk) return error;
    const std::string diff = diff_view(plan);
    if (diff.empty()) return print("nothing to change\n");
    if (const int error = print(diff); error != kExitOk) return error;
    if (!arguments_.is_sure && !is_confirmed()) return kExitFailure;
    const int error = put(*document, before->etag, false, plan);
    return error != kExitOk ? error : print("in force, and stored\n");
  }

 private:
  bool is_json() const { return arguments_.output == "json"; }

  std::string drain_path() const { return "/api/v1/drains/" + url_text(arguments_.real); }

  int show_drain(const web::json::value& drained) {
    return print(is_json() ? drained.serialize() + "\n" : drain_line(drained));
  }

  template <class View>
  int show(const std::string& path, const View& view) {
    web::json::value all;
    if (const int error = get(path, all); error != kExitOk) return error;
    return print(is_json() ? all.serialize() + "\n" : view(all));
  }

  int get(const std::string& path, web::json::value& answer) {
    return take(api_.ask({.path = path}), path, answer);
  }

  // `tag`: of what was there when the plan was made; what has changed since is not overwritten.
  int put(const std::string& document, const std::string& tag, bool is_dry,
          web::json::value& plan) {
    const std::string path = std::string("/api/v1/services") + (is_dry ? "?dry_run=true" : "");
    return take(api_.ask({.method = "PUT",
                          .path = path,
                          .body = document,
                          .content_type = "application/yaml",
                          .if_match = tag}),
                arguments_.apply_file, plan);
  }

  // `what`: for the message.
  int take(const Result<ApiReply>& reply, const std::string& what, web::json::value& answer) {
    if (!reply) return fail(kExitUnreachable, reply.error());
    if (reply->status / 100 != 2) return fail(kExitFailure, what + ": " + problem_text(*reply));
    auto parsed = parse_object(reply->body);
    if (!parsed) return fail(kExitFailure, what + ": " + parsed.error());
    answer = *parsed;
    return kExitOk;
  }

  bool is_confirmed() const {
    if (arguments_.apply_file == "-" || isatty(STDIN_FILENO) == 0) {
      std::fprintf(stderr, "nothing was changed: say --yes where nobody can be asked\n");
      return false;
    }
    std::fprintf(stderr, "apply? [y/N] ");
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "yes";
  }

  ApiClient& api_;
  const VipctlArguments& arguments_;
};

int run_vipctl(int argc, char** argv) {
  CLI::App app(
      "What a vipgate gateway does, and what it is to do\n"
      "Exit status: 0 done; 1 refused; 2 wrong command line; 3 nobody answers; 4 `status` found "
      "something wrong");
  VipctlArguments arguments;
  app.set_version_flag("--version", "vipctl " VIPGATE_VERSION, "say which version this is");
  app.add_option("--url", arguments.client.url, "of the gateway's API (`rest.listen`)")
      ->envname("VIPGATE_URL")
      ->capture_default_str();
  app.add_option("--token-file", arguments.token_file, "holds the token that is sent")
      ->envname("VIPGATE_TOKEN_FILE");
  app.add_option("--ca", arguments.client.ca_file, "PEM file of whom to trust, for https")
      ->envname("VIPGATE_CA");
  app.add_option("-o,--output", arguments.output, "how answers are shown")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  const CLI::App* status = app.add_subcommand("status", "what is wrong, then what there is");
  CLI::App* services = app.add_subcommand("services", "services and their reals");
  services->add_option("--state", arguments.state, "only these")
      ->check(CLI::IsMember({"serving", "no_real", "leaving"}));
  const CLI::App* reals = app.add_subcommand("reals", "reals, a line each");
  CLI::App* drain = app.add_subcommand(
      "drain", "take a real out gently: it keeps its flows and gets no new ones");
  drain->add_option("real", arguments.real, "ADDRESS:PORT, or ADDRESS for all reals there")
      ->required();
  drain
      ->add_option("--deadline", arguments.deadline_s,
                   "after this its flows go to others: seconds, or 10m, 2h")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}}));
  drain->add_flag("--force", arguments.is_forced, "also the last real of a service");
  drain->add_flag("--wait", arguments.waits, "until it has no flows left, or its time is over");
  CLI::App* undrain = app.add_subcommand("undrain", "give a real back what `drain` took");
  undrain->add_option("real", arguments.real, "as `drain` was told it")->required();
  const CLI::App* drains =
      app.add_subcommand("drains", "reals that were taken out, and their flows");
  const CLI::App* events =
      app.add_subcommand("events", "what happens, a line each, until it is interrupted");
  const WatchCommands watches(app);
  const CLI::App* workers = app.add_subcommand("workers", "what each worker's core does");
  const CLI::App* ports = app.add_subcommand("ports", "ports, their links and packets");
  const CLI::App* sources = app.add_subcommand(
      "sources", "where services come from, and what of that is not served, and why");
  CLI::App* dns = app.add_subcommand("dns", "what the gateway answers to a question");
  dns->add_option("name", arguments.dns_name, "that is asked for")->required();
  dns->add_option("type", arguments.dns_type, "A, AAAA, SRV, PTR, ANY and so on")
      ->capture_default_str();
  dns->add_option("--client", arguments.dns_client, "the address that asks, for dns.views");
  const CLI::App* to_file =
      app.add_subcommand("export", "the services that the API made, as YAML for `apply`");
  CLI::App* apply = app.add_subcommand(
      "apply",
      "make these, and no others, the services that the API made: shows what would "
      "change, and asks");
  apply
      ->add_option("-f,--file", arguments.apply_file, "`services: [...]` in YAML or JSON; -: stdin")
      ->required();
  apply->add_flag("-y,--yes", arguments.is_sure, "do not ask");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitBadConfiguration;
  }
  if (!arguments.token_file.empty()) {
    auto token = read_all(arguments.token_file);
    if (!token)
      return fail(kExitBadConfiguration, "--token-file: cannot read " + arguments.token_file);
    token->erase(token->find_last_not_of(" \t\r\n") + 1);
    arguments.client.token = *token;
  }
  if (events->parsed()) arguments.client.timeout = kLongestSilence;
  watches.prepare(arguments.client);
  auto api = ApiClient::create(arguments.client);
  if (!api) return fail(kExitBadConfiguration, api.error());
  if (const auto done = watches.run(**api, arguments.output == "json")) return *done;
  Vipctl vipctl(**api, arguments);
  if (status->parsed()) return vipctl.status();
  if (services->parsed()) return vipctl.services();
  if (reals->parsed()) return vipctl.reals();
  if (drain->parsed()) return vipctl.drain();
  if (undrain->parsed()) return vipctl.undrain();
  if (drains->parsed()) return vipctl.drains();
  if (events->parsed()) return vipctl.events();
  if (workers->parsed()) return vipctl.workers();
  if (ports->parsed()) return vipctl.ports();
  if (sources->parsed()) return vipctl.sources();
  if (dns->parsed()) return vipctl.dns();
  if (to_file->parsed()) return vipctl.export_services();
  return vipctl.apply();
}

}  // namespace
}  // namespace vipgate

int main(int argc, char** argv) { return vipgate::run_vipctl(argc, argv); }
