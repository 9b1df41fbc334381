#include "controlplane/rest/rest_dashboard.h"

#include <algorithm>
#include <string>
#include <utility>

#include "controlplane/rest/dashboard_files.h"

namespace vipgate {
namespace {

// Nothing but our own files runs or is asked, whatever a name of a cluster may hold.
constexpr char kContentPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const char* type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

// `cache`: for how long a browser may use it without asking again.
void send_file(std::string_view name, const char* cache, const ApiResponder& respond) {
  const auto files = dashboard_files();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const DashboardFile& each) { return each.name == name; });
  if (file == files.end()) {
    return respond(http_problem(404, "the dashboard has no file " + std::string(name)));
  }
  ApiResponse response{.content_type = type_of(name), .body = std::string(file->body)};
  response.headers = {{"Cache-Control", cache},
                      {"Content-Security-Policy", kContentPolicy},
                      {"Referrer-Policy", "no-referrer"}};
  respond(std::move(response));
}

}  // namespace

void add_dashboard_routes(HttpRouter& router) {
  const auto page = [](const ApiRequest&, const ApiResponder& respond) {
    send_file("index.html", "no-cache", respond);
  };
  router.add_open("/", page);
  router.add_open("/dashboard", page);
  // Its files have its version in their path, so a page never mixes those of two versions.
  router.add_open(
      "/dashboard/{version}/{file}", [](const ApiRequest& request, const ApiResponder& respond) {
        if (request.parameters[0] != dashboard_version()) {
          return respond(http_problem(404, "the dashboard is of another version now: reload it"));
        }
        send_file(request.parameters[1], "public, max-age=31536000, immutable", respond);
      });
}

}  // namespace vipgate
