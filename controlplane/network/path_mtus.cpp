#include "controlplane/network/path_mtus.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "common/headers.h"
#include "common/tunnel.h"

namespace vipgate {
namespace {

// The header at the front of the bytes, which become those behind it.
template <class Header>
std::optional<Header> take_header(std::span<const uint8_t>& bytes) {
  if (bytes.size() < sizeof(Header)) return std::nullopt;
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes = bytes.subspan(sizeof header);
  return header;
}

// Of a GUE packet: the header of variant 0 and what it carries; variant 1 has none.
void skip_gue(std::span<const uint8_t>& bytes) {
  if (bytes.empty() || bytes[0] >> 6 != 0) return;
  const size_t length = sizeof(GueHeader) + (bytes[0] & 0x1f) * size_t{4};
  bytes = bytes.subspan(std::min(length, bytes.size()));
}

std::optional<IpAddress> quoted_destination(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return std::nullopt;
  if (bytes[0] >> 4 == 4) {
    if (const auto ip = take_header<Ipv4Header>(bytes)) return IpAddress(ip->destination);
  } else if (bytes[0] >> 4 == 6) {
    if (const auto ip = take_header<Ipv6Header>(bytes)) return IpAddress(ip->destination);
  }
  return std::nullopt;
}

}  // namespace

std::optional<TunnelQuote> read_tunnel_quote(const TunnelError& error) {
  std::span<const uint8_t> bytes(error.quote.data(),
                                 std::min<size_t>(error.length, error.quote.size()));
  if (bytes.empty()) return std::nullopt;
  TunnelQuote quote;
  if (bytes[0] == 0x45) {  // what tunnels send has no options
    const auto ip = take_header<Ipv4Header>(bytes);
    if (!ip) return std::nullopt;
    quote = {.source = ip->source, .real = ip->destination, .protocol = ip->protocol, .vip = {}};
  } else if (bytes[0] >> 4 == 6) {
    const auto ip = take_header<Ipv6Header>(bytes);
    if (!ip) return std::nullopt;
    quote = {.source = ip->source, .real = ip->destination, .protocol = ip->next_header, .vip = {}};
  } else {
    return std::nullopt;
  }
  switch (quote.protocol) {
    case kProtocolIpv4:
    case kProtocolIpv6:
      break;
    case kProtocolGre:
      if (!take_header<GreHeader>(bytes)) return std::nullopt;
      break;
    case kProtocolUdp: {
      const auto udp = take_header<UdpHeader>(bytes);
      if (!udp) return std::nullopt;
      quote.port = udp->destination_port.host();
      skip_gue(bytes);
      break;
    }
    default:
      return std::nullopt;
  }
  quote.vip = quoted_destination(bytes);
  return quote;
}

bool has_real_at(const ModelService& service, const IpAddress& address) {
  const auto real = service.reals.lower_bound(RealKey{address, 0});
  return real != service.reals.end() && real->first.address == address;
}

bool could_have_sent(const ServiceKey& key, const ModelService& service, const TunnelQuote& quote) {
  const ServiceConfig& config = service.config;
  if (!is_tunnel(config.mode) || tunnel_protocol(config.mode, key.vip.family()) != quote.protocol) {
    return false;
  }
  if (config.mode == Mode::kGue && tunnel_port(config.tunnel) != quote.port) return false;
  const TunnelOptions& tunnel = config.tunnel;
  const IpPrefix& source = quote.real.is_v4() ? tunnel.source_ipv4 : tunnel.source_ipv6;
  if (!source.contains(quote.source)) return false;
  if (quote.vip) {
    const int length = key.extent.prefix_length == 0 ? key.vip.bits() : key.extent.prefix_length;
    if (!IpPrefix{key.vip, length}.contains(*quote.vip)) return false;
  }
  return has_real_at(service, quote.real);
}

bool PathMtus::lower(const IpAddress& real, uint16_t mtu, int64_t now_s) {
  const uint16_t lowered = std::max(mtu, kLeast);
  const auto [at, is_new] = known_.try_emplace(real, Known{lowered, now_s + kKeptS});
  next_deadline_s_ = std::min(next_deadline_s_, now_s + kKeptS);
  if (!is_new) {
    if (lowered > at->second.mtu) return false;
    at->second.until_s = now_s + kKeptS;
    if (lowered == at->second.mtu) return false;
    at->second.mtu = lowered;
  }
  spdlog::debug("the way to the tunnel's real {} takes {} bytes", to_string(real), lowered);
  return true;
}

uint16_t PathMtus::of(const IpAddress& real) const {
  const auto at = known_.find(real);
  return at == known_.end() ? UINT16_MAX : at->second.mtu;
}

std::set<IpAddress> PathMtus::expire(int64_t now_s) {
  std::set<IpAddress> expired;
  if (now_s < next_deadline_s_) return expired;
  next_deadline_s_ = kNever;
  for (auto at = known_.begin(); at != known_.end();) {
    if (at->second.until_s <= now_s) {
      expired.insert(at->first);
      at = known_.erase(at);
    } else {
      next_deadline_s_ = std::min(next_deadline_s_, at->second.until_s);
      ++at;
    }
  }
  return expired;
}

}  // namespace vipgate
