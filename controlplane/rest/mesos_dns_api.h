// The paths of Mesos-DNS's HTTP listener (mesos-dns 9), and dcos-net's /v1/vips and /v1/records:
// so that their clients find what they know. They only tell.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "controlplane/config/config.h"
#include "controlplane/http/http_router.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/metrics/page_thread.h"
#include "controlplane/naming/task_listing.h"
#include "controlplane/rest/long_answers.h"
#include "controlplane/rest/rest_feed.h"
#include "controlplane/rest/served_dns.h"

namespace vipgate {

struct MesosDnsReports {
  PageThread& pages;                     // makes long answers
  std::shared_ptr<LongAnswers> answers;  // of all listeners
  const ServedDns& served;               // single names are told of from it, by the server's thread
  // The tasks of a cluster, a part at a time, by the control thread: see MesosView::list_tasks().
  std::function<bool(size_t cluster, TaskListing& listing, size_t most)> list_tasks;
};

// For the listener `at`; all that is given outlives the server.
HttpRouter make_mesos_dns_router(RestFeed& feed, const Reconciler& reconciler,
                                 const MesosDnsReports& reports, const RestEndpoint& at);

}  // namespace vipgate
