#include "controlplane/explain_command.h"

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "controlplane/compile_command.h"
#include "controlplane/exit_status.h"
#include "dataplane/explain.h"

namespace vipgate {
namespace {

constexpr MacAddress kNextHop{{2, 0, 0, 0, 0, 0xfe}};

using Socket = std::pair<IpAddress, uint16_t>;

Result<Socket> parse_socket(const std::string& text) {
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
  return Socket{*address, port};
}

std::optional<uint8_t> port_index(const Config& config, const std::string& name) {
  if (name.empty()) return uint8_t{0};
  for (size_t i = 0; i < config.ports.size(); ++i) {
    if (config.ports[i].name == name) return static_cast<uint8_t>(i);
  }
  return std::nullopt;
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    if (text == to_string(protocol)) return protocol;
  }
  return std::nullopt;
}

}  // namespace

int explain_command(const Config& config, const ExplainArguments& arguments) {
  if (config.ports.empty()) {
    return fail(kExitBadConfiguration,
                config.file + ": there are no ports that a packet could come by; add `ports`");
  }
  const auto protocol = parse_protocol(arguments.protocol);
  if (!protocol) {
    return fail(kExitBadConfiguration,
                "'" + arguments.protocol + "' is not known; write tcp, udp or sctp");
  }
  const auto source = parse_socket(arguments.source);
  if (!source) return fail(kExitBadConfiguration, source.error());
  const auto destination = parse_socket(arguments.destination);
  if (!destination) return fail(kExitBadConfiguration, destination.error());
  if (source->first.family() != destination->first.family()) {
    return fail(kExitBadConfiguration, "source and destination are of different families");
  }
  const auto port = port_index(config, arguments.port);
  if (!port) {
    return fail(kExitBadConfiguration, "--port: there is no port '" + arguments.port + "'");
  }
  const auto offline = compile_offline(config, kNextHop);
  if (!offline) return fail(kExitBadConfiguration, config.file + ": " + offline.error());
  ExplainOptions options;
  options.snapshot = offline->snapshot;
  for (const PortConfig& known : config.ports) options.port_names.push_back(known.name);
  options.workers = static_cast<uint32_t>(config.workers.cpus.size());
  options.services = offline->service_slots;
  options.reals = offline->real_slots;
  options.seed = arguments.seed;
  options.port = *port;
  options.protocol = *protocol;
  std::tie(options.source, options.source_port) = *source;
  std::tie(options.destination, options.destination_port) = *destination;
  return print(explain(options));
}

}  // namespace vipgate
