// The control loop's HTTP listeners.

#include <utility>

#include "controlplane/config/config_reader_rest.h"
#include "controlplane/event_log.h"
#include "controlplane/loop/control_loop.h"
#include "controlplane/rest/mesos_dns_api.h"

namespace vipgate {
namespace {

// Of a request to a listener that only tells.
constexpr size_t kMesosDnsBodyBytes = 64 * 1024;

}  // namespace

HttpServerOptions ControlLoop::server_options(const RestEndpoint& at) const {
  const RestConfig& rest = reconciler_.config().rest;
  HttpServerOptions options;
  options.address = at.address;
  options.port = at.port;
  options.connections = rest.connections;
  options.body_bytes = size_t{rest.body_mb} << 20;
  return options;
}

Status ControlLoop::start_api() {
  const RestConfig& rest = reconciler_.config().rest;
  std::vector<HttpToken> tokens;
  if (!rest.tokens_file.empty() && !(rest.listen.empty() && rest.mesos_dns_listen.empty())) {
    auto read = read_tokens(rest.tokens_file);
    if (!read) return Error{"rest: " + read.error()};
    tokens = std::move(*read);
  }
  for (const RestEndpoint& endpoint : rest.listen) {
    HttpServerOptions options = server_options(endpoint);
    options.cert_file = rest.cert_file;
    options.key_file = rest.key_file;
    options.client_ca_file = rest.client_ca_file;
    options.tokens = tokens;
    const auto worker_count = static_cast<uint32_t>(reconciler_.config().workers.cpus.size());
    auto server = HttpServer::start(
        std::move(options),
        make_rest_router(feeds_->rest(), reconciler_, health_,
                         {.pages = pages_,
                          .asks = asks_,
                          .bodies = bodies_,
                          .metrics = [this] { return metrics(); },
                          .gateway = [this] { return gateway_figures(); },
                          .counters = [this] { return counters_json(); },
                          .traffic = [this] { return dataplane_.traffic_figures(); },
                          .events = events_,
                          .workers = [this] { return workers_report(); },
                          .ports = [this] { return ports_report(); },
                          .sources = [this](size_t ignored) { return sources_report(ignored); },
                          .answer_dns = answer_dns(),
                          .worker_count = worker_count,
                          .list_flows = list_flows(),
                          .watches = rest_watches()}));
    if (!server) return Error{"rest: " + server.error()};
    api_.push_back(std::move(*server));
    const std::string at = endpoint_to_string(endpoint.address, endpoint.port);
    log_event(spdlog::level::info, "listening", {{"what", "rest"}, {"at", at}},
              "rest: listening at {}", at);
  }
  return start_mesos_dns(tokens);
}

Status ControlLoop::start_mesos_dns(const std::vector<HttpToken>& tokens) {
  const RestConfig& rest = reconciler_.config().rest;
  served_dns_.show(reconciler_.dns_answers());
  for (const RestEndpoint& endpoint : rest.mesos_dns_listen) {
    HttpServerOptions options = server_options(endpoint);
    options.body_bytes = kMesosDnsBodyBytes;
    options.is_for_any_host = rest.plaintext;
    if (!mesos_dns_is_plain(rest, endpoint)) {
      options.cert_file = rest.cert_file;
      options.key_file = rest.key_file;
      options.client_ca_file = rest.client_ca_file;
      options.tokens = tokens;
    }
    auto server = HttpServer::start(
        std::move(options),
        make_mesos_dns_router(feeds_->rest(), reconciler_,
                              {.pages = pages_,
                               .answers = long_answers_,
                               .served = served_dns_,
                               .list_tasks =
                                   [this](size_t cluster, TaskListing& listing, size_t most) {
                                     return feeds_->list_tasks(cluster, listing, most);
                                   }},
                              endpoint));
    if (!server) return Error{"rest.mesos_dns_listen: " + server.error()};
    api_.push_back(std::move(*server));
    const std::string at = endpoint_to_string(endpoint.address, endpoint.port);
    log_event(spdlog::level::info, "listening", {{"what", "mesos_dns"}, {"at", at}},
              "rest: telling what Mesos-DNS tells at {}", at);
  }
  return Done{};
}

}  // namespace vipgate
