// JSON that one bad value would cost all of: Mesos passes on what a framework wrote, octets that
// are not UTF-8 and numbers that no double holds included.
#pragma once

#include <string>

namespace vipgate {

// Replaces, in place, each octet that is no part of well-formed UTF-8 by '?' and each number of
// more than 18 digits or with an exponent of more than two by null. True: something was replaced.
bool repair_json(std::string& json);

}  // namespace vipgate
