// Traffic and Maglev tables, as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "common/snapshot.h"
#include "common/traffic_figures.h"

namespace vipgate {

// {"services":[…]}: those that anything came for. With the `id` of a service: that one, whatever
// came, and "reals" of it; empty: there is none such.
std::string traffic_text(const TrafficFigures& traffic, const std::string& id);

// {"service":…,"rows":…,"checksum":…,"reals":[…],"picture":[…]}: how many rows each real has, and
// whose (a position in "reals") each of the first rows is, evenly chosen where there are more than
// kMaglevPicture. `index`: of the service.
inline constexpr size_t kMaglevPicture = 1024;
std::string maglev_text(const Snapshot& snapshot, uint32_t index, const std::string& id);

}  // namespace vipgate
