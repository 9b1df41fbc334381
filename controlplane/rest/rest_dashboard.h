// The dashboard: a page that gets all that it shows from the API.
#pragma once

#include "controlplane/http/http_router.h"

namespace vipgate {

// "/", "/dashboard" and the files that the page asks for. They are for everybody: they hold no
// data.
void add_dashboard_routes(HttpRouter& router);

}  // namespace vipgate
