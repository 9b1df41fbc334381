#include "controlplane/offline/explain_question.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace vipgate {
namespace {

using ExplainSocket = std::pair<IpAddress, uint16_t>;

Result<ExplainSocket> parse_explain_socket(const std::string& text) {
  const Error error{"'" + text +
                    "' is no endpoint; write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6"};
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return error;
  std::string_view host(text.data(), colon);
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  if (has_brackets) host = host.substr(1, host.size() - 2);
  const auto address = parse_ip_address(host);
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == end && port != 0;
  if (!address || address->is_v6() != has_brackets || !is_number) return error;
  return ExplainSocket{*address, port};
}

std::optional<Protocol> parse_explain_protocol(std::string_view text) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    if (text == to_string(protocol)) return protocol;
  }
  return std::nullopt;
}

}  // namespace

Result<ExplainPacket> read_explain_question(const ExplainQuestion& question,
                                            const std::vector<std::string>& port_names) {
  const auto protocol = parse_explain_protocol(question.protocol);
  if (!protocol) {
    return Error{"protocol: '" + question.protocol + "' is not known; write tcp, udp or sctp"};
  }
  const auto source = parse_explain_socket(question.source);
  if (!source) return Error{"source: " + source.error()};
  const auto destination = parse_explain_socket(question.destination);
  if (!destination) return Error{"destination: " + destination.error()};
  if (source->first.family() != destination->first.family()) {
    return Error{"source and destination are of different families"};
  }
  ExplainPacket packet;
  packet.protocol = *protocol;
  std::tie(packet.source, packet.source_port) = *source;
  std::tie(packet.destination, packet.destination_port) = *destination;
  if (question.port.empty()) return packet;
  const auto port = std::find(port_names.begin(), port_names.end(), question.port);
  if (port == port_names.end()) return Error{"port: there is no port '" + question.port + "'"};
  packet.port = static_cast<uint8_t>(port - port_names.begin());
  return packet;
}

}  // namespace vipgate
