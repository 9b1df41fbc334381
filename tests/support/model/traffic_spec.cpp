#include "tests/support/model/random_traffic.h"
#include "tests/support/test_net.h"

namespace vipgate::test::model {
namespace {

// One of each kind: beside exact services of the same addresses, within each other, with ports of
// the reals' own and without. The `nat` ones share reals with others, so that client ports can meet
// there whatever the ids that the services' flows have.
struct WideCase {
  const char* vip;
  uint8_t prefix_length;
  uint16_t first, last;
  Mode mode;
  Protocol protocol;
  uint16_t real_port;
};
constexpr WideCase kWideCases[] = {
    {"11.0.0.1", 0, 0, kLastPort, Mode::kFullnat, Protocol::kTcp, 0},
    {"11.0.0.1", 0, 70, 85, Mode::kNat, Protocol::kTcp, 0},
    {"11.0.0.2", 0, 5000, 5003, Mode::kNat, Protocol::kUdp, 8005},
    {"11.5.0.0", 28, 0, kLastPort, Mode::kFullnat, Protocol::kUdp, 8001},
    {"11.5.0.0", 28, 80, 99, Mode::kNat, Protocol::kTcp, 0},
    {"11.5.0.4", 30, 80, 0, Mode::kFullnat, Protocol::kTcp, 0},
    {"11.5.0.0", 16, 8000, 8010, Mode::kNat, Protocol::kTcp, 0},
    {"11.5.0.5", 0, 0, kLastPort, Mode::kNat, Protocol::kTcp, 8004},
    {"fd11::1", 0, 0, kLastPort, Mode::kNat, Protocol::kUdp, 0},
    {"fd11:5::", 64, 0, kLastPort, Mode::kFullnat, Protocol::kTcp, 0},
    {"fd11:5::", 126, 80, 99, Mode::kNat, Protocol::kTcp, 8006},
};

void add_wide_services(SnapshotSpec& spec) {
  uint32_t index = 32;
  for (const WideCase& kind : kWideCases) {
    const IpAddress vip = ip(kind.vip);
    const bool is_v4 = vip.is_v4();
    ServiceSpec service = spec.services[is_v4 ? 0 : 2];
    service.index = index;
    service.flow_id = kWideFlowId + index;
    service.name = "wide" + std::to_string(index);
    service.vip = vip;
    service.port = kind.first;
    service.extent = {kind.last, kind.prefix_length};
    service.mode = kind.mode;
    service.protocol = kind.protocol;
    for (RealSpec& real : service.reals) {
      const uint32_t n = real.id.index() % 8;  // 1 to 3
      real.id = RealId(256 + index * 4 + n, 1);
      real.port = kind.real_port;
      if (kind.mode != Mode::kNat) continue;
      // Reals of the exact services have 101 and on; here one for each address, port and protocol.
      real.return_flow_id =
          kind.real_port == 0 ? kWideFlowId + 20000 + (kind.protocol == Protocol::kTcp ? 0 : 8) + n
                              : 100 + (kind.real_port - 8000u) * 8 + n;
    }
    spec.services.push_back(service);
    ++index;
  }
  spec.real_slots = 512;
}

// In the order of RandomTraffic::kSctpPorts, of either family: `fullnat`, `nat` with other ports
// and with the same ones, l2dsr, and one without reals.
void add_sctp_services(SnapshotSpec& spec) {
  static constexpr Mode kModes[] = {Mode::kFullnat, Mode::kNat, Mode::kNat, Mode::kL2dsr,
                                    Mode::kFullnat};
  uint32_t index = 58;       // above those of add_direct_services()
  uint32_t next_real = 448;  // above those of add_wide_services()
  for (const int family : {4, 6}) {
    for (size_t k = 0; k < std::size(kModes); ++k) {
      const ServiceCase like{Mode::kFullnat, family, Protocol::kTcp};
      ServiceSpec service = spec.services[like.index()];
      service.index = index;
      service.flow_id = index + 1;
      service.name = "sctp" + std::to_string(index++);
      service.protocol = Protocol::kSctp;
      service.mode = kModes[k];
      service.port = RandomTraffic::kSctpPorts[k];
      if (k == 4) service.reals.clear();
      for (RealSpec& real : service.reals) {
        real.id = RealId(next_real, 1);
        real.port = k == 0 || k == 1 ? static_cast<uint16_t>(9000 + k) : service.port;
        if (service.mode == Mode::kNat) real.return_flow_id = 1000 + next_real;
        ++next_real;
      }
      spec.services.push_back(service);
    }
  }
}

// l2dsr: with a port of their own, with all others of the same VIP, and with a prefix.
void add_direct_services(SnapshotSpec& spec, uint32_t index) {
  uint32_t wide_index = 48;  // above those of add_wide_services()
  uint32_t next_real = 200;  // above those of exact services, below those of wide ones
  const auto add = [&](ServiceSpec service) {
    const bool is_exact = service.extent == ServiceExtent{};
    service.index = is_exact ? index++ : wide_index++;
    service.flow_id = is_exact ? service.index + 1 : kWideFlowId + service.index;
    service.name = "direct" + std::to_string(service.index);
    for (RealSpec& real : service.reals) {
      real.id = RealId(next_real++, 1);
      real.return_flow_id = 0;
    }
    spec.services.push_back(service);
  };
  for (const int family : {4, 6}) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      for (const bool when_needed : {false, true}) {
        const ServiceCase like{Mode::kNat, family, protocol};
        ServiceSpec service = spec.services[like.index()];
        service.vip = ip(direct_vip(family, when_needed));
        service.mode = Mode::kL2dsr;
        service.tracks_when_needed = when_needed;
        add(service);
        service.port = 0;
        service.extent = {kLastPort, 0};
        add(service);
        if (!when_needed || protocol == Protocol::kUdp) continue;
        service.vip = ip(family == 4 ? "11.6.0.0" : "fd11:6::");
        service.extent = {kLastPort, static_cast<uint8_t>(family == 4 ? 30 : 126)};
        add(service);
      }
    }
  }
}

