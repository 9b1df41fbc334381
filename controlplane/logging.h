// Sets up the log: to standard error, as text or as JSON lines.
#pragma once

#include <string_view>

#include "controlplane/config/config.h"

namespace vipgate {

// Replaces spdlog's default logger, which all parts of the program log to. Main thread.
void set_up_logging(const LogConfig& config);

// Any thread.
void set_log_level(LogLevel level);

}  // namespace vipgate
