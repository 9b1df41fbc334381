#include "controlplane/rest/rest_drains.h"

#include <spdlog/spdlog.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "common/json_text.h"
#include "controlplane/rest/problem_response.h"

namespace vipgate {
namespace {

constexpr int64_t kLongestDrainS = 604'800;

bool is_asked(const ApiRequest& request, const char* name) {
  const auto found = request.query.find(name);
  return found != request.query.end() && found->second != "false";
}

// Seconds from now; 0: none was asked for. Nothing: it is no number of seconds.
std::optional<int64_t> deadline_of(const ApiRequest& request) {
  const auto found = request.query.find("deadline_s");
  if (found == request.query.end()) return 0;
  const std::string& text = found->second;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (seconds < 1 || seconds > kLongestDrainS) return std::nullopt;
  return seconds;
}

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

  // On the control thread.
  template <class Work>
  ApiHandler on_control(Work work) {
    return [self = shared_from_this(), work](ApiRequest request, ApiResponder respond) {
      self->feed_.post([self, work, request = std::move(request), respond = std::move(respond)](
                           RestFeed&) { (self.get()->*work)(request, respond); });
    };
  }
  // The same for the real that the path names.
  template <class Work>
  ApiHandler on_target(Work work) {
    return [self = shared_from_this(), work](ApiRequest request, ApiResponder respond) {
      const auto target = parse_drain_target(request.parameters[0]);
      if (!target) return respond(http_problem(400, target.error()));
      self->feed_.post([self, work, target = *target, request = std::move(request),
                        respond = std::move(respond)](RestFeed&) {
        (self.get()->*work)(request, target, respond);
      });
    };
  }

  void list(const ApiRequest&, const ApiResponder& respond) {
    std::string body = "{\"drains\":[";
    const TrafficFigures traffic = traffic_();
    bool is_first = true;
    for (const auto& [target, drain] : drains().all()) {
      body += (is_first ? "\n" : ",\n") + drains().text(target, traffic);
      is_first = false;
    }
    respond({.body = body + "\n]}\n"});
  }

  void one(const ApiRequest&, const DrainTarget& target, const ApiResponder& respond) {
    if (!drains().all().contains(target)) return respond(not_taken_out(target));
    respond({.body = drains().text(target, traffic_()) + "\n"});
  }

  void put(const ApiRequest& request, const DrainTarget& target, const ApiResponder& respond) {
    const auto seconds = deadline_of(request);
    if (!seconds) {
      return respond(
          problem_response({422, "deadline_s: write seconds, 1-604800, or leave it out", {}}));
    }
    if (drains().services_of(target).empty()) {
      return respond(http_problem(404, "no service has the real " + to_string(target) +
                                           "; GET /api/v1/services shows those that there are"));
    }
    if (const auto emptied = drains().emptied_by(target);
        !emptied.empty() && !is_asked(request, "force")) {
      return respond(http_problem(409, drain_ids(emptied) +
                                           " would have no real left that takes new flows; add "
                                           "force=true if that is meant"));
    }
    const bool is_new = !drains().all().contains(target);
    if (is_asked(request, "dry_run"))
      return respond({.status = is_new ? 201 : 200, .body = "{}\n"});
    feed_.take_out(target, *seconds,
                   answer(respond, is_new ? 201 : 200,
                          request.who + ": PUT drain " + to_string(target) +
                              (*seconds == 0 ? "" : " for " + std::to_string(*seconds) + " s"),
                          target));
  }

  void remove(const ApiRequest& request, const DrainTarget& target, const ApiResponder& respond) {
    if (!drains().all().contains(target)) return respond(not_taken_out(target));
    feed_.give_back(
        target, answer(respond, 200, request.who + ": DELETE drain " + to_string(target), target));
  }

 private:
  const DrainDesk& drains() const { return feed_.drains(); }

  static ApiResponse not_taken_out(const DrainTarget& target) {
    return http_problem(404, to_string(target) +
                                 " was not taken out; GET /api/v1/drains shows "
                                 "what was");
  }

  // Once it is in force, and stored.
  std::function<void(const RestResult<Done>&)> answer(const ApiResponder& respond, int status,
                                                      std::string audit,
                                                      const DrainTarget& target) {
    return [self = shared_from_this(), respond, status, audit = std::move(audit),
            target](const RestResult<Done>& outcome) {
      spdlog::info("audit: {}", audit);
      if (const auto* problem = std::get_if<RestProblem>(&outcome)) {
        return respond(problem_response(*problem));
      }
      const bool is_there = self->drains().all().contains(target);
      respond({.status = status,
               .body = (is_there ? self->drains().text(target, self->traffic_()) : "{}") + "\n"});
    };
  }

  RestFeed& feed_;
  const std::function<TrafficFigures()> traffic_;
};

}  // namespace

void add_drain_routes(HttpRouter& router, RestFeed& feed, std::function<TrafficFigures()> traffic) {
  const auto api = std::make_shared<DrainApi>(feed, std::move(traffic));
  router.add("GET", "/api/v1/drains", api->on_control(&DrainApi::list));
  router.add("GET", "/api/v1/drains/{real}", api->on_target(&DrainApi::one));
  router.add("PUT", "/api/v1/drains/{real}", api->on_target(&DrainApi::put));
  router.add("DELETE", "/api/v1/drains/{real}", api->on_target(&DrainApi::remove));
}

}  // namespace vipgate
