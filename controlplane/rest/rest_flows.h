// The API's path that lists tracked flows.
#pragma once

#include <cstdint>
#include <functional>

#include "common/flow_list.h"
#include "common/result.h"
#include "controlplane/http/http_router.h"
#include "controlplane/metrics/page_thread.h"

namespace vipgate {

using ListFlows = std::function<Result<FlowList>(const FlowQuestion&)>;

// `list` is called by the thread of `asks`, which may wait for it; there are so many `workers`.
void add_flow_routes(HttpRouter& router, PageThread& asks, uint32_t workers, ListFlows list);

}  // namespace vipgate
