#include "controlplane/rest/rest_api.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "common/json_text.h"
#include "controlplane/event_log.h"
#include "controlplane/http/gzip.h"
#include "controlplane/http/http_query.h"
#include "controlplane/model/compiler.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/json_document.h"
#include "controlplane/rest/long_answers.h"
#include "controlplane/rest/model_text.h"
#include "controlplane/rest/on_control.h"
#include "controlplane/rest/problem_response.h"
#include "controlplane/rest/rest_dashboard.h"
#include "controlplane/rest/rest_drains.h"
#include "controlplane/rest/rest_read_api.h"
#include "controlplane/rest/rest_service_list.h"
#include "controlplane/rest/rest_traffic.h"

namespace vipgate {
namespace {

// The control thread comes round at least once a second.
constexpr int64_t kAliveWithinMs = 5000;
// Of a listener's lists: with 10,000 services they have some megabytes each.
constexpr size_t kMostLongTexts = 16;
// Octets of a body that takes longer to be read than others should wait.
constexpr size_t kLongBody = 16 * 1024;

std::string id_list(const std::vector<std::string>& ids) {
  std::string text = "[";
  for (const std::string& id : ids) text += (text.size() == 1 ? "" : ",") + json_quote(id);
  return text + "]";
}

// What a plan would do, or has done.
// `more`: further members, each behind a comma.
std::string plan_text(const RestPlan& plan, const std::string& more = {}) {
  return "{\"added\":" + id_list(plan.added) + ",\"changed\":" + id_list(plan.changed) +
         ",\"removed\":" + id_list(plan.removed) + more + "}\n";
}

// The body as a tree; null, and the answer is given, if it is none. Only these types: a page of
// another site cannot make a browser send them unasked.
YamlNodePtr read_body(const ApiRequest& request, const ApiResponder& respond) {
  Diagnostics diagnostics("body");
  YamlNodePtr root;
  if (request.content_type.starts_with("application/json")) {
    root = read_json(request.body, diagnostics);
  } else if (request.content_type.starts_with("application/yaml")) {
    root = read_yaml(request.body, diagnostics);
  } else {
    respond(http_problem(415, "send application/json or application/yaml"));
    return nullptr;
  }
  if (root == nullptr) respond(http_problem(400, diagnostics.text()));
  return root;
}

// RFC 9110 13.1.1. `tag`: that of what is there; empty: nothing is.
bool is_match(const std::string& if_match, const std::string& tag) {
  if (if_match.empty()) return true;
  if (if_match == "*") return !tag.empty();
  return !tag.empty() && if_match.find(tag) != std::string::npos;
}

ApiResponse mismatch(const std::string& tag) {
  ApiResponse response = http_problem(
      412, "it has changed since: it is " + (tag.empty() ? "gone" : tag) + " now; read it again");
  if (!tag.empty()) response.headers.emplace_back("ETag", tag);
  return response;
}

std::string tag_of_one(const RestServices& services, const std::string& id) {
  const auto known = services.services().find(id);
  return known == services.services().end() ? std::string() : RestServices::etag(known->second);
}

ApiResponse metrics_answer(const MetricsInput& input, bool packs) {
  ApiResponse response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                       .body = metrics_page(input),
                       .headers = {{"Vary", "Accept-Encoding"}}};
  std::string packed = packs ? gzip(response.body) : std::string();
  if (packed.empty()) return response;
  response.body = std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

class RestApi : public std::enable_shared_from_this<RestApi> {
 public:
  RestApi(RestFeed& feed, const Reconciler& reconciler) : feed_(feed), reconciler_(reconciler) {}

  // On the control thread, with the body, which is read before: a long one on a thread that no
  // other request waits for.
  template <class Work>
  ApiHandler on_control_with_body(Work work, PageThread& bodies) {
    const auto read = [self = shared_from_this(), work](ApiRequest request, ApiResponder respond) {
      YamlNodePtr root = read_body(request, respond);
      if (root == nullptr) return;
      request.body = {};
      self->feed_.post([self, work, root = std::move(root), request = std::move(request),
                        respond = std::move(respond)](RestFeed&) {
        (self.get()->*work)(request, root, respond);
      });
    };
    return [&bodies, read](ApiRequest request, ApiResponder respond) {
      if (request.body.size() <= kLongBody) return read(std::move(request), std::move(respond));
      const auto arrived = std::make_shared<ApiRequest>(std::move(request));
      const bool is_taken =
          bodies.post([read, arrived, respond] { read(std::move(*arrived), respond); });
      if (!is_taken) respond(still_busy());
    };
  }

