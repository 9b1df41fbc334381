// The paths of the API that only tell: of workers, ports, sources, DNS and events, and which paths
// there are.
#pragma once

#include <memory>

#include "controlplane/http/http_router.h"
#include "controlplane/rest/long_answers.h"
#include "controlplane/rest/rest_api.h"

namespace vipgate {

// All that is given outlives the server; `answers` are the long ones.
void add_read_routes(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                     const GatewayReports& reports, const std::shared_ptr<LongAnswers>& answers);

}  // namespace vipgate
