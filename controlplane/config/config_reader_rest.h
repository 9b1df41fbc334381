// The section `rest`: where the API listens, and who may use it.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/config_reader.h"
#include "controlplane/http/http_server.h"

namespace vipgate {

void read_rest(Section& s, RestConfig& rest);
// Whether a listener of mesos_dns_listen speaks plain HTTP to everybody: else it has the API's TLS
// and tokens.
[[nodiscard]] bool mesos_dns_is_plain(const RestConfig& rest, const RestEndpoint& at);

// What is not loopback needs TLS and tokens; at a start the files are read, too.
void check_rest(const Config& config, const YamlNode& root, ConfigUse use,
                Diagnostics& diagnostics);

// Lines of "admin TOKEN NAME" or "read TOKEN NAME"; those that begin with # are left out. An error
// names the file and the line.
Result<std::vector<HttpToken>> read_tokens(const std::string& path);

}  // namespace vipgate
