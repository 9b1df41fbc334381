// The part of RestServices that reads documents again: after a start, and after a reload.
#include <charconv>
#include <optional>
#include <utility>

#include "controlplane/rest/json_document.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

// The first index in "services[3].port".
std::optional<size_t> index_in(std::string_view field) {
  const size_t open = field.find('[');
  size_t number = 0;
  if (open == std::string_view::npos) return std::nullopt;
  const auto read = std::from_chars(field.data() + open + 1, field.data() + field.size(), number);
  return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

// Leaves out what is blamed, until the rest is good: the numbers of what was left out, and why.
RestPlan RestServices::plan_good(std::vector<std::string> jsons, const Config& config,
                                 std::map<size_t, std::string>& refused) const {
  std::vector<size_t> numbers;  // of those that are not refused
  // The first ones of them. Read as one text, so that a position tells of which document it is.
  const auto plan_first = [&](size_t count) -> RestResult<RestPlan> {
    std::string text = "{\"services\":[";
    for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + jsons[numbers[i]];
    Diagnostics diagnostics("stored services");
    const YamlNodePtr root = read_json(text + "]}", diagnostics);
    return root == nullptr ? RestPlan{} : plan_all(root, config, LostFallback::kIsServedWithout);
  };
  while (true) {
    numbers.clear();
    for (size_t i = 0; i < jsons.size(); ++i) {
      if (!refused.contains(i)) numbers.push_back(i);
    }
    if (numbers.empty()) return {};
    auto tried = plan_first(numbers.size());
    if (auto* good = std::get_if<RestPlan>(&tried)) return std::move(*good);
    const size_t before = refused.size();
    for (const FieldError& error : std::get<RestProblem>(tried).errors) {
      const auto number = index_in(error.field);
      if (number && *number < numbers.size()) refused.emplace(numbers[*number], error.detail);
    }
    if (refused.size() != before) continue;
    // None is blamed: there are not enough addresses, or the like. Those pay for it that come last;
    // how many that are is found by halves, since each try takes as long as all that there is.
    size_t fit = 0;
    size_t too_many = numbers.size();
    std::string why = std::get<RestProblem>(tried).detail;
    while (too_many - fit > 1) {
      const size_t count = fit + (too_many - fit) / 2;
      const auto some = plan_first(count);
      const auto* problem = std::get_if<RestProblem>(&some);
      if (problem == nullptr || !problem->errors.empty()) {
        fit = count;
      } else {
        too_many = count;
        why = problem->detail;
      }
    }
    for (size_t i = fit; i < numbers.size(); ++i) refused.emplace(numbers[i], why);
  }
}

RestPlan RestServices::plan_anew(const Config& config, std::vector<std::string>& problems) const {
  std::vector<std::string> jsons;
  std::vector<const RestService*> services;
  for (const auto& [id, service] : services_) {
    jsons.push_back(service.json);
    services.push_back(&service);
  }
  std::map<size_t, std::string> refused;
  RestPlan plan = plan_good(std::move(jsons), config, refused);
  for (const auto& [number, why] : refused) {
    const std::string id = service_id(services[number]->key);
    problems.emplace_back(id).append(" stays as it was: ").append(why);
    std::erase(plan.removed, id);
  }
  tell_lost_fallbacks(plan, problems);
  return plan;
}

RestPlan RestServices::plan_restored(const std::map<std::string, std::string>& rows,
                                     const Config& config,
                                     std::vector<std::string>& problems) const {
  std::vector<std::string> jsons;
  for (const auto& [id, json] : rows) {
    Diagnostics diagnostics(id);
    if (read_json(json, diagnostics) == nullptr) {
      problems.push_back(diagnostics.text());
    } else {
      jsons.push_back(json);
    }
  }
  std::map<size_t, std::string> refused;
  RestPlan plan = plan_good(jsons, config, refused);
  for (const auto& [number, why] : refused) {
    problems.push_back("it is not served: " + jsons[number] + ": " + why);
  }
  tell_lost_fallbacks(plan, problems);
  return plan;
}

}  // namespace vipgate
