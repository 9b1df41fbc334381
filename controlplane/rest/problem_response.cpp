#include "controlplane/rest/problem_response.h"

#include <string>

#include "common/json_text.h"

namespace vipgate {

ApiResponse problem_response(const RestProblem& problem) {
  std::string members;
  if (!problem.errors.empty()) {
    members = ",\"errors\":[";
    for (size_t i = 0; i < problem.errors.size(); ++i) {
      members += (i == 0 ? "{\"field\":" : ",{\"field\":") + json_quote(problem.errors[i].field) +
                 ",\"detail\":" + json_quote(problem.errors[i].detail) + "}";
    }
    members += "]";
  }
  return http_problem(problem.status, problem.detail, members);
}

ApiResponse still_busy() {
  ApiResponse response = http_problem(503, "earlier answers are still being made; ask again");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace vipgate
