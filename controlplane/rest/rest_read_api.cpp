#include "controlplane/rest/rest_read_api.h"

#include <memory>
#include <optional>
#include <utility>

#include "controlplane/http/http_query.h"
#include "controlplane/rest/dns_reports.h"
#include "controlplane/rest/dns_text.h"
#include "controlplane/rest/on_control.h"
#include "controlplane/rest/problem_response.h"

namespace vipgate {
namespace {

// Records, or ignored items of each source, that one answer has.
constexpr size_t kUsualLimit = 100;
constexpr size_t kHighestLimit = 100'000;

Result<uint64_t> read_limit(const ApiRequest& request) {
  return query_number(request, "limit", {0, kHighestLimit}, kUsualLimit);
}

// Empty if there is none.
Result<std::string> read_name(const ApiRequest& request, const std::string& key) {
  const std::string text = query_value(request, key);
  if (text.empty()) return std::string();
  auto name = dns_name_from_text(text);
  if (!name) return Error{key + ": " + name.error()};
  return name;
}

Result<DnsRecordFilter> read_record_filter(const ApiRequest& request) {
  const auto limit = read_limit(request);
  if (!limit) return Error{limit.error()};
  const auto name = read_name(request, "name");
  if (!name) return Error{name.error()};
  const auto zone = read_name(request, "zone");
  if (!zone) return Error{zone.error()};
  return DnsRecordFilter{dns_fold(*name), dns_fold(*zone), *limit};
}

ApiResponse records_answer(const DnsTable& table, const DnsRecordFilter& filter) {
  if (!filter.zone.empty()) {
    const std::string problem = dns_zone_problem(table, filter.zone);
    if (!problem.empty()) return http_problem(404, problem);
  }
  return {.body = dns_records_text(table, filter)};
}

// The table may be large, and does not change: it is looked through beside the control thread.
void make_records(const Reconciler& reconciler, PageThread& pages, const DnsRecordFilter& filter,
                  const LongAnswers::Finish& finish) {
  const std::shared_ptr<const DnsTable>& table = reconciler.dns_answers();
  if (table == nullptr) return finish(http_problem(503, "there are no tables yet"));
  const bool is_taken =
      pages.post([table, filter, finish] { finish(records_answer(*table, filter)); });
  if (!is_taken) finish(still_busy());
}

ApiHandler records_handler(RestFeed& feed, const Reconciler& reconciler, PageThread& pages,
                           std::shared_ptr<LongAnswers> answers) {
  return [&feed, &reconciler, &pages, answers = std::move(answers)](const ApiRequest& request,
                                                                    const ApiResponder& respond) {
    const auto filter = read_record_filter(request);
    if (!filter) return respond(http_problem(400, filter.error()));
    answers->ask(
        "records\n" + std::to_string(filter->limit) + "\n" + filter->name + "\n" + filter->zone,
        request.peer,
        [&feed, &reconciler, &pages, filter = *filter](const LongAnswers::Finish& finish) {
          feed.post([&reconciler, &pages, filter, finish](const RestFeed&) {
            make_records(reconciler, pages, filter, finish);
          });
        },
        respond);
  };
}

// Of very many ignored tasks the text is long.
void tell_sources(const GatewayReports& reports, const ApiRequest& request,
                  const ApiResponder& respond) {
  const auto limit = read_limit(request);
  if (!limit) return respond(http_problem(400, limit.error()));
  const auto report = std::make_shared<const SourcesReport>(reports.sources(*limit));
  const bool is_taken =
      reports.pages.post([report, respond] { respond({.body = sources_text(*report)}); });
  if (!is_taken) respond(still_busy());
}

void tell_answer(const AnswerDns& answer_dns, const ApiRequest& request,
                 const ApiResponder& respond) {
  const auto name = read_name(request, "name");
  if (!name) return respond(http_problem(400, name.error()));
  if (name->empty()) return respond(http_problem(400, "name: say which, as in ?name=web.mesos"));
  const std::string type_text = query_value(request, "type");
  const auto type = dns_type_from_text(type_text.empty() ? "A" : type_text);
  if (!type) {
    return respond(http_problem(
        400, "type: '" + type_text + "' is none; write one as A, SRV or ANY, or TYPE65"));
  }
  const std::string client_text = query_value(request, "client");
  const auto client = parse_ip_address(client_text.empty() ? "127.0.0.1" : client_text);
  if (!client) return respond(http_problem(400, "client: " + client.error()));
  auto text = dns_query_text(answer_dns, *name, *type, *client);
  respond(text ? ApiResponse{.body = std::move(*text)} : http_problem(503, text.error()));
}

// What listeners of events leave out.
constexpr const char* kEventComment = ":\n\n";

// Server-sent events, from now on or from the one behind that which the client has had last.
ApiHandler event_handler(std::shared_ptr<EventHub> events) {
  return [events = std::move(events)](const ApiRequest& request, const ApiResponder& respond) {
    if (events->is_full()) {
      return respond(http_problem(503, "there are " + std::to_string(EventHub::kListeners) +
                                           " listeners already; close one, or read "
                                           "/api/v1/counters from time to time"));
    }
    ApiResponse response{.content_type = "text/event-stream", .idle_piece = kEventComment};
    response.stream = [events, last = request.last_event_id](const std::shared_ptr<ApiSink>& sink) {
      sink->write(kEventComment);  // there is somebody
      return events->listen(last, [sink](const std::string& block) { sink->write(block); });
    };
    respond(std::move(response));
  };
}

}  // namespace

void add_read_routes(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                     const GatewayReports& reports, const std::shared_ptr<LongAnswers>& answers) {
  router.add_index("/api/v1");
  router.add("GET", "/api/v1/workers",
             on_control(feed, [reports](const ApiRequest&, const ApiResponder& respond) {
               respond({.body = workers_text(reports.workers())});
             }));
  router.add("GET", "/api/v1/ports",
             on_control(feed, [reports](const ApiRequest&, const ApiResponder& respond) {
               respond({.body = ports_text(reports.ports())});
             }));
  router.add("GET", "/api/v1/sources",
             on_control(feed,
                        [reports](const ApiRequest& request, const ApiResponder& respond) {
                          tell_sources(reports, request, respond);
                        }),
             std::vector<std::string>{"limit"});
  router.add("GET", "/api/v1/dns/records",
             records_handler(feed, reconciler, reports.pages, answers),
             std::vector<std::string>{"name", "zone", "limit"});
  router.add("GET", "/api/v1/events", event_handler(reports.events));
  router.add(
      "GET", "/api/v1/dns/query",
      [answer_dns = reports.answer_dns](const ApiRequest& request, const ApiResponder& respond) {
        tell_answer(answer_dns, request, respond);
      },
      std::vector<std::string>{"name", "type", "client"});
}

}  // namespace vipgate
