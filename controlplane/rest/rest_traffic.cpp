#include "controlplane/rest/rest_traffic.h"

#include <memory>
#include <utility>

#include "common/json_text.h"
#include "controlplane/http/http_query.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/find_service.h"
#include "controlplane/rest/on_control.h"
#include "controlplane/rest/problem_response.h"
#include "controlplane/rest/traffic_text.h"

namespace vipgate {
namespace {

ApiResponse no_service(const std::string& id) {
  return http_problem(404, "there is no service " + id);
}

// Beside the control thread.
void make_beside(PageThread& thread, const ApiResponder& respond,
                 std::function<ApiResponse()> make) {
  const bool is_taken = thread.post([respond, make = std::move(make)] { respond(make()); });
  if (!is_taken) respond(still_busy());
}

// The text of all services may be long: it is made once for all who ask meanwhile.
ApiHandler traffic_handler(RestFeed& feed, const GatewayReports& reports,
                           std::shared_ptr<LongAnswers> answers) {
  return [&feed, &pages = reports.pages, read = reports.traffic, answers = std::move(answers)](
             const ApiRequest& request, const ApiResponder& respond) {
    const std::string id = query_value(request, "service");
    const auto begin = [&feed, &pages, read, id](const LongAnswers::Finish& finish) {
      feed.post([&pages, read, id, finish](const RestFeed&) {
        make_beside(pages, finish, [traffic = read(), sampled = sampled_now(), id] {
          std::string text = traffic_text(traffic, id);
          if (text.empty()) return no_service(id);
          return ApiResponse{.body = std::move(text), .headers = {sampled}};
        });
      });
    };
    answers->ask("traffic\n" + id, request.peer, begin, respond);
  };
}

std::string gateway_text(const GatewayReports& reports, const ApiRequest& request) {
  const GatewayFigures input = reports.gateway();
  std::string text =
      "{\"node\":" + json_quote(input.node) + ",\"version\":" + json_quote(input.version) +
      ",\"ready\":" + (input.is_ready ? "true" : "false") + ",\"who\":" + json_quote(request.who) +
      ",\"role\":\"" + (request.role == ApiRole::kAdmin ? "admin" : "read") + "\",\"tables\":[";
  for (const TableUse& use : input.tables) {
    text += (text.ends_with('[') ? "" : ",") + std::string("{\"table\":") + json_quote(use.table) +
            ",\"entries\":" + std::to_string(use.entries) +
            ",\"capacity\":" + std::to_string(use.capacity) +
            ",\"setting\":" + json_quote(use.setting) + "}";
  }
  return text + "]}\n";
}

void tell_rows(const Reconciler& reconciler, PageThread& asks, const ApiRequest& request,
               const ApiResponder& respond) {
  const std::string& id = request.parameters[0];
  const std::shared_ptr<const Snapshot>& snapshot = reconciler.snapshot();
  if (snapshot == nullptr) return respond(http_problem(503, "there is no snapshot yet"));
  const auto* found = find_service(reconciler.model(), id);
  if (found == nullptr) return respond(no_service(id));
  // One that was made a moment ago may stand in the next snapshot.
  const uint32_t index = found->second.index;
  if (index / kPageSize >= snapshot->service_pages.size() ||
      snapshot->service(index).index != index || key_of(*snapshot, index) != found->first) {
    return respond(no_service(id));
  }
  make_beside(asks, respond, [snapshot, index, id] {
    return ApiResponse{.body = maglev_text(*snapshot, index, id)};
  });
}

}  // namespace

std::pair<std::string, std::string> sampled_now() {
  return {"Sampled-At-Ms", std::to_string(monotonic_ms())};
}

void add_traffic_routes(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                        const GatewayReports& reports,
                        const std::shared_ptr<LongAnswers>& answers) {
  router.add("GET", "/api/v1/gateway",
             on_control(feed, [reports](const ApiRequest& request, const ApiResponder& respond) {
               respond({.body = gateway_text(reports, request)});
             }));
  router.add("GET", "/api/v1/traffic", traffic_handler(feed, reports, answers),
             std::vector<std::string>{"service"});
  router.add("GET", "/api/v1/services/{id}/maglev",
             on_control(feed, [&reconciler, &asks = reports.asks](const ApiRequest& request,
                                                                  const ApiResponder& respond) {
               tell_rows(reconciler, asks, request, respond);
             }));
}

}  // namespace vipgate
