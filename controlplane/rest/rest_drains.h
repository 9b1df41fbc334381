// /api/v1/drains: reals that are taken out gently, and given back.
#pragma once

#include <functional>

#include "common/traffic_figures.h"
#include "controlplane/http/http_router.h"
#include "controlplane/rest/rest_feed.h"

namespace vipgate {

// `traffic` is called by the control thread.
void add_drain_routes(HttpRouter& router, RestFeed& feed, std::function<TrafficFigures()> traffic);

}  // namespace vipgate
