// Why nothing was changed, as an answer of the API.
#pragma once

#include "controlplane/http/http_message.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {

// application/problem+json, with a member "errors" that names the fields.
ApiResponse problem_response(const RestProblem& problem);

}  // namespace vipgate
