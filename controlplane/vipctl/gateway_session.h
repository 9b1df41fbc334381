// What commands of vipctl have in common: a gateway that is asked, and answers that are shown.
#pragma once

#include <cpprest/json.h>

#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/exit_status.h"
#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/view_style.h"

namespace vipgate {

inline constexpr int kExitWrong = 4;  // `status`, `doctor`: it answers, and something is wrong

// For people (table, wide), or whole for programs.
enum class Output { kTable, kWide, kJson, kYaml };

struct ShowOptions {
  Output output = Output::kTable;
  ViewStyle style{};

  bool is_for_people() const { return output == Output::kTable || output == Output::kWide; }
};

// Writes `all` as JSON or YAML, or `text`, as `options` want it; returns the exit status.
int show(const web::json::value& all, std::string_view text, const ShowOptions& options);

// Lives as long as `api`. What fails is told on standard error.
class GatewaySession {
 public:
  GatewaySession(ApiClient& api, std::string url, const ShowOptions& options)
      : api_(api), url_(std::move(url)), options_(options) {}

  ApiClient& api() { return api_; }
  const std::string& url() const { return url_; }
  const ShowOptions& options() const { return options_; }
  const ViewStyle& style() const { return options_.style; }

  // The object that a path has; returns the exit status.
  int get(const std::string& path, web::json::value& answer) {
    return take(api_.ask({.path = path}), path, answer);
  }
  // The object of a reply that is 2xx. `what`: for the message.
  int take(const Result<ApiReply>& reply, const std::string& what, web::json::value& answer);

  // What `path` has, by `view(answer, style)` for people.
  template <class View>
  int show_path(const std::string& path, const View& view) {
    web::json::value all;
    if (const int error = get(path, all); error != kExitOk) return error;
    return show_answer(all, view);
  }
  template <class View>
  int show_answer(const web::json::value& all, const View& view) {
    return show(all, options_.is_for_people() ? view(all, options_.style) : std::string(),
                options_);
  }

 private:
  ApiClient& api_;
  std::string url_;
  ShowOptions options_;
};

}  // namespace vipgate
