#include "controlplane/rest/rest_drains.h"

#include <memory>
#include <utility>

#include "controlplane/event_log.h"
#include "controlplane/http/http_query.h"
#include "controlplane/rest/on_control.h"
#include "controlplane/rest/problem_response.h"

namespace vipgate {
namespace {

constexpr uint64_t kLongestDrainS = 604'800;

std::string drain_ids(const std::vector<ServiceKey>& keys) {
  constexpr size_t kNamed = 5;
  std::string text;
  for (size_t i = 0; i < std::min(keys.size(), kNamed); ++i) {
    text += (i == 0 ? "" : ", ") + service_id(keys[i]);
  }
  if (keys.size() > kNamed) text += " and " + std::to_string(keys.size() - kNamed) + " more";
  return text;
}

class DrainApi : public std::enable_shared_from_this<DrainApi> {
 public:
  DrainApi(RestFeed& feed, std::function<TrafficFigures()> traffic)
      : feed_(feed), traffic_(std::move(traffic)) {}

  void list(const ApiRequest&, const ApiResponder& respond) {
    std::string body = "{\"drains\":[";
    const DrainDesk::Uses uses = desk().uses(traffic_());
    bool is_first = true;
    for (const auto& [target, drain] : desk().all()) {
      body += (is_first ? "\n" : ",\n") + desk().text(target, drain, uses.at(target));
      is_first = false;
    }
    respond({.body = body + "\n]}\n"});
  }

  void one(const ApiRequest&, const DrainTarget& target, const ApiResponder& respond) {
    const auto known = desk().all().find(target);
    if (known == desk().all().end()) return respond(not_taken_out(target));
    respond({.body = document(target, known->second) + "\n"});
  }

  void put(const ApiRequest& request, const DrainTarget& target, const ApiResponder& respond) {
    const auto seconds = query_number(request, "deadline_s", {1, kLongestDrainS}, 0);
    if (!seconds) return respond(http_problem(400, seconds.error()));
    const auto is_forced = query_flag(request, "force");
    if (!is_forced) return respond(http_problem(400, is_forced.error()));
    const auto is_dry = query_flag(request, "dry_run");
    if (!is_dry) return respond(http_problem(400, is_dry.error()));
    if (desk().use_of(target, {}).services.empty()) {
      return respond(http_problem(404, "no service has the real " + to_string(target) +
                                           "; GET /api/v1/services shows those that there are"));
    }
    const std::vector<ServiceKey> emptied = desk().emptied_by(target);
    if (!emptied.empty() && !*is_forced) {
      return respond(http_problem(409, drain_ids(emptied) +
                                           " would have no real left that takes new flows; add "
                                           "force=true if that is meant"));
    }
    if (desk().is_full() && !desk().all().contains(target)) {
      return respond(http_problem(409, std::to_string(DrainDesk::kMost) +
                                           " are taken out already; DELETE those that are done"));
    }
    const Drain drain = desk().planned(target, static_cast<int64_t>(*seconds), drain_clock());
    if (*is_dry) return respond({.body = document(target, drain) + "\n"});
    const auto known = desk().all().find(target);
    const std::string before =
        known == desk().all().end() ? std::string() : document(target, known->second);
    feed_.take_out(target, drain,
                   [self = shared_from_this(), respond, target, drain, before, who = request.who,
                    seconds = *seconds](const RestResult<Done>& outcome) {
                     const std::string after = self->document(target, drain);
                     log_event(spdlog::level::info, "audit",
                               {{"who", who},
                                {"action", "drain"},
                                {"real", to_string(target)},
                                {"seconds", seconds},
                                LogField::json("before", before),
                                LogField::json("after", after)},
                               "audit: {}: PUT drain {}{}", who, to_string(target),
                               seconds == 0 ? "" : " for " + std::to_string(seconds) + " s");
                     self->answer(respond, outcome, before.empty() ? 201 : 200, after + "\n");
                   });
  }

  void remove(const ApiRequest& request, const DrainTarget& target, const ApiResponder& respond) {
    const auto known = desk().all().find(target);
    if (known == desk().all().end()) return respond(not_taken_out(target));
    feed_.give_back(target,
                    [self = shared_from_this(), respond, before = document(target, known->second),
                     who = request.who, target](const RestResult<Done>& outcome) {
                      log_event(spdlog::level::info, "audit",
                                {{"who", who},
                                 {"action", "undrain"},
                                 {"real", to_string(target)},
                                 LogField::json("before", before),
                                 LogField::json("after", "")},
                                "audit: {}: DELETE drain {}", who, to_string(target));
                      self->answer(respond, outcome, 200, before + "\n");
                    });
  }

 private:
  const DrainDesk& desk() const { return feed_.drains(); }
  // As it is, or would be: an object of JSON.
  std::string document(const DrainTarget& target, const Drain& drain) const {
    return desk().text(target, drain, desk().use_of(target, traffic_()));
  }

  static ApiResponse not_taken_out(const DrainTarget& target) {
    return http_problem(
        404, to_string(target) + " was not taken out; GET /api/v1/drains shows what was");
  }

  // It is in force; perhaps it is not stored.
  void answer(const ApiResponder& respond, const RestResult<Done>& outcome, int status,
              std::string body) {
    const auto* problem = std::get_if<RestProblem>(&outcome);
    respond(problem == nullptr ? ApiResponse{.status = status, .body = std::move(body)}
                               : problem_response(*problem));
  }

  RestFeed& feed_;
  const std::function<TrafficFigures()> traffic_;
};

}  // namespace

void add_drain_routes(HttpRouter& router, RestFeed& feed, std::function<TrafficFigures()> traffic) {
  const auto api = std::make_shared<DrainApi>(feed, std::move(traffic));
  const auto on_target = [&](auto work) {
    return on_control(feed, [api, work](const ApiRequest& request, const ApiResponder& respond) {
      const auto target = parse_drain_target(request.parameters[0]);
      if (!target) return respond(http_problem(400, target.error()));
      (api.get()->*work)(request, *target, respond);
    });
  };
  router.add("GET", "/api/v1/drains", on_control(feed, std::bind_front(&DrainApi::list, api)));
  router.add("GET", "/api/v1/drains/{real}", on_target(&DrainApi::one), std::vector<std::string>{});
  router.add("PUT", "/api/v1/drains/{real}", on_target(&DrainApi::put),
             std::vector<std::string>{"deadline_s", "force", "dry_run"});
  router.add("DELETE", "/api/v1/drains/{real}", on_target(&DrainApi::remove),
             std::vector<std::string>{});
}

}  // namespace vipgate
