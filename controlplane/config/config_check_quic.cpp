#include "controlplane/config/config_check_quic.h"

#include <map>
#include <string>

namespace vipgate {
namespace {

// Connection ids that name reals: each another one, and only where they mean something.
void check_quic_of(const Config& config, size_t index, const YamlNode& root,
                   Diagnostics& diagnostics) {
  const ServiceConfig& service = config.services[index];
  if (service.quic && service.protocol != Protocol::kUdp) {
    diagnostics.error(position_at(root, {"services", index, "quic"}),
                      "quic: the service is one of " + std::string(to_string(service.protocol)) +
                          ", and QUIC is carried by UDP; write protocol: udp, or quic: false");
  }
  std::map<uint32_t, int> lines;
  for (size_t k = 0; k < service.reals.size() && !diagnostics.full(); ++k) {
    const RealConfig& real = service.reals[k];
    if (real.quic_id == 0) continue;
    const auto position = position_at(root, {"services", index, "reals", k, "quic_id"});
    if (!service.quic) {
      diagnostics.error(position,
                        "quic_id: connection ids are read of a service with quic: true alone; "
                        "add that to it, or leave the id out");
      return;
    }
    const auto [first, is_new] = lines.try_emplace(real.quic_id, real.position.line);
    if (!is_new) {
      diagnostics.error(position, "quic_id: the real in line " + std::to_string(first->second) +
                                      " has " + std::to_string(real.quic_id) +
                                      ", too; each real of a service has an id of its own");
    }
  }
}

}  // namespace

void check_quic(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  for (size_t i = 0; i < config.services.size() && !diagnostics.full(); ++i) {
    check_quic_of(config, i, root, diagnostics);
  }
}

}  // namespace vipgate
