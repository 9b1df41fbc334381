// What the dashboard needs beyond the other paths: who asks, what passes by service and by real,
// and which rows of its Maglev table each real has.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "controlplane/http/http_router.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/rest/long_answers.h"
#include "controlplane/rest/rest_api.h"

namespace vipgate {

// A header that says when figures were read, so that rates can be made of them however long answers
// take: "Sampled-At-Ms", of a clock that never goes back.
std::pair<std::string, std::string> sampled_now();

// /api/v1/gateway, /api/v1/traffic and /api/v1/services/{id}/maglev.
void add_traffic_routes(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                        const GatewayReports& reports, const std::shared_ptr<LongAnswers>& answers);

}  // namespace vipgate
