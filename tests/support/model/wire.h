// The reference model's own reading and writing of frames: plain, slow, from the RFCs. It shares
// nothing with the data plane but the value types of common, so that each can judge the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/addresses.h"
#include "common/counters.h"
#include "common/snapshot.h"
#include "tests/support/packet_builder.h"

namespace vipgate::test::model {

// What kind of packet a frame carries.
enum class Kind { kArp, kTcp, kUdp, kSctp, kIcmp, kOther };

// A frame as read. Offsets count from the start of the frame. Where `faults` is not empty, what
// lies behind the first fault may not have been read.
struct Wire {
  // All that is wrong with the frame, in no order: which fault is told is not specified.
  std::vector<DropReason> faults;
  Kind kind = Kind::kOther;
  MacAddress destination_mac, source_mac;
  uint16_t tci = 0;  // 0: no tag, or one that says nothing
  bool to_group = false;
  size_t l3 = 0;
  size_t l4 = 0;
  size_t end = 0;  // of the IP packet; behind it lies padding
  IpAddress source, destination;
  uint8_t ttl = 0;
  uint8_t protocol = 0;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t tcp_flags = 0;  // of SCTP, those that say the same of a connection
  // Of a fragment. A later one has no ports of its own.
  bool is_fragment = false;
  bool is_later = false;
  uint32_t fragment_id = 0;
  size_t fragment_offset = 0;
  size_t fragment_length = 0;
  size_t fragment_at = 0;  // of the IPv6 fragment header

  bool is_v4() const { return source.is_v4(); }
  bool has_flag(uint8_t flag) const { return (tcp_flags & flag) != 0; }
};

Kind kind_of(uint8_t protocol);

inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

uint16_t get16(const Bytes& frame, size_t at);
uint32_t get32(const Bytes& frame, size_t at);

// Whether the gateway's kernel listens to the group, by that protocol.
bool is_routing_group(const IpAddress& address, uint8_t protocol);

// What a frame is that came in by `port`.
Wire read_frame(const Bytes& frame, const PortEntry& port);

// An address and a port.
struct Socket {
  IpAddress address;
  uint16_t port = 0;
  friend auto operator<=>(const Socket&, const Socket&) = default;
};

// A frame that must come out, and the checksum fields of it that were wrong, or written in an
// unusual way, when they came in: in these, and only there, 0x0000 and 0xffff are the same.
struct WireOut {
  Bytes frame;
  std::vector<size_t> loose;
};
bool is_same(const WireOut& expected, const Bytes& actual);

// What an ICMP error quotes. Offsets count from the start of the frame.
struct QuotedPacket {
  std::vector<DropReason> faults;  // all that is wrong with it, in no order
  size_t l3 = 0;
  size_t l4 = 0;
  size_t end = 0;
  Socket source, destination;
  uint8_t protocol = 0;
};
bool is_icmp_error(const Bytes& frame, const Wire& wire);
// REQUIRES: is_icmp_error(frame, wire)
QuotedPacket read_quote(const Bytes& frame, const Wire& wire);
bool icmp_checksum_ok(const Bytes& frame, const Wire& wire);

struct LinkHeader {
  MacAddress destination, source;
  uint16_t tci = 0;  // 0: untagged
};

// `frame`, one hop further: other link header, addresses, ports, TTL less one. Checksums that were
// right are computed anew over the whole; wrong ones stay wrong by as much.
// Of a fragment, which gets this id, the transport checksum grows by what has changed.
WireOut translate(const Bytes& frame, const Wire& wire, const LinkHeader& link,
                  const Socket& source, const Socket& destination, uint32_t fragment_id);
// The id of the fragment that a frame is; 0: it is none.
uint32_t fragment_id_of(const Bytes& frame);

// `frame` behind another link header, and else as it came.
WireOut relink(const Bytes& frame, const Wire& wire, const LinkHeader& link);

// The same as translate() for an ICMP error and the packet that it quotes, whose TTL stays.
WireOut translate_error(const Bytes& frame, const Wire& wire, const LinkHeader& link,
                        const IpAddress& source, const IpAddress& destination,
                        const Socket& quoted_source, const Socket& quoted_destination);

// Answers, which go back to where the frame came from, by way of a port whose address is `own`.
Bytes arp_reply(const Bytes& frame, const Wire& wire, const MacAddress& own);
Bytes neighbor_advertisement(const Bytes& frame, const Wire& wire, const MacAddress& own);
WireOut echo_reply(const Bytes& frame, const Wire& wire, const MacAddress& own);
Bytes tcp_reset(const Bytes& frame, const Wire& wire, const MacAddress& own);
// What SCTP answers to a packet of no association (RFC 9260 8.4): an ABORT, or, to a SHUTDOWN ACK,
// a SHUTDOWN COMPLETE; nothing: it is to be dropped.
struct SctpReply {
  ReplyKind kind;
  Bytes frame;
};
std::optional<SctpReply> sctp_reply(const Bytes& frame, const Wire& wire, const MacAddress& own);
Bytes port_unreachable(const Bytes& frame, const Wire& wire, const MacAddress& own);
Bytes time_exceeded(const Bytes& frame, const Wire& wire, const IpAddress& source,
                    const MacAddress& own);

// The address that a well-formed neighbour solicitation asks for; none if it is no such thing.
std::optional<IpAddress> solicited_address(const Bytes& frame, const Wire& wire);
// Whether the UDP checksum is right, or absent where that is legal.
bool udp_checksum_ok(const Bytes& frame, const Wire& wire);

}  // namespace vipgate::test::model
