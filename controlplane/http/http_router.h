// From a method and a path to what answers it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/http/http_message.h"

namespace vipgate {

// How a router speaks of what it does not answer.
enum class HttpManner : uint8_t {
  kApi,  // problems as JSON (RFC 9457); HEAD is GET
  // A line of text; there is only GET, for those who accept JSON; a slash at the end counts for
  // nothing, and what stands for a {…} is not empty.
  kMesosDns,
};

// Filled at the start, then read by the server's thread alone.
class HttpRouter {
 public:
  explicit HttpRouter(HttpManner manner = HttpManner::kApi) : manner_(manner) {}

  // `path`: "/api/v1/services/{id}"; a {…} is one segment, whatever it is. Methods other than GET
  // are for admins alone. HEAD is GET; the server leaves out the body. `query`: the names that its
  // query may have; nothing: it may have any.
  void add(const std::string& method, const std::string& path, ApiHandler handler,
           std::optional<std::vector<std::string>> query = {});
  // GET, for admins alone: what it tells is not for readers.
  void add_for_admins(const std::string& path, ApiHandler handler);
  // GET, for everybody: "/healthz".
  void add_open(const std::string& path, ApiHandler handler);
  // GET: {"routes":[{"path":…,"methods":["GET",…]},…]}, all that are answered, in their order.
  void add_index(const std::string& path);

  // Answers by itself what has no route (404), no such method (405, RFC 9110 15.5.6), a query or
  // path that cannot be decoded, or a name in a query that is none (400), a role that may not (401,
  // 403), or what a client does not accept (406).
  void route(ApiRequest request, std::string_view target, ApiResponder respond) const;
  // The answer of route() that needs no body: nobody may send one in vain.
  [[nodiscard]] std::optional<ApiResponse> refusal(ApiRequest request,
                                                   std::string_view target) const;

 private:
  struct Route {
    std::vector<std::string> segments;
    std::string path;
    bool is_open = false;
    bool is_for_admins = false;
    bool is_index = false;
    struct Entry {
      ApiHandler handler;
      std::optional<std::vector<std::string>> query{};
    };
    std::map<std::string, Entry> handlers;  // by method
  };
  Route& route_for(const std::string& path);
  // Completes the request; what is to answer it, or with what it is refused.
  struct Chosen {
    const Route* route = nullptr;
    const ApiHandler* handler = nullptr;
    std::optional<ApiResponse> refusal{};
  };
  Chosen choose(ApiRequest& request, std::string_view target) const;
  const Route* find(const std::vector<std::string>& segments,
                    std::vector<std::string>& parameters) const;
  std::string index_text() const;
  std::string query_problem(const ApiRequest& request, const Route::Entry& entry) const;
  bool is_api() const { return manner_ == HttpManner::kApi; }
  ApiResponse problem(int status, const std::string& detail) const;

  HttpManner manner_;
  std::vector<Route> routes_;
};

}  // namespace vipgate
