// The frames that clients send, and what is read of those that come: IPv4 or IPv6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/address_and_port.h"
#include "common/headers.h"
#include "perf/generator/dns_questions.h"

namespace vipgate::generator {

inline constexpr uint32_t kFlowsMax = 1u << 22;
inline constexpr uint32_t kBurstMax = 256;
inline constexpr uint64_t kPacketsMax = UINT32_MAX;
// Flows are clients' ports: so many of each client, from the first one.
inline constexpr uint32_t kPortsOfClient = 256;
inline constexpr uint16_t kFirstPort = 2000;

using Endpoint = AddressAndPort;

// The address so many after `first`, of whose octets the last four count.
IpAddress address_after(const IpAddress& first, uint32_t count);

// The client's end of a flow; `first` is that of the first client.
Endpoint client_of_flow(const IpAddress& first, uint32_t flow);

// What a packet of a flow carries. It fills up the smallest frame with UDP to the last byte.
struct Mark {
  uint8_t trial = 0;
  uint32_t flow = 0;
  uint32_t sequence = 0;
  uint64_t ticks = 0;  // when it was sent, by the time stamp counter
};
inline constexpr size_t kMarkBytes = 18;

class FrameMaker {
 public:
  // Clients are of the VIP's family.
  FrameMaker(const MacAddress& gateway, const Endpoint& vip);

  // Each writes a frame at `at`, without its check sequence, and returns its bytes. `wire_bytes` is
  // its size with the check sequence, and not below smallest_frame().
  size_t marked(uint8_t* at, const Endpoint& client, const Mark& mark, size_t wire_bytes) const;
  // The trial stands where an acknowledgment would, which counts for nothing in a SYN.
  size_t syn(uint8_t* at, const Endpoint& client, uint32_t sequence, uint8_t trial) const;
  size_t question(uint8_t* at, const Endpoint& client, uint16_t id,
                  const DnsQuestion& question) const;

 private:
  // The headers below those of UDP and TCP, which begin at l4_at_.
  void put_addresses(uint8_t* at, const Endpoint& client, uint8_t protocol, size_t l4_bytes) const;
  UdpHeader* put_udp(uint8_t* at, const Endpoint& client, size_t l4_bytes) const;

  MacAddress gateway_;
  Endpoint vip_;
  size_t l4_at_;
};

// TCP or UDP over IPv4 or IPv6 without options and extension headers, not a fragment. Points into
// the frame.
struct ReceivedFrame {
  const uint8_t* ip = nullptr;
  uint8_t protocol = 0;
  Endpoint source;
  Endpoint destination;
  std::span<const uint8_t> l4;
  std::span<const uint8_t> payload;

  bool is_tcp() const { return protocol == kProtocolTcp; }
  // REQUIRES: is_tcp()
  const TcpHeader& tcp() const { return *reinterpret_cast<const TcpHeader*>(l4.data()); }
};

std::optional<ReceivedFrame> read_frame(std::span<const uint8_t> frame);
std::optional<Mark> read_mark(const ReceivedFrame& frame);
bool checksums_are_right(const ReceivedFrame& frame);

// Makes of a frame that came its answer, which has the same payload. The checksums stay as they
// are. REQUIRES: read_frame has read it.
void make_answer(uint8_t* frame);

}  // namespace vipgate::generator
