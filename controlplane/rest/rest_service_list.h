// GET /api/v1/services: the list of all, or of some.
#pragma once

#include <memory>

#include "controlplane/http/http_router.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/rest/long_answers.h"
#include "controlplane/rest/rest_feed.h"

namespace vipgate {

// Made by the control thread, a part in each of its rounds, and once for all who ask meanwhile.
void add_service_list(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                      const std::shared_ptr<LongAnswers>& answers);

}  // namespace vipgate
