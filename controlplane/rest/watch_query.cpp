#include "controlplane/rest/watch_query.h"

#include <memory>
#include <utility>

#include "common/address_and_port.h"

namespace vipgate {
namespace {

// Of one answer: what is kept of packets whose end is not known is memory.
constexpr uint32_t kMostStreamedPackets = 100'000;
constexpr uint32_t kLongestWatchS = 3600;
constexpr uint32_t kUsualWatchS = 10;

void add_query_node(YamlNode& map, const std::string& key, const std::string& value) {
  for (const std::string& text : {key, value}) {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.scalar = text;
    map.children.push_back(std::make_shared<const YamlNode>(std::move(node)));
  }
}

// The query as a map of the file would be.
YamlNode query_map(const std::map<std::string, std::string>& query) {
  YamlNode map;
  map.kind = YamlNode::Kind::kMap;
  for (const auto& [key, value] : query) {
    const bool is_end = key == "source" || key == "destination";
    const auto both = is_end ? parse_address_and_port(value) : Error{""};
    add_query_node(map, key, both ? to_string(both->address) : value);
    if (both) add_query_node(map, key + "_port", std::to_string(both->port));
  }
  return map;
}

}  // namespace

Result<WatchOptions> read_watch_query(const std::map<std::string, std::string>& query,
                                      WatchOptions::Stream stream, const WatchPlaces& places) {
  const YamlNode map = query_map(query);
  Diagnostics diagnostics("query");
  Section section({.diagnostics = &diagnostics}, &map, "");
  WatchConfig watch;
  uint32_t seconds = kUsualWatchS;
  section.value("packets", watch.packets, integer_rule<uint32_t>(1, kMostStreamedPackets));
  section.value("seconds", seconds, integer_rule<uint32_t>(1, kLongestWatchS));
  if (stream == WatchOptions::Stream::kCapture) {
    section.value("snaplen", watch.snaplen_bytes, integer_rule<uint32_t>(64, kWatchMaxSnaplen));
  }
  read_packet_filter(section, watch);
  section.finish();
  if (!diagnostics.ok()) return Error{diagnostics.entries().front().message};
  for (std::string problem :
       {watch_port_problem(watch, places), watch_worker_problem(watch, places)}) {
    if (!problem.empty()) return Error{std::move(problem)};
  }
  WatchOptions options;
  options.filter = packet_filter(watch, places);
  options.packets = watch.packets;
  options.seconds = seconds;
  options.snaplen_bytes = watch.snaplen_bytes;
  options.stream = stream;
  return options;
}

}  // namespace vipgate
