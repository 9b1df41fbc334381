#include "controlplane/rest/rest_watches.h"

#include <memory>
#include <string>
#include <utility>

#include "common/json_text.h"
#include "controlplane/event_log.h"
#include "controlplane/http/http_query.h"
#include "controlplane/offline/explain_question.h"
#include "controlplane/rest/problem_response.h"
#include "controlplane/rest/watch_answer.h"
#include "controlplane/rest/watch_query.h"

namespace vipgate {
namespace {

std::string explanation_json(const Explanation& explanation) {
  std::string text = "{\"lines\":[";
  for (const ExplanationLine& line : explanation.lines) {
    text += (text.ends_with('[') ? "\n" : ",\n") + std::string("{\"word\":") +
            json_quote(line.word) + ",\"text\":" + json_quote(line.text) + "}";
  }
  return text + "\n],\"verdict\":" + json_quote(explanation.verdict) + "}\n";
}

// Made beside the control thread and the server's: it takes some milliseconds.
void tell_explanation(const RestWatches& watches, PageThread& asks, const ApiRequest& request,
                      const ApiResponder& respond) {
  const auto packet = read_explain_question({.protocol = query_value(request, "protocol"),
                                             .source = query_value(request, "source"),
                                             .destination = query_value(request, "destination"),
                                             .port = query_value(request, "port")},
                                            watches.places.ports);
  if (!packet) return respond(http_problem(400, packet.error()));
  const bool is_taken = asks.post([explain = watches.explain, packet = *packet, respond] {
    const auto explanation = explain(packet);
    respond(explanation ? ApiResponse{.body = explanation_json(*explanation)}
                        : http_problem(503, explanation.error()));
  });
  if (!is_taken) respond(still_busy());
}

// "packets=10&protocol=tcp", as it was understood: it has no other characters than these words
// have.
std::string query_text(const ApiRequest& request) {
  std::string text;
  for (const auto& [key, value] : request.query) {
    text.append(text.empty() ? "" : "&").append(key).append("=").append(value);
  }
  return text.empty() ? "everything" : text;
}

// On the control thread.
void begin_watch(WatchKeeper& keeper, RestFeed& feed, WatchOptions options,
                 const ApiRequest& request, const ApiResponder& respond) {
  const bool is_trace = options.stream == WatchOptions::Stream::kTrace;
  if (const std::string holder = keeper.holder(); !holder.empty()) {
    return respond(http_problem(409, "packets are watched already, by " + holder +
                                         "; one watch at a time: wait for its end"));
  }
  const char* const what = is_trace ? "trace" : "capture";
  const auto answer = std::make_shared<WatchAnswer>(
      feed, keeper,
      WatchAnswer::Options{
          .who = request.who,
          .content_type = is_trace ? "application/x-ndjson" : "application/x-pcapng",
          .is_trace = is_trace},
      respond);
  options.output = answer;
  log_event(spdlog::level::info, "audit",
            {{"who", request.who}, {"action", what}, {"state", "begins"}},
            "audit: {}: {} begins: {}", request.who, what, query_text(request));
  const Status status =
      keeper.begin(options, std::string("the ") + what + " of " + request.who + " (up to " +
                                std::to_string(options.packets) + " packets, " +
                                std::to_string(options.seconds) + " s)");
  if (status) return;
  log_event(spdlog::level::info, "audit",
            {{"who", request.who}, {"action", what}, {"state", "failed"}, {"why", status.error()}},
            "audit: {}: {} failed: {}", request.who, what, status.error());
  respond(http_problem(503, status.error()));
}

ApiHandler watch_handler(RestFeed& feed, const RestWatches& watches, WatchOptions::Stream stream) {
  return [&feed, watches, stream](ApiRequest request, ApiResponder respond) {
    auto options = read_watch_query(request.query, stream, watches.places);
    if (!options) return respond(http_problem(400, options.error()));
    if (request.method == "HEAD") {
      const bool is_trace = stream == WatchOptions::Stream::kTrace;
      return respond({.content_type = is_trace ? "application/x-ndjson" : "application/x-pcapng"});
    }
    feed.post([&keeper = watches.keeper, options = std::move(*options),
               request = std::move(request), respond = std::move(respond)](RestFeed& own) {
      begin_watch(keeper, own, options, request, respond);
    });
  };
}

}  // namespace

void add_watch_routes(HttpRouter& router, RestFeed& feed, PageThread& asks,
                      const RestWatches& watches) {
  router.add(
      "GET", "/api/v1/explain",
      [watches, &asks](const ApiRequest& request, const ApiResponder& respond) {
        tell_explanation(watches, asks, request, respond);
      },
      std::vector<std::string>{"protocol", "source", "destination", "port"});
  router.add_for_admins("/api/v1/trace",
                        watch_handler(feed, watches, WatchOptions::Stream::kTrace));
  router.add_for_admins("/api/v1/capture",
                        watch_handler(feed, watches, WatchOptions::Stream::kCapture));
}

}  // namespace vipgate
