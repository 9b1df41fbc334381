// Telling a `fullnat` real, over TCP, who its client is.
//
// TOA: an option of kind 254 with the client's port and address, as the kernel modules of that name
// read it. PROXY protocol version 2 (HAProxy's specification): a header before the client's first
// bytes, so that from then on the client counts its bytes otherwise than the real does.
//
// Either stands in each segment that begins with the client's first byte after its SYN, as long as
// the real has not acknowledged it: in the handshake's last ACK, in the first data, and in what is
// sent again of them. Nothing is buffered: both follow from the record alone.
#pragma once

#include <cstdint>

#include "common/service.h"
#include "dataplane/fastpath/nat_record.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// Bytes that are added.
template <class Address>
inline constexpr uint16_t kToaLength = sizeof(Address) == 4 ? 8 : 20;
template <class Address>
inline constexpr uint16_t kProxyHeaderLength = sizeof(Address) == 4 ? 28 : 52;

// A SYN of the client opens the connection: from now on its real is told.
template <class Address>
void begin_telling(const Packet& packet, NatRecord<Address>& record, ClientAddress how);

// What telling makes of a packet.
enum class Told : uint8_t {
  kDone,        // it may have grown, and its headers have moved
  kTooBig,      // with the header it would exceed the MTU; unchanged
  kNoHeadroom,  // its buffer has no room for the header; unchanged
};

// A packet from the client, before it is translated. `mtu`: of IP packets on the way to the real.
// REQUIRES: record.seen has kToa or kProxy; with kProxy, the packet is no fragment.
template <class Address>
[[nodiscard]] Told tell_client_address(Packet& packet, NatRecord<Address>& record, uint16_t mtu);

// A packet from the real, before it is translated: lets it acknowledge what the client sent, and
// notes whether it has been told.
// REQUIRES: as above.
template <class Address>
void note_client_told(Packet& packet, NatRecord<Address>& record);

// What the client calls the byte that the real calls `sequence`.
template <class Address>
uint32_t sequence_of_client(const NatRecord<Address>& record, uint32_t sequence);

}  // namespace vipgate
