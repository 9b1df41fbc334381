// Who we are to a Mesos master or Marathon: the Authorization header.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/http_client.h"

namespace vipgate {

// Owned and called by one thread; each that makes requests has one of its own. Files are read at
// each login, so a secret can be changed while we run. Secrets are in no message.
class Authenticator {
 public:
  // An error: a file cannot be used as it is now.
  static Result<Authenticator> create(const MesosAuthConfig& config);

  // The header's value; nothing: none is needed. Logs in by `client` if there is no login yet.
  Result<std::optional<std::string>> header(HttpClient& client, const HttpLimits& limits);
  // The server answered 401: the next header() logs in anew.
  void forget() { header_.reset(); }

 private:
  explicit Authenticator(const MesosAuthConfig& config) : config_(config) {}
  Result<std::string> basic() const;
  Result<std::string> log_in(HttpClient& client, const HttpLimits& limits) const;

  MesosAuthConfig config_;
  std::optional<std::string> header_;
};

}  // namespace vipgate
