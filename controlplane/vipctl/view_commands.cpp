#include "controlplane/vipctl/view_commands.h"

#include <memory>

#include "controlplane/vipctl/report_views.h"
#include "controlplane/vipctl/views.h"

namespace vipgate {
namespace {

using web::json::value;

struct DnsQuestion {
  std::string name;
  std::string type = "A";
  std::string client;  // empty: this machine
};

int run_status(GatewaySession& session) {
  GatewayStatus status;
  auto ready = session.api().ask({.path = "/readyz"});
  if (!ready) return fail(kExitUnreachable, ready.error());
  status.is_ready = ready->status == 200;
  if (!status.is_ready) status.not_ready_why = problem_text(*ready);
  if (const int error = session.get("/api/v1/snapshot", status.snapshot); error != kExitOk)
    return error;
  if (const int error = session.get("/api/v1/counters", status.counters); error != kExitOk)
    return error;
  if (const int error = session.get("/api/v1/gateway", status.about); error != kExitOk)
    return error;
  // Counters have clusters by number; what these are called is worth no failure.
  const auto sources = session.api().ask({.path = "/api/v1/sources?limit=0"});
  if (sources && sources->status == 200) {
    if (const auto named = parse_object(sources->body)) status.sources = *named;
  }
  value all = value::object();
  all["ready"] = value::boolean(status.is_ready);
  all["snapshot"] = status.snapshot;
  all["counters"] = status.counters;
  all["gateway"] = status.about;
  const auto [text, is_wrong] = status_view(status, session.url(), session.style());
  const int shown = show(all, text, session.options());
  return shown != kExitOk || !is_wrong ? shown : kExitWrong;
}

int run_dns(GatewaySession& session, const DnsQuestion& question) {
  std::string path =
      "/api/v1/dns/query?name=" + url_text(question.name) + "&type=" + url_text(question.type);
  if (!question.client.empty()) path += "&client=" + url_text(question.client);
  return session.show_path(path, dns_view);
}

// A path, and a view of it, without options.
void add_view(CommandSet& commands, const char* name, const char* what, const char* path,
              std::string (*view)(const value&, const ViewStyle&)) {
  commands.on(commands.add(name, what),
              [path, view](GatewaySession& session) { return session.show_path(path, view); });
}

// A view of the list of services, or of what `some` leaves of it for one of `states`.
void add_list(CommandSet& commands, const char* name, const char* what,
              const std::vector<std::string>& states,
              value (*some)(const value&, const std::string&),
              std::string (*view)(const value&, const ViewStyle&)) {
  const auto state = std::make_shared<std::string>();
  CLI::App* list = commands.add(name, what);
  list->add_option("--state", *state, "only these")->check(CLI::IsMember(states));
  commands.on(list, [state, some, view](GatewaySession& session) {
    value all;
    if (const int error = session.get("/api/v1/services", all); error != kExitOk) return error;
    return session.show_answer(state->empty() ? all : some(all, *state), view);
  });
}

void add_dns(CommandSet& commands) {
  const auto question = std::make_shared<DnsQuestion>();
  CLI::App* dns = commands.add("dns", "what the gateway answers to a question");
  dns->add_option("name", question->name, "that is asked for")->required();
  dns->add_option("type", question->type, "A, AAAA, SRV, PTR, ANY and so on")
      ->capture_default_str();
  dns->add_option("--client", question->client, "the address that asks, for dns.views");
  commands.on(dns, [question](GatewaySession& session) { return run_dns(session, *question); });
}

}  // namespace

void add_view_commands(CommandSet& commands) {
  commands.on(commands.add("status", "what is wrong, then what there is"), run_status);
  add_list(commands, "services", "services and their reals", {"serving", "no_real", "leaving"},
           services_in, services_view);
  add_list(commands, "reals", "reals, a line each", {"up", "draining", "down"}, reals_in,
           reals_view);
  add_view(commands, "workers", "what each worker's core does", "/api/v1/workers", workers_view);
  add_view(commands, "ports", "ports, their links and packets", "/api/v1/ports", ports_view);
  add_view(commands, "sources", "where services come from, and what of that is not served, and why",
           "/api/v1/sources", sources_view);
  add_dns(commands);
}

}  // namespace vipgate
