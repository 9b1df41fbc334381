// The section `rest`: where the API listens, and who may use it.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config_reader.h"
#include "controlplane/http/http_server.h"

namespace vipgate {

void read_rest(Section& s, RestConfig& rest);
// What is not loopback needs TLS and tokens; at a start the files are read, too.
void check_rest(const Config& config, const YamlNode& root, ConfigUse use,
                Diagnostics& diagnostics);

// Lines of "admin TOKEN NAME" or "read TOKEN NAME"; those that begin with # are left out. An error
// names the file and the line.
Result<std::vector<HttpToken>> read_tokens(const std::string& path);

}  // namespace vipgate
