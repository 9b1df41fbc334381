// GET /api/v1/explain, trace and capture: what becomes of packets, one that is made up or those
// that pass.
#pragma once

#include <functional>

#include "common/explanation.h"
#include "common/result.h"
#include "controlplane/config/config_reader_watch.h"
#include "controlplane/http/http_router.h"
#include "controlplane/loop/watch_keeper.h"
#include "controlplane/metrics/page_thread.h"
#include "controlplane/rest/rest_feed.h"

namespace vipgate {

struct RestWatches {
  WatchKeeper& keeper;
  WatchPlaces places;
  std::function<Result<Explanation>(const ExplainPacket&)> explain;  // any thread may call it
};

// All that is given outlives the server, and `feed` what is watched.
void add_watch_routes(HttpRouter& router, RestFeed& feed, PageThread& asks,
                      const RestWatches& watches);

}  // namespace vipgate
