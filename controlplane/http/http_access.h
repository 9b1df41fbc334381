// Who may come to the API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/http/http_message.h"

namespace vipgate {

// Who may come, by the word behind "Authorization: Bearer" (RFC 6750 2.1) or by a certificate.
struct HttpToken {
  std::string token;  // or the common name of the certificate's subject
  std::string name;   // for the log
  ApiRole role = ApiRole::kReader;
  bool is_certificate = false;
};

// What somebody shows.
struct HttpCredentials {
  std::string_view authorization;  // the header
  // The common name of a certificate that was verified; empty: there is none. Where a header is
  // sent, it alone counts.
  std::string_view certificate{};
};

// What who shows these may do; everybody all, where there are no tokens. `who` becomes the name of
// the token. Takes as long for every token of the same length.
ApiRole role_of(const std::vector<HttpToken>& tokens, const HttpCredentials& shown,
                std::string& who);

// Whether the request was made for this machine: a page of another site whose name was made to lead
// here (DNS rebinding) names its own host. `host`: "localhost", "127.0.0.1:8080", "[::1]".
bool is_for_loopback(std::string_view host);

}  // namespace vipgate
