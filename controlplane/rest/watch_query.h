// What the query of GET /api/v1/trace and /capture asks for, read by the rules of the file's
// section `watch`.
#pragma once

#include <map>
#include <string>

#include "common/result.h"
#include "common/watch.h"
#include "controlplane/config/config_reader_watch.h"

namespace vipgate {

// packets, seconds, source, destination (an address or prefix, with a port behind an address),
// protocol, port, worker; of a capture also snaplen. The output is left to the caller. An error
// names the parameter.
Result<WatchOptions> read_watch_query(const std::map<std::string, std::string>& query,
                                      WatchOptions::Stream stream, const WatchPlaces& places);

}  // namespace vipgate
