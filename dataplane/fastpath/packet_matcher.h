// A PacketFilter in the form that a worker applies to frames.
#pragma once

#include <cstdint>

#include "common/watch.h"
#include "dataplane/fastpath/frame_fields.h"

namespace vipgate {

// Immutable: any thread may call matches().
class PacketMatcher {
 public:
  explicit PacketMatcher(const PacketFilter& filter) : filter_(filter) {}

  // A frame that comes in, or leaves, by `port` at `worker`.
  bool matches(const FrameFields& fields, uint32_t port, uint32_t worker) const {
    if (filter_.port && *filter_.port != port) return false;
    if (filter_.worker && *filter_.worker != worker) return false;
    if (filter_.protocol && *filter_.protocol != fields.protocol) return false;
    return matches(fields.source, fields.destination, fields.has_ports, fields.source_port,
                   fields.destination_port) ||
           matches(fields.destination, fields.source, fields.has_ports, fields.destination_port,
                   fields.source_port);
  }

 private:
  bool matches(const IpAddress& from, const IpAddress& to, bool has_ports, uint16_t from_port,
               uint16_t to_port) const {
    if (filter_.source_port && (!has_ports || *filter_.source_port != from_port)) return false;
    if (filter_.destination_port && (!has_ports || *filter_.destination_port != to_port)) {
      return false;
    }
    return (!filter_.source || filter_.source->contains(from)) &&
           (!filter_.destination || filter_.destination->contains(to));
  }

  const PacketFilter filter_;
};

}  // namespace vipgate
