// A PacketFilter in the form that a worker applies to frames.
#pragma once

#include <array>
#include <cstdint>

#include "common/watch.h"
#include "dataplane/fastpath/frame_fields.h"

namespace vipgate {

// Immutable: any thread may call matches().
class PacketMatcher {
 public:
  explicit PacketMatcher(const PacketFilter& filter)
      : filter_(filter), source_(filter.source), destination_(filter.destination) {}

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
  // A prefix as two words and the bits of them that count.
  struct Masked {
    explicit Masked(const std::optional<IpPrefix>& prefix) {
      if (!prefix) return;
      family = prefix->address.family();
      for (int bit = 0; bit < prefix->length; ++bit) {
        mask[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> bit % 8);
      }
      for (size_t i = 0; i < mask.size(); ++i) value[i] = prefix->address.bytes()[i] & mask[i];
    }
    bool contains(const IpAddress& address) const {
      if (family == 0) return true;
      if (family != address.family()) return false;
      uint8_t difference = 0;
      for (size_t i = 0; i < mask.size(); ++i) {
        difference |= static_cast<uint8_t>((address.bytes()[i] & mask[i]) ^ value[i]);
      }
      return difference == 0;
    }
    int family = 0;  // 0: every address
    std::array<uint8_t, 16> mask{}, value{};
  };

  bool matches(const IpAddress& from, const IpAddress& to, bool has_ports, uint16_t from_port,
               uint16_t to_port) const {
    if (filter_.source_port && (!has_ports || *filter_.source_port != from_port)) return false;
    if (filter_.destination_port && (!has_ports || *filter_.destination_port != to_port)) {
      return false;
    }
    return source_.contains(from) && destination_.contains(to);
  }

  const PacketFilter filter_;
  const Masked source_, destination_;
};

}  // namespace vipgate
