// libFuzzer target: any octets as an event stream, in pieces of any size. The records are those of
// the whole stream whatever the pieces, and each of them is an event or an error; what is an event
// when it is read at once is one when it is read while it comes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/mesos/mesos_cluster.h"
#include "controlplane/mesos/mesos_parser.h"
#include "controlplane/mesos/recordio.h"
#include "tests/support/arriving_pieces.h"

namespace vipgate {
namespace {

constexpr size_t kLimit = 1 << 16;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Seen {
  std::vector<std::string> records;
  bool is_broken = false;
  bool operator==(const Seen&) const = default;
};

void drain(RecordIoDecoder& decoder, Seen& seen, MesosParser* parser, MesosCluster* cluster) {
  while (true) {
    const auto next = decoder.next();
    seen.is_broken = !next.ok();
    if (!next || !*next) return;
    seen.records.emplace_back(**next);
    if (parser == nullptr) continue;
    auto event = parser->parse_event(PaddedJson{**next});
    // Without the padding it is the same.
    require(parser->parse_event(**next).ok() == event.ok());
    if (event) {
      cluster->apply(std::move(*event), static_cast<int64_t>(seen.records.size()));
    } else {
      require(!event.error().empty());
    }
  }
}

void check(const uint8_t* data, size_t size) {
  const size_t piece = 1 + data[0] % 64;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  RecordIoDecoder whole(kLimit);
  Seen expected;
  whole.feed(stream);
  drain(whole, expected, nullptr, nullptr);

  RecordIoDecoder decoder(kLimit);
  MesosParser parser;
  MesosCluster cluster{MesosClusterOptions{}};
  Seen seen;
  for (size_t at = 0; at < stream.size(); at += piece) {
    decoder.feed(stream.substr(at, piece));
    drain(decoder, seen, &parser, &cluster);
  }
  require(seen == expected);
  for (const std::string& record : seen.records) {
    if (parser.parse_event(record)) require(test::read_event_in_pieces(record, piece).ok());
  }
  cluster.advance(INT64_MAX);
  for (const auto& [key, task] : cluster.tasks()) {
    require(cluster.agent(task.agent_id) != nullptr);
    require(cluster.framework(task.framework_id) != nullptr);
    require(!is_terminal(task.state));
  }
}

}  // namespace
}  // namespace vipgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 20'000) return 0;
  vipgate::check(data, size);
  return 0;
}
