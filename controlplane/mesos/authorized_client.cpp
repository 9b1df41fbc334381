#include "controlplane/mesos/authorized_client.h"

#include <utility>

namespace vipgate {

Result<std::unique_ptr<AuthorizedClient>> AuthorizedClient::create(
    const TlsConfig& tls, const MesosAuthConfig& auth, std::function<bool()> interrupted) {
  auto http = HttpClient::create(tls, std::move(interrupted));
  if (!http) return Error{http.error()};
  auto authenticator = Authenticator::create(auth);
  if (!authenticator) return Error{authenticator.error()};
  return std::unique_ptr<AuthorizedClient>(
      new AuthorizedClient(std::move(*http), std::move(*authenticator)));
}

Result<HttpResponse> AuthorizedClient::call(HttpRequest request, const HttpLimits& limits,
                                            const HttpHead& head, const HttpSink& sink) {
  const auto headers = request.headers;
  for (bool is_second = false;; is_second = true) {
    auto authorization = authenticator_.header(*http_, limits);
    if (!authorization) return Error{authorization.error()};
    request.headers = headers;
    if (*authorization) request.headers.emplace_back("Authorization", **authorization);
    auto response =
        sink ? http_->stream(request, limits, head, sink) : http_->fetch(request, limits);
    const bool is_unauthorized = response && response->status == 401;
    if (is_unauthorized) authenticator_.forget();
    // Without credentials, a second try is the same as the first.
    if (!is_unauthorized || is_second || !*authorization) return response;
  }
}

}  // namespace vipgate
