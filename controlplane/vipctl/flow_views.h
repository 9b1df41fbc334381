// What vipctl shows of flows, as text.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// Of GET /api/v1/flows: a line for each flow, then how many there are beside these.
std::string flows_view(const web::json::value& answer, const ViewStyle& style = {});

}  // namespace vipgate
