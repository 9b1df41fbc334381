#include "controlplane/config/config_reader_watch.h"

#include <algorithm>
#include <utility>

#include "common/headers.h"

namespace vipgate {
namespace {

using MaybePrefix = std::optional<IpPrefix>;

Rule<MaybePrefix> prefix_or_any_rule() {
  const Rule<IpPrefix> one = prefix_rule();
  return {one.info,
          [one](const YamlNode& node) -> Result<MaybePrefix> {
            if (node.kind == YamlNode::Kind::kScalar && node.scalar == "any") return MaybePrefix();
            auto prefix = one.parse(node);
            if (!prefix) return Error{prefix.error() + ", or any"};
            return MaybePrefix(*prefix);
          },
          [one](const MaybePrefix& value) { return value ? one.print(*value) : "any"; }};
}

size_t watch_port_index(const std::string& name, const WatchPlaces& places) {
  return static_cast<size_t>(std::find(places.ports.begin(), places.ports.end(), name) -
                             places.ports.begin());
}

}  // namespace

void read_watch(Section& s, WatchConfig& watch) {
  s.value("capture", watch.capture, optional_text_rule("the path of a file"));
  s.value("trace", watch.trace, optional_text_rule("the path of a file"));
  s.value("packets", watch.packets, integer_rule<uint32_t>(1, 1000000));
  s.value("snaplen_bytes", watch.snaplen_bytes, integer_rule<uint32_t>(64, kWatchMaxSnaplen));
  read_packet_filter(s, watch);
}

void read_packet_filter(Section& s, WatchConfig& watch) {
  s.value("source", watch.source, prefix_or_any_rule());
  s.value("destination", watch.destination, prefix_or_any_rule());
  s.value("source_port", watch.source_port, integer_rule<uint16_t>(0, 65535));
  s.value("destination_port", watch.destination_port, integer_rule<uint16_t>(0, 65535));
  s.value("protocol", watch.protocol,
          choice_rule<uint8_t>({{"any", uint8_t{0}},
                                {"tcp", kProtocolTcp},
                                {"udp", kProtocolUdp},
                                {"sctp", kProtocolSctp},
                                {"icmp", kProtocolIcmp},
                                {"icmpv6", kProtocolIcmpv6}}));
  s.value("port", watch.port, optional_text_rule("the name of one of `ports`"));
  s.value("worker", watch.worker, auto_or_integer_rule<int16_t>(0, 63, -1));
}

WatchPlaces watch_places(const Config& config) {
  WatchPlaces places{.ports = {}, .workers = config.workers.cpus.size()};
  for (const PortConfig& port : config.ports) places.ports.push_back(port.name);
  return places;
}

std::string watch_port_problem(const WatchConfig& watch, const WatchPlaces& places) {
  if (watch.port.empty() || watch_port_index(watch.port, places) < places.ports.size()) return {};
  return "port: no port is named '" + watch.port + "'; write the name of one of `ports`";
}

std::string watch_worker_problem(const WatchConfig& watch, const WatchPlaces& places) {
  if (watch.worker < static_cast<int>(places.workers)) return {};
  return "worker: there are " + std::to_string(places.workers) +
         " workers, numbered from 0; write one of their numbers, or auto";
}

PacketFilter packet_filter(const WatchConfig& watch, const WatchPlaces& places) {
  PacketFilter filter;
  filter.source = watch.source;
  filter.destination = watch.destination;
  if (watch.source_port != 0) filter.source_port = watch.source_port;
  if (watch.destination_port != 0) filter.destination_port = watch.destination_port;
  if (watch.protocol != 0) filter.protocol = watch.protocol;
  if (!watch.port.empty()) {
    filter.port = static_cast<uint8_t>(watch_port_index(watch.port, places));
  }
  if (watch.worker >= 0) filter.worker = static_cast<uint8_t>(watch.worker);
  return filter;
}

void check_watch(const Config& config, const YamlNode& root, Diagnostics& diagnostics) {
  const WatchConfig& watch = config.watch;
  const YamlNode* section = find_key(root, "watch");
  if (section == nullptr) return;
  if (watch.capture.empty() && watch.trace.empty() && watch != WatchConfig{}) {
    diagnostics.error(section->position,
                      "watch: no file is named; add capture or trace with the path of a file");
  }
  const auto place = [&](const char* key) {
    const YamlNode* node = find_key(*section, key);
    return node != nullptr ? node->position : section->position;
  };
  if (!watch.capture.empty() && watch.capture == watch.trace) {
    diagnostics.error(place("trace"), "trace: '" + watch.trace +
                                          "' is the capture, too; write the path of another file");
  }
  const WatchPlaces places = watch_places(config);
  if (std::string problem = watch_port_problem(watch, places); !problem.empty()) {
    diagnostics.error(place("port"), std::move(problem));
  }
  if (std::string problem = watch_worker_problem(watch, places); !problem.empty()) {
    diagnostics.error(place("worker"), std::move(problem));
  }
}

std::optional<WatchOptions> watch_options(const Config& config) {
  const WatchConfig& watch = config.watch;
  if (watch.capture.empty() && watch.trace.empty()) return std::nullopt;
  WatchOptions options;
  options.capture = watch.capture;
  options.trace = watch.trace;
  options.packets = watch.packets;
  options.snaplen_bytes = watch.snaplen_bytes;
  options.filter = packet_filter(watch, watch_places(config));
  return options;
}

}  // namespace vipgate
