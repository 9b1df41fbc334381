// vipctl: the operator's command line, a client of a gateway's API.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/exit_status.h"
#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/apply_commands.h"
#include "controlplane/vipctl/command_set.h"
#include "controlplane/vipctl/doctor_commands.h"
#include "controlplane/vipctl/drain_commands.h"
#include "controlplane/vipctl/event_commands.h"
#include "controlplane/vipctl/flow_commands.h"
#include "controlplane/vipctl/gateway_session.h"
#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/top_commands.h"
#include "controlplane/vipctl/view_commands.h"
#include "controlplane/vipctl/watch_commands.h"
#include "controlplane/vipctl/whole_file.h"

namespace vipgate {
namespace {

// The help of all commands has a heading for each, below which its options stand: a page of the
// manual is made of it.
class CommandHelp : public CLI::Formatter {
 public:
  std::string make_expanded(const CLI::App* command) const override {
    std::string text = "\nvipctl " + command->get_display_name(true) + ":\n  " +
                       command->get_description() + "\n\n";
    for (const CLI::Option* option : command->get_options()) {
      const bool is_help =
          option == command->get_help_ptr() || option == command->get_help_all_ptr();
      if (!is_help && !option->get_group().empty()) {
        text += make_option(option, option->get_positional());
      }
    }
    text.erase(text.find_last_not_of('\n') + 1);
    return text + "\n";
  }
};

const std::map<std::string, Output> kOutputs = {{"table", Output::kTable},
                                                {"wide", Output::kWide},
                                                {"json", Output::kJson},
                                                {"yaml", Output::kYaml}};

// What stands on the command line beside the command and its own options.
struct CommonArguments {
  ApiClientOptions client;
  std::string token_file;
  Output output = Output::kTable;
  std::string color = "auto";
};

void add_common_options(CLI::App& app, CommonArguments& arguments) {
  app.set_version_flag("--version", "vipctl " VIPGATE_VERSION, "say which version this is");
  app.set_help_all_flag("--help-all", "say what each command takes, too");
  app.add_option("--url", arguments.client.url, "of the gateway's API (`rest.listen`)")
      ->envname("VIPGATE_URL")
      ->capture_default_str();
  app.add_option("--token-file", arguments.token_file, "holds the token that is sent")
      ->envname("VIPGATE_TOKEN_FILE");
  app.add_option("--ca", arguments.client.ca_file, "PEM file of whom to trust, for https")
      ->envname("VIPGATE_CA");
  app.add_option("--cert", arguments.client.cert_file,
                 "PEM file of the certificate to show, for https, and of its key")
      ->envname("VIPGATE_CERT");
  app.add_option("--key", arguments.client.key_file, "PEM file of the key, if it is another one")
      ->envname("VIPGATE_KEY");
  app.add_option_function<std::string>(
         "-o,--output",
         [&arguments](const std::string& name) { arguments.output = kOutputs.at(name); },
         "how answers are shown: table (the default), wide (more columns), json, yaml")
      ->check(CLI::IsMember({"table", "wide", "json", "yaml"}));
  app.add_option("--color", arguments.color,
                 "auto: on a terminal, unless $NO_COLOR is set or $TERM is dumb")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
}

// A gateway that is away is waited for no longer, and is no reason to fail.
constexpr auto kVersionSilence = std::chrono::seconds(2);

int tell_versions(GatewaySession& session) {
  web::json::value versions = web::json::value::object();
  versions["vipctl"] = web::json::value::string(VIPGATE_VERSION);
  std::string text = "vipctl " VIPGATE_VERSION "\n";
  const auto reply = session.api().ask({.path = "/api/v1/gateway"});
  const auto about =
      reply && reply->status == 200 ? parse_object(reply->body) : Result<web::json::value>(Error{});
  if (about && about->has_string_field("version")) {
    versions["gateway"] = about->at("version");
    text += "gateway " + string_of(*about, "version") + " at " + session.url() + "\n";
  } else {
    std::fprintf(stderr, "the gateway's version is not known: %s\n",
                 reply ? problem_text(*reply).c_str() : reply.error().c_str());
  }
  return show(versions, text, session.options());
}

void add_version_command(CommandSet& commands) {
  commands.on(commands.add("version", "which version this is, and the gateway, if it answers"),
              tell_versions, kVersionSilence);
}

int ask_gateway(const CommandSet& commands, CommonArguments& arguments,
                const ShowOptions& options) {
  if (!arguments.token_file.empty()) {
    auto token = read_whole_file(arguments.token_file);
    if (!token)
      return fail(kExitBadConfiguration, "--token-file: cannot read " + arguments.token_file);
    token->erase(token->find_last_not_of(" \t\r\n") + 1);
    arguments.client.token = *token;
  }
  arguments.client.timeout = commands.silence();
  auto api = ApiClient::create(arguments.client);
  if (!api) return fail(kExitBadConfiguration, api.error());
  GatewaySession session(**api, arguments.client.url, options);
  return commands.ask()(session);
}

int run_vipctl(int argc, char** argv) {
  CLI::App app(
      "What a vipgate gateway does, and what it is to do\n"
      "Exit status: 0 done; 1 refused; 2 wrong command line; 3 nobody answers; 4 `status` or "
      "`doctor` found something wrong. `version` is 0 also where no gateway tells its own");
  app.formatter(std::make_shared<CommandHelp>());
  CommonArguments arguments;
  add_common_options(app, arguments);
  CommandSet commands(app);
  add_view_commands(commands);
  add_top_commands(commands);
  add_event_commands(commands);
  add_flow_commands(commands);
  add_watch_commands(commands);
  add_drain_commands(commands);
  add_apply_commands(commands);
  add_doctor_commands(commands);
  add_version_command(commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const auto words = app.remaining(); app.get_subcommands().empty() && !words.empty()) {
      return fail(kExitBadConfiguration, "there is no command or option '" + words.front() +
                                             "'; vipctl --help lists them");
    }
    return app.exit(error) == 0 ? kExitOk : kExitBadConfiguration;
  }
  const ShowOptions options{
      arguments.output,
      {.is_wide = arguments.output == Output::kWide, .has_colors = wants_colors(arguments.color)}};
  return commands.alone() ? commands.alone()(options) : ask_gateway(commands, arguments, options);
}

}  // namespace
}  // namespace vipgate

int main(int argc, char** argv) { return vipgate::run_vipctl(argc, argv); }
