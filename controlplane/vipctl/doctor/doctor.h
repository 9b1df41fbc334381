// What is wrong with a machine that a gateway is to run on.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/vipctl/doctor/finding.h"
#include "controlplane/vipctl/doctor/system_tree.h"
#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// By all checks, the worst first. Without a configuration, which is a finding, only by those that
// need none.
Findings examine(const SystemTree& system, const Result<Config>& config);
bool has_bad(const Findings& findings);

// A paragraph for each, with what mends it, then how many there are.
std::string findings_view(const Findings& findings, const ViewStyle& style = {});
// {"findings":[{"level":…,"check":…,"text":…,"mend":…}],"bad":N,"warnings":N}
web::json::value findings_json(const Findings& findings);

}  // namespace vipgate
