// What dcos-net's /v1/vips tells (named-vips 9): each VIP, and where its new flows go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/dns/dns_compiler.h"
#include "controlplane/model/model.h"

namespace vipgate {

// VIPs, copied a part at a time; what is copied belongs to any thread.
struct VipListing {
  struct Vip {
    std::string name;  // empty: the address stands for it
    ServiceKey key;
    std::vector<RealKey> reals;  // that take new flows
  };
  std::vector<Vip> vips;
  std::optional<ServiceKey> last;  // that was looked at
};

// Adds the next services to `listing`; looks at about `most` reals. Those of many ports or
// addresses are left out, which dcos-net has no words for. False: those were the last ones. On the
// control thread.
bool list_vips(const Model& model, VipListing& listing, size_t most);

// [{"vip":"redis.marathon.l4lb.thisdcos.directory:6379","protocol":"tcp","backend":[{"ip":…,
// "port":31000},…]},…], by VIP; one without a name by its address, IPv6 without brackets. The
// addresses that one name has of both families are one VIP. `dns`: where names are. Any thread.
std::string vips_text(const VipListing& listing, const DnsOptions& dns);

}  // namespace vipgate
