// What the dashboard needs beyond the other paths: who asks, what passes by service and by real,
// and which rows of its Maglev table each real has.
#pragma once

#include "controlplane/http/http_router.h"
#include "controlplane/reconciler.h"
#include "controlplane/rest/rest_api.h"

namespace vipgate {

// /api/v1/gateway, /api/v1/traffic and /api/v1/services/{id}/maglev.
void add_traffic_routes(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                        const GatewayReports& reports);

}  // namespace vipgate
