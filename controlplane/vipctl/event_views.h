// What vipctl shows of events, as lines.
#pragma once

#include <string>

#include "common/result.h"
#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// "12:00:00.000 real       10.0.0.5:80 of 11.0.0.1:80:tcp is up", in the local time; an event of a
// type that is not known here has its members as NAME=VALUE. An error: `data` is no object.
Result<std::string> event_line(const std::string& type, const std::string& data,
                               const ViewStyle& style = {});

}  // namespace vipgate
