#include "controlplane/vipctl/drain_commands.h"

#include <ctime>
#include <map>
#include <memory>
#include <string_view>
#include <thread>

#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/views.h"

namespace vipgate {
namespace {

using web::json::value;

struct DrainWish {
  std::string real;
  uint64_t deadline_s = 0;  // 0: none
  bool is_forced = false;
  bool waits = false;

  std::string path() const { return "/api/v1/drains/" + url_text(real); }
};

int show_drain(GatewaySession& session, const value& drained) {
  return session.show_answer(
      drained, [](const value& drain, const ViewStyle&) { return drain_line(drain); });
}

// The gateway's words are for all clients: its parameters are options here.
Result<ApiReply> in_options(Result<ApiReply> reply) {
  constexpr std::string_view kParameter = "force=true", kOption = "--force";
  if (!reply || reply->status != 409) return reply;
  const size_t at = reply->body.find(kParameter);
  if (at != std::string::npos) reply->body.replace(at, kParameter.size(), kOption);
  return reply;
}

int run_drain(GatewaySession& session, const DrainWish& wish) {
  std::string query = wish.is_forced ? "?force=true" : "?";
  if (wish.deadline_s != 0) query += "&deadline_s=" + std::to_string(wish.deadline_s);
  value drained;
  int error =
      session.take(in_options(session.api().ask({.method = "PUT", .path = wish.path() + query})),
                   wish.real, drained);
  if (error != kExitOk) return error;
  if (const int shown = show_drain(session, drained); shown != kExitOk) return shown;
  // The gateway says nothing of its own accord.
  while (wish.waits && string_of(drained, "state") == "draining") {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const std::string before = drain_line(drained);
    if (error = session.get(wish.path(), drained); error != kExitOk) return error;
    if (drain_line(drained) == before) continue;
    if (const int shown = show_drain(session, drained); shown != kExitOk) return shown;
  }
  return kExitOk;
}

int run_undrain(GatewaySession& session, const DrainWish& wish) {
  value gone;
  const int error =
      session.take(session.api().ask({.method = "DELETE", .path = wish.path()}), wish.real, gone);
  return error != kExitOk ? error : print(wish.real + " is given back\n");
}

}  // namespace

void add_drain_commands(CommandSet& commands) {
  const auto wish = std::make_shared<DrainWish>();
  CLI::App* drain =
      commands.add("drain", "take a real out gently: it keeps its flows and gets no new ones");
  drain->add_option("real", wish->real, "ADDRESS:PORT, or ADDRESS for all reals there")->required();
  drain
      ->add_option("--deadline", wish->deadline_s,
                   "after this its flows go to others: seconds, or 10m, 2h")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}}))
      ->transform(CLI::Validator(
          [](const std::string& text) {
            return !text.empty() && text[0] >= '0' && text[0] <= '9'
                       ? std::string()
                       : "'" + text + "' is no time; write 600, 10m or 2h";
          },
          ""));
  drain->add_flag("--force", wish->is_forced, "also the last real of a service");
  drain->add_flag("--wait", wish->waits, "until it has no flows left, or its time is over");
  commands.on(drain, [wish](GatewaySession& session) { return run_drain(session, *wish); });
  CLI::App* undrain = commands.add("undrain", "give a real back what `drain` took");
  undrain->add_option("real", wish->real, "as `drain` was told it")->required();
  commands.on(undrain, [wish](GatewaySession& session) { return run_undrain(session, *wish); });
  commands.on(commands.add("drains", "reals that were taken out, and their flows"),
              [](GatewaySession& session) {
                return session.show_path("/api/v1/drains",
                                         [](const value& all, const ViewStyle& style) {
                                           return drains_view(all, time(nullptr), style);
                                         });
              });
}

}  // namespace vipgate
