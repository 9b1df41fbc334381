#include "controlplane/config/config_check_policy.h"

#include <string>

#include "controlplane/config/config_rules.h"

namespace vipgate {

void check_tunnel(Mode mode, const TunnelOptions& tunnel, const YamlNode& owner,
                  Diagnostics& diagnostics) {
  if (mode != Mode::kGue || tunnel.gue_hops == 0 || tunnel.gue_variant == 0) return;
  diagnostics.error(position_at(owner, {"gue_hops"}),
                    "gue_hops: hops stand in the header of GUE's variant 0, and this is variant "
                    "1, which has none; write gue_variant: 0, or gue_hops: 0");
}

void check_track(Track track, Mode mode, Affinity affinity, const AdmissionRules& admission,
                 const YamlNode& owner, Diagnostics& diagnostics) {
  if (track != Track::kWhenNeeded) return;
  if (is_translating(mode)) {
    diagnostics.error(position_at(owner, {"track"}),
                      "track: with the mode " + std::string(to_string(mode)) +
                          " every flow needs its entry, which says how packets are translated; "
                          "write always, or one of the modes l2dsr, ipip, gre and gue");
  }
  if (admission.new_flows_per_s != 0) {
    diagnostics.error(position_at(owner, {"new_flows_per_s"}),
                      "new_flows_per_s: with track: when_needed new flows are not told from "
                      "others; write 0, or track: always");
  }
  if (admission.max_connections != 0) {
    diagnostics.error(position_at(owner, {"max_connections"}),
                      "max_connections: with track: when_needed flows without an entry are not "
                      "counted; write 0, or track: always");
  }
  if (affinity != Affinity::kNone) {
    diagnostics.error(position_at(owner, {"affinity"}),
                      "affinity: with track: when_needed flows without an entry go by the rows "
                      "alone, wherever their client has been; write none, or track: always");
  }
}

void check_client_address(const ServiceConfig& service, const YamlNode& owner,
                          Diagnostics& diagnostics) {
  const bool is_possible = service.mode == Mode::kFullnat && service.protocol == Protocol::kTcp;
  if (service.client_address == ClientAddress::kHidden || is_possible) return;
  if (find_key(owner, "client_address") == nullptr) return;
  const std::string why =
      service.mode == Mode::kFullnat
          ? "is told over TCP alone; write protocol: tcp, or client_address: hidden"
          : "is what the reals of " + std::string(to_string(service.mode)) +
                " see anyway; write mode: fullnat, or client_address: hidden";
  diagnostics.error(position_at(owner, {"client_address"}), "client_address: it " + why);
}

void check_health(const HealthConfig& health, const YamlNode& owner, Diagnostics& diagnostics) {
  const auto error = [&](std::string_view key, const std::string& message) {
    diagnostics.error(position_at(owner, {"health", key}), std::string(key) + ": " + message);
  };
  if (health.type == HealthType::kNone) return;
  if (health.timeout_ms > health.interval_s * 1000) {
    error("timeout_ms", std::to_string(health.timeout_ms) + " ms is longer than the interval of " +
                            std::to_string(health.interval_s) + " s; write at most " +
                            std::to_string(health.interval_s * 1000));
  }
  if (health.type == HealthType::kDns) {
    std::string name = health.host;
    if (name.size() > 1 && name.back() == '.') name.pop_back();
    if (name.empty()) {
      error("host", "a check of type dns needs the name that it asks for; add it");
    } else if (const std::string fault = dns_name_fault(name, true); !fault.empty()) {
      error("host", quote_value(health.host) + ": " + fault);
    }
  } else if (health.host.find_first_of(" /") != std::string::npos) {
    error("host", quote_value(health.host) + " is no host; write a name, as www.example.com");
  }
}

}  // namespace vipgate