// To some of each mode: of `nat` to all IPv6 TCP ones, for those share reals.
void give_affinity(SnapshotSpec& spec) {
  for (ServiceSpec& service : spec.services) {
    const bool is_v4 = service.vip.is_v4();
    const bool is_tcp = service.protocol == Protocol::kTcp;
    const bool has_affinity = service.mode == Mode::kNat     ? !is_v4 && is_tcp
                              : service.tracks_when_needed   ? false
                              : service.mode == Mode::kL2dsr ? is_v4 == is_tcp
                                                             : service.index % 2 == 0;
    if (!has_affinity) continue;
    service.admission.affinity_s = static_cast<uint16_t>(10 + service.index);
    if (service.index % 4 != 0) service.hash = HashFields::kSource;
  }
}

// The reals of each UDP service have the ids 1, 2, 3.
void give_quic_ids(SnapshotSpec& spec) {
  for (ServiceSpec& service : spec.services) {
    if (service.protocol != Protocol::kUdp) continue;
    service.is_quic = true;
    uint32_t id = 0;
    for (RealSpec& real : service.reals) real.quic_id = ++id;
  }
}

void limit_connections(SnapshotSpec& spec) {
  for (ServiceSpec& service : spec.services) {
    if (service.index % 3 != 0 || service.tracks_when_needed) continue;
    service.admission.max_connections = 10 + service.index;
  }
}

}  // namespace

std::string direct_vip(int family, bool when_needed) {
  return std::string(family == 4 ? "11.0.0." : "fd11::") + (when_needed ? "5" : "4");
}

SnapshotSpec traffic_spec() {
  SnapshotSpec spec = net_spec();
  spec.snat_addresses.push_back({ip("10.8.0.2"), 1024, 1523});
  for (ServiceSpec& service : spec.services) {
    // Another address for one of the services.
    if (service.mode == Mode::kFullnat && service.index == 1) service.snat_first = 2;
  }
  uint32_t index = 16;
  for (const int family : {4, 6}) {
    const ServiceCase& like = family == 4 ? kServiceCases[4] : kServiceCases[7];
    ServiceSpec service = spec.services[like.index()];
    service.index = index;
    service.flow_id = index + 1;
    service.name = "shares" + std::to_string(index);
    service.vip = ip(family == 4 ? "11.0.0.3" : "fd11::3");
    for (RealSpec& real : service.reals) real.id = RealId(real.id.index() + 128, 1);
    spec.services.push_back(service);
    ++index;
  }
  add_wide_services(spec);
  add_direct_services(spec, index);
  add_sctp_services(spec);
  give_affinity(spec);
  limit_connections(spec);
  give_quic_ids(spec);
  spec.service_slots = RandomTraffic::kServiceSlots;
  return spec;
}

}  // namespace vipgate::test::model
