// The paths of the API that only tell: of workers, ports, sources, DNS and events, and which paths
// there are.
#pragma once

#include "controlplane/http/http_router.h"
#include "controlplane/rest/rest_api.h"

namespace vipgate {

// All that is given outlives the server.
void add_read_routes(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                     const GatewayReports& reports);

}  // namespace vipgate
