// What the API answers who gets nothing of what was asked for.
#pragma once

#include "controlplane/http/http_message.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {

// application/problem+json, with a member "errors" that names the fields.
ApiResponse problem_response(const RestProblem& problem);

// 503, with when to ask again: too many others wait for their answers.
ApiResponse still_busy();

}  // namespace vipgate
