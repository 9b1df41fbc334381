// Random packets and random changes of what is served, drawn from a seed (or from a fuzzer's
// bytes): valid, odd and mangled frames of every kind that the data plane knows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/snapshot_builder.h"
#include "tests/support/fake_gateway.h"

namespace vipgate::test::model {

// net_spec() with two `nat` services that share their reals, so that client ports can meet there,
// and a second SNAT address.
// SCTP by `fullnat` and `nat`, where that changes ports and where not, and without reals.
// All UDP services take QUIC connection ids that name their reals.
// Then l2dsr, TCP and UDP of either family, all flows tracked or when needed, with one port, with
// all ports, and with a prefix.
SnapshotSpec traffic_spec();
// Of those l2dsr services.
std::string direct_vip(int family, bool when_needed);

class RandomTraffic {
 public:
  // Of traffic_spec().
  static constexpr uint32_t kServiceSlots = 4096;
  static constexpr uint16_t kSctpPorts[] = {2905, 3868, 7, 8, 9};

  // `draw` gives a number below its argument, which is at least 1.
  explicit RandomTraffic(std::function<uint32_t(uint32_t)> draw) : draw_(std::move(draw)) {}

  // What arrives at a port at once.
  struct Arrival {
    uint8_t port = 0;
    std::vector<Bytes> frames;
  };
  Arrival arrival();
  // To be told of what was forwarded: reals answer it, and both sides send errors about it.
  void note_forwarded(const Outcome& outcome);
  // One change of what is served.
  void change(SnapshotSpec& spec);

  uint32_t below(uint32_t n) { return draw_(n); }
  bool one_in(uint32_t n) { return below(n) == 0; }

 private:
  template <class T, size_t kSize>
  const T& one_of(const T (&choices)[kSize]) {
    return choices[below(kSize)];
  }

  Bytes frame(uint8_t port);
  void add_fragments(Arrival& arrival);
  PacketBuilder to_a_vip(uint8_t port);
  PacketBuilder to_a_direct_vip(uint8_t port);
  PacketBuilder to_an_sctp_vip(uint8_t port);
  void add_chunks(PacketBuilder& packet);
  Bytes quic_payload();
  PacketBuilder from_a_real(uint8_t port);
  PacketBuilder to_anyone(uint8_t port);
  PacketBuilder echo_or_icmp(uint8_t port);
  PacketBuilder icmp_error(uint8_t port);
  PacketBuilder neighbors(uint8_t port);
  void make_odd(PacketBuilder& packet, bool is_v4);
  void mangle(Bytes& frame);
  uint32_t return_id(const SnapshotSpec& spec, const ServiceSpec& service, const RealSpec& real);
  void change_fallback(SnapshotSpec& spec, ServiceSpec& service);
  PacketBuilder link(uint8_t port);
  const char* flags();
  void change_rows(ServiceSpec& service);

  std::function<uint32_t(uint32_t)> draw_;
  // What left for reals and for clients lately.
  struct Lately {
    std::vector<Bytes> frames;
    size_t next = 0;
  };
  Lately forwarded_, returned_;
  bool from_reals_ = false;  // this arrival
  uint32_t direct_packets_ = 0;
  std::vector<ServiceSpec> removed_;
  uint32_t next_service_ = 68;    // above those of traffic_spec()
  uint32_t next_return_ = 5'000;  // above those, and those of services
};

}  // namespace vipgate::test::model
