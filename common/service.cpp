#include "common/service.h"

namespace vipgate {

std::string vip_to_string(const IpAddress& vip, uint16_t port, const ServiceExtent& extent) {
  std::string text = to_string(vip);
  if (extent.prefix_length != 0) text += "/" + std::to_string(extent.prefix_length);
  if (vip.is_v6()) text = "[" + text + "]";
  if (extent.port_last == 0) return text + ":" + std::to_string(port);
  if (port == 0 && extent.port_last == kLastPort) return text + ":any";
  return text + ":" + std::to_string(port) + "-" + std::to_string(extent.port_last);
}

}  // namespace vipgate
