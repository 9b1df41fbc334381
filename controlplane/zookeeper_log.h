// Where the ZooKeeper client's lines go: by itself it would write to standard error.
#pragma once

#include <spdlog/spdlog.h>

namespace vipgate {

// For zookeeper_init2().
inline void log_zookeeper_line(const char* line) { spdlog::debug("ZooKeeper client: {}", line); }

}  // namespace vipgate
