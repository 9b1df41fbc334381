// Requests with our credentials on them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/auth.h"
#include "controlplane/mesos/http_client.h"

namespace vipgate {

// Owned and called by one thread, but for wake().
class AuthorizedClient {
 public:
  // An error: a file of the configuration cannot be used. For `interrupted`, see HttpClient.
  static Result<std::unique_ptr<AuthorizedClient>> create(const TlsConfig& tls,
                                                          const MesosAuthConfig& auth,
                                                          std::function<bool()> interrupted);

  // As HttpClient::stream(), or fetch() if there is no `sink`. An answer of 401 is followed by a
  // new login and one more try; the second 401 is given back.
  Result<HttpResponse> call(HttpRequest request, const HttpLimits& limits,
                            const HttpHead& head = nullptr, const HttpSink& sink = nullptr);
  HttpClient& http() { return *http_; }

 private:
  AuthorizedClient(std::unique_ptr<HttpClient> http, Authenticator authenticator)
      : http_(std::move(http)), authenticator_(std::move(authenticator)) {}

  std::unique_ptr<HttpClient> http_;
  Authenticator authenticator_;
};

}  // namespace vipgate
