#include "controlplane/dns_policy_compiler.h"

namespace vipgate {

DnsPolicy dns_policy_of(const Config& /*config*/) { return {}; }

}  // namespace vipgate
