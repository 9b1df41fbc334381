// A service of the model by what the API calls it.
#pragma once

#include <string_view>

#include "controlplane/model/model.h"

namespace vipgate {

// The one whose service_id() it is; nullptr: there is none. Looks at the services of its VIP alone.
const std::pair<const ServiceKey, ModelService>* find_service(const Model& model,
                                                              std::string_view id);

}  // namespace vipgate
