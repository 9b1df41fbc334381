// What a dry run of the API says would change, as text.
#pragma once

#include <cpprest/json.h>

#include <string>

#include "controlplane/vipctl/view_style.h"

namespace vipgate {

// "+ id", "~ id", "- id"; empty: nothing would change. Below a service that would change stand the
// members of its document that do, as they are ("- ") and as they would be ("+ ").
std::string diff_view(const web::json::value& plan, const ViewStyle& style = {});

}  // namespace vipgate