  void snapshot(const ApiRequest&, const ApiResponder& respond) {
    std::string body = "{\"version\":" + std::to_string(reconciler_.version()) +
                       ",\"passed\":" + std::to_string(reconciler_.passed()) +
                       ",\"settled\":" + (reconciler_.settled() ? "true" : "false");
    for (const auto& [name, value] : reconciler_.counters()) {
      body += "," + json_quote(name) + ":" + std::to_string(value);
    }
    respond({.body = body + "}\n"});
  }

  void one(const ApiRequest& request, const ApiResponder& respond) {
    const std::string& id = request.parameters[0];
    std::string text =
        model_text(reconciler_.model(), feed_.services(), dns_options(feed_.config()), id);
    if (text.empty()) return respond(http_problem(404, "there is no service " + id));
    ApiResponse response{.body = std::move(text)};
    const std::string tag = tag_of_one(feed_.services(), id);
    if (!tag.empty()) response.headers.emplace_back("ETag", tag);
    respond(std::move(response));
  }

  void put_all(const ApiRequest& request, const YamlNodePtr& root, const ApiResponder& respond) {
    const std::string tag = feed_.services().etag();
    if (!is_match(request.if_match, tag)) return respond(mismatch(tag));
    apply(request, feed_.services().plan_all(root, feed_.config()), 200, {}, respond);
  }

  void post_one(const ApiRequest& request, const YamlNodePtr& root, const ApiResponder& respond) {
    auto plan = feed_.services().plan_one(root, "", feed_.config());
    if (const auto* good = std::get_if<RestPlan>(&plan)) {
      if (good->added.empty()) {
        return respond(http_problem(409, "the service is there already; PUT it to change it"));
      }
      const std::string id = good->added.front();
      return apply(request, std::move(plan), 201, id, respond);
    }
    apply(request, std::move(plan), 201, {}, respond);
  }

  void put_one(const ApiRequest& request, const YamlNodePtr& root, const ApiResponder& respond) {
    const std::string& id = request.parameters[0];
    const std::string tag = tag_of_one(feed_.services(), id);
    if (!is_match(request.if_match, tag)) return respond(mismatch(tag));
    apply(request, feed_.services().plan_one(root, id, feed_.config()), tag.empty() ? 201 : 200, id,
          respond);
  }

  void remove_one(const ApiRequest& request, const ApiResponder& respond) {
    const std::string& id = request.parameters[0];
    const std::string tag = tag_of_one(feed_.services(), id);
    if (!tag.empty() && !is_match(request.if_match, tag)) return respond(mismatch(tag));
    apply(request, feed_.services().plan_removal(id, feed_.config()), 200, {}, respond);
  }

 private:
  void apply(const ApiRequest& request, RestResult<RestPlan> planned, int status,
             const std::string& id, const ApiResponder& respond) {
    if (const auto* problem = std::get_if<RestProblem>(&planned)) {
      return respond(problem_response(*problem));
    }
    RestPlan& plan = std::get<RestPlan>(planned);
    const auto is_dry = query_flag(request, "dry_run");
    if (!is_dry) return respond(http_problem(400, is_dry.error()));
    if (*is_dry) return respond({.body = dry_run_text(plan)});
    ApiResponse response{.status = status, .body = plan_text(plan)};
    if (!id.empty()) {
      response.headers.emplace_back("Location", "/api/v1/services/" + id);
      response.headers.emplace_back("ETag", feed_.services().etag_after(plan, id));
    }
    std::vector<AuditLine> lines = audit_lines(request, plan);
    feed_.apply(std::move(plan),
                [respond, response = std::move(response),
                 lines = std::move(lines)](const RestResult<Done>& outcome) mutable {
                  const auto* problem = std::get_if<RestProblem>(&outcome);
                  const bool is_in_force = problem == nullptr || problem->status == 507;
                  for (const AuditLine& line : lines) {
                    if (is_in_force) line.log();
                  }
                  respond(problem == nullptr ? std::move(response) : problem_response(*problem));
                });
  }

  // The same, and the documents of the first of those that would change, as they are and would be.
  std::string dry_run_text(const RestPlan& plan) const {
    constexpr size_t kMost = 1000;
    const size_t count = std::min(plan.changed.size(), kMost);
    std::string documents;
    for (size_t i = 0; i < count; ++i) {
      const std::string& id = plan.changed[i];
      documents += (i == 0 ? "" : ",") + json_quote(id) +
                   ":{\"before\":" + feed_.services().services().at(id).json +
                   ",\"after\":" + plan.services.at(id).json + "}";
    }
    return plan_text(plan, ",\"documents\":{" + documents + "}");
  }

