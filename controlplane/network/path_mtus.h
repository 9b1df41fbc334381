// Ways to reals of tunnels that take shorter packets than the ports that they begin at: what ICMP
// errors about the tunnels' own packets have told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "common/addresses.h"
#include "common/tunnel_error.h"
#include "controlplane/model/model.h"

namespace vipgate {

// What an error quotes of a tunnel's packet.
struct TunnelQuote {
  IpAddress source, real;
  uint8_t protocol = 0;          // of the outer header
  uint16_t port = 0;             // of UDP: where to
  std::optional<IpAddress> vip;  // where the packet within goes, if that is quoted
};

// Nothing: that cannot be a tunnel's packet. Any bytes may stand there.
[[nodiscard]] std::optional<TunnelQuote> read_tunnel_quote(const TunnelError& error);

[[nodiscard]] bool has_real_at(const ModelService& service, const IpAddress& address);

// Whether the service's tunnel could have sent the packet, as far as it is quoted: its source, what
// is within, and to a real of the service. Who forges an error from afar has to know these.
[[nodiscard]] bool could_have_sent(const ServiceKey& key, const ModelService& service,
                                   const TunnelQuote& quote);

// A value. Owned and called by the control thread. Times are monotonic seconds.
class PathMtus {
 public:
  // After so long a longer packet is tried again (RFC 1191 6.3, RFC 8201 4).
  static constexpr int64_t kKeptS = 600;
  // No error lowers a way below: what every IPv6 link carries (RFC 8200 5). IPv4 links of less are
  // not met in clusters, and QUIC gets through what is left (1200 octets, RFC 9000 14), so that a
  // forged error does no harm.
  static constexpr uint16_t kLeast = 1280;

  // True: it was higher until now, or not known.
  bool lower(const IpAddress& real, uint16_t mtu, int64_t now_s);
  // Of the way there; UINT16_MAX: nothing is known.
  uint16_t of(const IpAddress& real) const;
  // Forgets those whose time is up, and returns them.
  std::set<IpAddress> expire(int64_t now_s);
  int64_t next_deadline_s() const { return next_deadline_s_; }
  size_t size() const { return known_.size(); }

 private:
  struct Known {
    uint16_t mtu;
    int64_t until_s;
  };
  std::map<IpAddress, Known> known_;
  int64_t next_deadline_s_ = kNever;  // not after the first one's end
};

}  // namespace vipgate
