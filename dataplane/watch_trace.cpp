#include "dataplane/watch_trace.h"

#include <algorithm>
#include <utility>

#include "common/json_text.h"
#include "dataplane/frame_text.h"
#include "dataplane/replay_verdict.h"

namespace vipgate {
namespace {

std::string_view stage_name(WatchStage stage) {
  switch (stage) {
    case WatchStage::kReceived:
      return "received";
    case WatchStage::kHandedOver:
      return "handed_over";
    case WatchStage::kHeld:
      return "held";
    case WatchStage::kCounted:
      return "counted";
    case WatchStage::kKernel:
      return "kernel";
    case WatchStage::kDropped:
      return "dropped";
    case WatchStage::kFromKernel:
      return "from_kernel";
    case WatchStage::kSent:
      return "sent";
  }
  return "";
}

std::string events_json(uint64_t events) {
  std::string list;
  for (size_t i = 0; i < kCountOf<Event>; ++i) {
    if ((events >> i & 1) == 0) continue;
    list += (list.empty() ? "" : ", ") + json_quote(to_string(static_cast<Event>(i)));
  }
  return "[" + list + "]";
}

}  // namespace

bool is_last_stage(WatchStage stage) {
  return stage == WatchStage::kKernel || stage == WatchStage::kDropped ||
         stage == WatchStage::kFromKernel || stage == WatchStage::kSent;
}

Verdict known_part(const Verdict& verdict, const Snapshot& snapshot) {
  Verdict known = verdict;
  const uint32_t page = verdict.service / kPageSize;
  const bool is_known = verdict.service != kNone && page < snapshot.service_pages.size() &&
                        snapshot.service(verdict.service).index != kNone;
  if (!is_known) known.service = kNone;
  return known;
}

std::string WatchTrace::stage_json(const WatchRecord& record) const {
  std::string json = "\"stage\": " + json_quote(stage_name(record.stage)) +
                     ", \"worker\": " + std::to_string(record.worker);
  if (record.stage == WatchStage::kCounted) {
    return json + ", \"events\": " + events_json(record.events);
  }
  return json + ", \"port\": " + json_quote(port_names_[record.port]) +
         ", \"frame\": " + json_quote(frame_text({record.frame(), record.captured})) +
         ", \"bytes\": " + std::to_string(record.frame_bytes);
}

std::string WatchTrace::verdict_json(const WatchRecord& record, std::optional<uint64_t> index,
                                     const Snapshot* snapshot) const {
  static const Snapshot kEmpty;
  if (snapshot == nullptr) snapshot = &kEmpty;
  std::optional<ReplayOut> out;
  const bool is_sent = record.stage == WatchStage::kSent || record.stage == WatchStage::kFromKernel;
  if (is_sent) out = ReplayOut{index, port_names_[record.port]};
  if (record.stage == WatchStage::kFromKernel) {
    // It has no verdict: the packet path did not see it.
    return "{\"packet\": " + std::to_string(record.number) +
           ", \"verdict\": \"from_kernel\", \"worker\": " + std::to_string(record.worker) +
           out_json(*out);
  }
  std::string line = verdict_line(*snapshot, record.number, known_part(record.verdict, *snapshot),
                                  record.worker, out);
  line.pop_back();
  return line;
}

void WatchTrace::add(const WatchRecord& record, uint64_t time_ns, std::optional<uint64_t> index,
                     const Snapshot* snapshot) {
  Way& way = ways_[record.number];
  const bool is_last = is_last_stage(record.stage);
  way.last_ns = std::max(way.last_ns, time_ns);
  way.has_ended |= is_last;
  way.stages.push_back({time_ns, record.stage, record.worker, stage_json(record),
                        is_last ? verdict_json(record, index, snapshot) : std::string()});
}

Status WatchTrace::write(uint32_t number, Way& way) {
  std::stable_sort(way.stages.begin(), way.stages.end(),
                   [](const Stage& a, const Stage& b) { return a.time_ns < b.time_ns; });
  std::string line;
  bool is_held = false;
  for (const Stage& stage : way.stages) {
    if (!stage.verdict.empty()) line = stage.verdict;
    is_held |= stage.stage == WatchStage::kHeld;
  }
  if (line.empty()) {
    line = "{\"packet\": " + std::to_string(number) + ", \"verdict\": \"" +
           (is_held ? "hold" : "unfinished") +
           "\", \"worker\": " + std::to_string(way.stages.back().worker);
  }
  const uint64_t start = way.stages.front().time_ns;
  line += ", \"time_ns\": " + std::to_string(start) + ", \"stages\": [";
  for (const Stage& stage : way.stages) {
    line += std::string(&stage == way.stages.data() ? "" : ", ") +
            "{\"after_ns\": " + std::to_string(stage.time_ns - start) + ", " + stage.json + "}";
  }
  line += "]}\n";
  return sink_->offer(line);
}

Status WatchTrace::write_settled(uint64_t before_ns) {
  bool any = false;
  for (auto at = ways_.begin(); at != ways_.end();) {
    if (!at->second.has_ended || at->second.last_ns > before_ns) {
      ++at;
      continue;
    }
    if (auto status = write(at->first, at->second); !status) return status;
    at = ways_.erase(at);
    any = true;
  }
  return any ? sink_->flush() : Status(Done{});
}

Status WatchTrace::close() {
  for (auto& [number, way] : ways_) {
    if (auto status = write(number, way); !status) return status;
  }
  ways_.clear();
  return sink_->close();
}

}  // namespace vipgate
