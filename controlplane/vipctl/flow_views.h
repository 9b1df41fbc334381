// What vipctl shows of tracked flows, as text.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// Of GET /api/v1/flows: as `ipvsadm -Lnc`, and how many there are. Wide: also what the real sees,
// how long nothing came, service and worker.
std::string flows_view(const web::json::value& answer, const ViewStyle& style);

}  // namespace vipgate
