#include "controlplane/vipctl/top_commands.h"

#include <memory>
#include <optional>
#include <thread>

#include "controlplane/vipctl/live_screen.h"
#include "controlplane/vipctl/top_figures.h"
#include "controlplane/vipctl/top_view.h"

namespace vipgate {
namespace {

using Clock = std::chrono::steady_clock;

// One that hangs must not hold up the screen for long.
constexpr auto kTopSilence = std::chrono::seconds(3);
constexpr double kShortestIntervalS = 0.1;
constexpr double kLongestIntervalS = 3600;

struct TopWish {
  double interval_s = 1;
  uint64_t count = 0;  // of pages; 0: until it is interrupted
};

// An object of a path; an error: it has none, or nobody answers.
Result<web::json::value> object_at(ApiClient& api, const std::string& path) {
  const auto reply = api.ask({.path = path});
  if (!reply) return Error{reply.error()};
  if (reply->status != 200) return Error{path + ": " + problem_text(*reply)};
  return parse_object(reply->body);
}

Result<TopSample> take_sample(ApiClient& api) {
  TopSample sample;
  const auto ready = api.ask({.path = "/readyz"});
  if (!ready) return Error{ready.error()};
  sample.status.is_ready = ready->status == 200;
  if (!sample.status.is_ready) sample.status.not_ready_why = problem_text(*ready);
  auto snapshot = object_at(api, "/api/v1/snapshot");
  if (!snapshot) return Error{snapshot.error()};
  auto workers = object_at(api, "/api/v1/workers");
  if (!workers) return Error{workers.error()};
  auto counters = object_at(api, "/api/v1/counters");
  if (!counters) return Error{counters.error()};
  auto about = object_at(api, "/api/v1/gateway");
  if (!about) return Error{about.error()};
  sample.at = Clock::now();
  sample.status.snapshot = *snapshot;
  sample.status.counters = *counters;
  sample.status.about = *about;
  sample.workers = *workers;
  return sample;
}

class Top {
 public:
  Top(GatewaySession& session, const TopWish& wish) : session_(session), wish_(wish) {}

  int run() {
    // Who may not look, and who asks where nobody is, is told at once.
    web::json::value snapshot;
    const int error = session_.get("/api/v1/snapshot", snapshot);
    if (error != kExitOk) return error;
    auto first = take_sample(session_.api());
    if (!first) return fail(kExitUnreachable, first.error());
    before_ = *first;
    heard_ = first->at;
    if (session_.options().is_for_people() && LiveScreen::is_possible()) {
      screen_.emplace();
      screen_->draw(session_.url() + ": rates follow\n");
    }
    for (uint64_t pages = 0; wish_.count == 0 || pages < wish_.count; ++pages) {
      if (!wait()) return kExitOk;
      if (const int shown = show_page(take_sample(session_.api())); shown != kExitOk) return shown;
    }
    return kExitOk;
  }

 private:
  // For the next look, which is the interval after the last one has ended, however long that took:
  // rates over less than it would say little. False: the user has had enough.
  bool wait() {
    const auto next = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(wish_.interval_s));
    if (screen_) return screen_->wait_until(next);
    std::this_thread::sleep_until(next);
    return true;
  }

  int show_page(const Result<TopSample>& sample) {
    if (!sample) {
      const double silent_s = std::chrono::duration<double>(Clock::now() - heard_).count();
      if (!session_.options().is_for_people()) {
        web::json::value silent = web::json::value::object();
        silent["unreachable"] = web::json::value::string(sample.error());
        return put_document(silent);
      }
      return put(silent_view(sample.error(), silent_s, session_.style()));
    }
    const TopFigures figures = top_figures(before_, *sample);
    before_ = *sample;
    heard_ = sample->at;
    if (session_.options().is_for_people()) {
      return put(top_view(figures, *sample, session_.url(), session_.style()));
    }
    return put_document(top_json(figures, *sample));
  }

  int put_document(const web::json::value& document) {
    if (session_.options().output == Output::kYaml) {
      if (const int printed = print("---\n"); printed != kExitOk) return printed;
    }
    return show(document, "", session_.options());
  }

  int put(const std::string& page) {
    if (screen_) {
      screen_->draw(page);
      return kExitOk;
    }
    const std::string between = has_shown_ ? "\n" : "";
    has_shown_ = true;
    return print(between + page);
  }

  GatewaySession& session_;
  const TopWish& wish_;
  std::optional<LiveScreen> screen_;
  TopSample before_;
  Clock::time_point heard_;
  bool has_shown_ = false;
};

}  // namespace

void add_top_commands(CommandSet& commands) {
  const auto wish = std::make_shared<TopWish>();
  CLI::App* top = commands.add(
      "top", "what is wrong, and what passes now, anew each second; q or Ctrl-C ends it");
  top->add_option("--interval", wish->interval_s, "seconds between two looks")
      ->check(CLI::Range(kShortestIntervalS, kLongestIntervalS))
      ->capture_default_str();
  top->add_option("--count", wish->count, "how many pages; 0: until it is ended")
      ->capture_default_str();
  commands.on(
      top, [wish](GatewaySession& session) { return Top(session, *wish).run(); }, kTopSilence);
}

}  // namespace vipgate