  // Who changed what, before and after: a line for each service.
  struct AuditLine {
    std::string who, method, id;
    std::string before, after;  // JSON; empty: nothing

    void log() const {
      log_event(spdlog::level::info, "audit",
                {{"who", who},
                 {"action", method},
                 {"service", id},
                 LogField::json("before", before),
                 LogField::json("after", after)},
                "audit: {}: {} {}", who, method, id);
    }
  };
  std::vector<AuditLine> audit_lines(const ApiRequest& request, const RestPlan& plan) const {
    std::vector<AuditLine> lines;
    const RestServiceMap& before = feed_.services().services();
    for (const auto* ids : {&plan.added, &plan.changed, &plan.removed}) {
      for (const std::string& id : *ids) {
        const auto was = before.find(id);
        const auto is = plan.services.find(id);
        lines.push_back({request.who, request.method, id,
                         was == before.end() ? std::string() : was->second.json,
                         is == plan.services.end() ? std::string() : is->second.json});
      }
    }
    return lines;
  }

  RestFeed& feed_;
  const Reconciler& reconciler_;
};

}  // namespace

HttpRouter make_rest_router(RestFeed& feed, const Reconciler& reconciler,
                            const GatewayHealth& health, const GatewayReports& reports) {
  const auto api = std::make_shared<RestApi>(feed, reconciler);
  const auto answers = std::make_shared<LongAnswers>(kMostLongTexts);
  HttpRouter router;
  router.add_open("/healthz", [&health](const ApiRequest&, const ApiResponder& respond) {
    const int64_t silent_ms = monotonic_ms() - health.alive_at_ms;
    if (silent_ms <= kAliveWithinMs) {
      return respond({.content_type = "text/plain", .body = "ok\n"});
    }
    respond(http_problem(
        503, "the control thread has not come round for " + std::to_string(silent_ms) + " ms"));
  });
  router.add_open("/readyz", [&health](const ApiRequest&, const ApiResponder& respond) {
    if (health.is_ready) return respond({.content_type = "text/plain", .body = "ready\n"});
    respond(
        http_problem(503, "not all workers serve the first snapshot yet, or it is about to stop"));
  });
  router.add("GET", "/metrics",
             on_control(feed, [reports](const ApiRequest& request, const ApiResponder& respond) {
               const auto input = std::make_shared<const MetricsInput>(reports.metrics());
               const bool packs = accepts_gzip(request.accept_encoding);
               const bool is_taken = reports.pages.post(
                   [input, packs, respond] { respond(metrics_answer(*input, packs)); });
               if (!is_taken) respond(still_busy());
             }));
  router.add("GET", "/api/v1/counters",
             on_control(feed, [reports](const ApiRequest&, const ApiResponder& respond) {
               ApiResponse response{.body = reports.counters() + "\n"};
               response.headers.push_back(sampled_now());
               respond(std::move(response));
             }));
  add_read_routes(router, feed, reconciler, reports, answers);
  router.add("GET", "/api/v1/snapshot", on_control(feed, std::bind_front(&RestApi::snapshot, api)));
  add_service_list(router, feed, reconciler, answers);
  const std::vector<std::string> changes = {"dry_run"};
  router.add("PUT", "/api/v1/services",
             api->on_control_with_body(&RestApi::put_all, reports.bodies), changes);
  router.add("POST", "/api/v1/services",
             api->on_control_with_body(&RestApi::post_one, reports.bodies), changes);
  router.add("GET", "/api/v1/services/{id}", on_control(feed, std::bind_front(&RestApi::one, api)));
  router.add("PUT", "/api/v1/services/{id}",
             api->on_control_with_body(&RestApi::put_one, reports.bodies), changes);
  router.add("DELETE", "/api/v1/services/{id}",
             on_control(feed, std::bind_front(&RestApi::remove_one, api)), changes);
  add_drain_routes(router, feed, reports.traffic);
  add_flow_routes(router, reports.asks, reports.worker_count, reports.list_flows);
  add_traffic_routes(router, feed, reconciler, reports, answers);
  add_dashboard_routes(router);
  add_watch_routes(router, feed, reports.asks, reports.watches);
  return router;
}

}  // namespace vipgate
