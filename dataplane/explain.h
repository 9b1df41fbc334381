// What would become of a packet, and why: one made-up packet through the very pipeline of the
// daemon, with empty flow tables. No DPDK types here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/snapshot.h"

namespace vipgate {

struct ExplainOptions {
  // As for replay: see ReplayOptions.
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::string> port_names;
  uint32_t workers = 1;
  uint32_t services = 0;
  uint32_t reals = 0;
  std::optional<uint64_t> seed;

  // A TCP SYN, an SCTP INIT, or a UDP datagram of eight zero octets; the addresses are of one
  // family.
  uint8_t port = 0;  // on which it arrives
  Protocol protocol = Protocol::kTcp;
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
};

// Lines of a word and what it was: packet, service, real, table, worker, verdict, because, out.
// Those that do not apply are left out.
std::string explain(const ExplainOptions& options);

}  // namespace vipgate
