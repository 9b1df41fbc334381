#include "controlplane/http/http_router.h"

#include <algorithm>
#include <utility>

#include "common/json_text.h"

namespace vipgate {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(const std::string& segment) { return segment.starts_with('{'); }

bool read_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    std::string key;
    std::string value;
    if (!http_decode(pair.substr(0, equals), key)) return false;
    if (!http_decode(pair.substr(std::min(equals + 1, pair.size())), value)) return false;
    if (!key.empty()) query.insert_or_assign(std::move(key), std::move(value));
  }
  return true;
}

// RFC 9110 12.5.1, but for weights, which Mesos-DNS does not look at either.
bool accepts_json(std::string_view accept) {
  if (accept.empty()) return true;
  while (!accept.empty()) {
    const size_t end = std::min(accept.find(','), accept.size());
    std::string_view range = accept.substr(0, end);
    accept.remove_prefix(std::min(end + 1, accept.size()));
    range = range.substr(0, range.find(';'));
    while (range.starts_with(' ') || range.starts_with('\t')) range.remove_prefix(1);
    while (range.ends_with(' ') || range.ends_with('\t')) range.remove_suffix(1);
    if (range == "*/*" || range == "application/*" || range == "application/json") return true;
  }
  return false;
}

}  // namespace

HttpRouter::Route& HttpRouter::route_for(const std::string& path) {
  const std::vector<std::string> segments = split_path(path);
  const auto known = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const Route& route) { return route.segments == segments; });
  if (known != routes_.end()) return *known;
  return routes_.emplace_back(Route{segments, path, false, false, false, {}});
}

void HttpRouter::add(const std::string& method, const std::string& path, ApiHandler handler,
                     std::optional<std::vector<std::string>> query) {
  route_for(path).handlers.insert_or_assign(method,
                                            Route::Entry{std::move(handler), std::move(query)});
}

void HttpRouter::add_for_admins(const std::string& path, ApiHandler handler) {
  Route& route = route_for(path);
  route.is_for_admins = true;
  route.handlers.insert_or_assign("GET", Route::Entry{std::move(handler)});
}

void HttpRouter::add_open(const std::string& path, ApiHandler handler) {
  Route& route = route_for(path);
  route.is_open = true;
  route.handlers.insert_or_assign("GET", Route::Entry{std::move(handler)});
}

void HttpRouter::add_index(const std::string& path) {
  Route& route = route_for(path);
  route.is_index = true;
  route.handlers.insert_or_assign("GET", Route::Entry{});
}

std::string HttpRouter::index_text() const {
  std::string text = "{\"routes\":[";
  for (const Route& route : routes_) {
    text += (&route == routes_.data() ? "\n" : ",\n") + std::string("{\"path\":") +
            json_quote(route.path) + ",\"methods\":[";
    for (const auto& [method, unused] : route.handlers) {
      text += (text.ends_with('[') ? "" : ",") + json_quote(method);
    }
    text += "]}";
  }
  return text + "\n]}\n";
}

const HttpRouter::Route* HttpRouter::find(const std::vector<std::string>& segments,
                                          std::vector<std::string>& parameters) const {
  for (const Route& route : routes_) {
    if (route.segments.size() != segments.size()) continue;
    parameters.clear();
    bool matches = true;
    for (size_t i = 0; i < segments.size() && matches; ++i) {
      if (is_parameter(route.segments[i])) {
        parameters.push_back(segments[i]);
        matches = is_api() || !segments[i].empty();
      } else {
        matches = route.segments[i] == segments[i];
      }
    }
    if (matches) return &route;
  }
  return nullptr;
}

ApiResponse HttpRouter::problem(int status, const std::string& detail) const {
  if (is_api()) return http_problem(status, detail);
  const bool is_unknown = status == 404;
  ApiResponse response{.status = status, .content_type = "text/plain; charset=utf-8"};
  response.body = std::to_string(status) + ": " +
                  (is_unknown ? std::string("Page Not Found") : std::string(http_reason(status)));
  return response;
}

// Empty: all its names are known.
std::string HttpRouter::query_problem(const ApiRequest& request, const Route::Entry& entry) const {
  if (!entry.query) return {};
  for (const auto& [name, value] : request.query) {
    if (std::find(entry.query->begin(), entry.query->end(), name) != entry.query->end()) continue;
    std::string known;
    for (const std::string& each : *entry.query) known += (known.empty() ? "" : ", ") + each;
    return "unknown parameter '" + name + "'; " +
           (known.empty() ? "there are none here" : "those here are " + known);
  }
  return {};
}

HttpRouter::Chosen HttpRouter::choose(ApiRequest& request, std::string_view target) const {
  const auto refused = [](ApiResponse with) { return Chosen{.refusal = std::move(with)}; };
  const size_t end = std::min(target.find('?'), target.size());
  request.path = target.substr(0, end);
  std::vector<std::string> segments;
  bool is_good = request.path.starts_with('/') &&
                 read_query(target.substr(std::min(end + 1, target.size())), request.query);
  if (is_good) {
    segments = split_path(request.path);
    for (std::string& segment : segments) {
      const std::string raw = std::exchange(segment, {});
      is_good = is_good && http_decode(raw, segment);
    }
    if (!is_api() && segments.size() > 1 && segments.back().empty()) segments.pop_back();
  }
  if (!is_good) {
    return refused(problem(
        400, "the target cannot be read: write a path that begins with / and %-encode the rest"));
  }
  const Route* route = find(segments, request.parameters);
  if (route == nullptr) return refused(problem(404, "there is nothing at " + request.path));
  if (!route->is_open && request.role == ApiRole::kNobody) {
    ApiResponse response = problem(401, "a bearer token or a client certificate is needed");
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"vipgate\"");
    return refused(std::move(response));
  }
  const bool is_head_of_get = is_api() && request.method == "HEAD";
  const auto handler = route->handlers.find(is_head_of_get ? "GET" : request.method);
  if (handler == route->handlers.end()) {
    std::string allowed;
    for (const auto& [method, unused] : route->handlers) {
      allowed += (allowed.empty() ? "" : ", ") + method;
      if (is_api() && method == "GET") allowed += ", HEAD";
    }
    ApiResponse response = problem(405, "only " + allowed + " is answered here");
    response.headers.emplace_back("Allow", allowed);
    return refused(std::move(response));
  }
  if (!is_api() && !accepts_json(request.accept)) {
    return refused(problem(406, "only application/json is told here"));
  }
  if (handler->first != "GET" && request.role != ApiRole::kAdmin) {
    return refused(problem(403, "this changes something, which admins alone may do"));
  }
  if (route->is_for_admins && request.role != ApiRole::kAdmin) {
    return refused(problem(403, "this shows what passes, which admins alone may see"));
  }
  // A mistyped one would be a filter that filters nothing, or a dry run that is none.
  if (const std::string wrong = query_problem(request, handler->second); !wrong.empty()) {
    return refused(problem(400, wrong));
  }
  return {.route = route, .handler = &handler->second.handler};
}

std::optional<ApiResponse> HttpRouter::refusal(ApiRequest request, std::string_view target) const {
  return choose(request, target).refusal;
}

void HttpRouter::route(ApiRequest request, std::string_view target, ApiResponder respond) const {
  Chosen chosen = choose(request, target);
  if (chosen.refusal) return respond(std::move(*chosen.refusal));
  if (chosen.route->is_index) return respond({.body = index_text()});
  (*chosen.handler)(std::move(request), std::move(respond));
}

}  // namespace vipgate
