// The way of a request to the control thread.
#pragma once

#include <utility>

#include "controlplane/http/http_message.h"
#include "controlplane/rest/rest_feed.h"

namespace vipgate {

// A handler that has the control thread do work(request, respond).
template <class Work>
ApiHandler on_control(RestFeed& feed, Work work) {
  return [&feed, work = std::move(work)](ApiRequest request, ApiResponder respond) {
    feed.post([work, request = std::move(request), respond = std::move(respond)](RestFeed&) {
      work(request, respond);
    });
  };
}

}  // namespace vipgate
