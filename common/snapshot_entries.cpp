#include "common/snapshot_entries.h"

#include "common/hash.h"
#include "common/live_reals.h"
#include "common/maglev.h"

namespace vipgate {
namespace {

// No RealId has it, so a flow that holds the id of a real that is gone finds nothing.
constexpr uint16_t kNoGeneration = UINT16_MAX;
static_assert(kNoGeneration > RealId::kMaxGeneration);

}  // namespace

ServiceEntry entry_of(const ServiceSpec& spec, const ServiceRing* ring, bool has_previous_rows,
                      const Admission* admission, bool has_quic_reals) {
  static_assert(kMaxGueHops <= 0xf);
  const uint8_t hops = has_gue_hops(spec) ? spec.tunnel.gue_hops : uint8_t{0};
  return ServiceEntry{.rows = ring == nullptr ? nullptr : ring->rows->data(),
                      .reals = ring == nullptr ? nullptr : ring->reals.data(),
                      .row_count = ring == nullptr ? 0 : static_cast<uint32_t>(ring->rows->size()),
                      .index = spec.index,
                      .flow_id = spec.flow_id,
                      .snat_first = spec.snat_first,
                      .snat_count = spec.snat_count,
                      .timeouts = spec.timeouts,
                      .port = Be16(spec.port),
                      .protocol = spec.protocol,
                      .mode = spec.mode,
                      .no_real = spec.no_real,
                      .hash = spec.hash,
                      .has_previous_rows = has_previous_rows,
                      .tracks_when_needed = spec.tracks_when_needed,
                      .has_affinity = spec.admission.affinity_s != 0,
                      .is_quic = has_quic_reals,
                      .gue_hops = static_cast<uint8_t>(hops & 0xf),
                      .client_address = spec.client_address,
                      .mss_clamp = is_tunnel(spec.mode) ? spec.tunnel.mss_clamp : uint16_t{0},
                      .admission = admission};
}

uint64_t checksum_of(const ServiceEntry& entry, const ServiceInfo& info) {
  if (info.ring == nullptr) return 0;
  const uint64_t name = maglev_id(info.vip, entry.port.host());
  const uint64_t kind = static_cast<uint64_t>(entry.protocol) |
                        uint64_t{info.extent.prefix_length} << 8 |
                        uint64_t{info.extent.port_last} << 16;
  return hash_detail::mix64(hash_detail::mix64(name + kind) + info.ring->checksum);
}

RealEntry blank_real() {
  RealEntry entry;
  entry.generation = kNoGeneration;
  return entry;
}

RealEntry entry_of(const RealSpec& real, uint32_t service, const std::vector<PortEntry>& ports) {
  const PortEntry port = real.out_port < ports.size() ? ports[real.out_port] : PortEntry{};
  return RealEntry{.next_hop_mac = real.resolved ? real.next_hop : MacAddress{},
                   .port_mac = port.mac,
                   .generation = static_cast<uint16_t>(real.id.generation()),
                   .state = real.state,
                   .next_hop_resolved = real.resolved,
                   .vlan = Be16(port.vlan),
                   .mtu = port.mtu,
                   .service = service,
                   .out_port = real.out_port,
                   .port = Be16(real.port),
                   .address = real.address,
                   .weight = real.weight,
                   .return_flow_id = real.return_flow_id};
}

TunnelHeader tunnel_of(const RealSpec& real, const ServiceSpec& service,
                       const std::vector<PortEntry>& ports) {
  const PortEntry port = real.out_port < ports.size() ? ports[real.out_port] : PortEntry{};
  const TunnelWay way{.real = real.address,
                      .next_hop = real.resolved ? real.next_hop : MacAddress{},
                      .port_mac = port.mac,
                      .vlan = port.vlan,
                      .mtu = port.mtu,
                      .path_mtu = real.path_mtu};
  TunnelHeader tunnel = make_tunnel_header(service.mode, service.vip.family(), service.tunnel, way);
  static_assert(TunnelHeader::kNobody > RealId::kMaxGeneration);
  if (real.state == RealState::kUp && real.resolved) {
    tunnel.up_generation = static_cast<uint16_t>(real.id.generation());
  }
  tunnel.out_port = real.out_port;
  return tunnel;
}

}  // namespace vipgate
