// Followed packets as lines of JSON: what replay says of a packet, and each stage of its way.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/watch.h"
#include "dataplane/watch_sink.h"

namespace vipgate {

// The lines, one for each packet once its way has ended, in the order of their ends. A line
// is that of replay.h, with "hold" or "unfinished" as the verdict of a packet whose end is not
// known, "from_kernel" for what the kernel sends; "index" is there when there is a capture; and
// then
//   "time_ns": of its first stage, since the epoch
//   "stages": [{"after_ns": 0, "stage": "received", "worker": 0, "port": "edge",
//               "frame": "tcp 192.0.2.1:4000 > 11.1.1.1:80"},
//              {…, "stage": "counted", "events": ["flows_created", "forward_packets"]}, …]
// Owned and used by one thread.
class WatchTrace {
 public:
  WatchTrace(std::unique_ptr<WatchSink> sink, std::vector<std::string> port_names)
      : sink_(std::move(sink)), port_names_(std::move(port_names)) {}

  // `index`: of the record's frame in the capture, if there is one. Names come from `snapshot`,
  // which may be null.
  void add(const WatchRecord& record, uint64_t time_ns, std::optional<uint64_t> index,
           const Snapshot* snapshot);
  // Whether nothing waits to be written.
  bool is_empty() const { return ways_.empty(); }
  // Writes the packets whose way has ended and of which nothing has come since `before_ns`.
  Status write_settled(uint64_t before_ns);
  // Writes all that is left. The lines are there for certain only after this has succeeded.
  Status close();

 private:
  struct Stage {
    uint64_t time_ns;
    WatchStage stage;
    uint8_t worker;
    std::string json;     // without the braces and the time
    std::string verdict;  // kSent, kDropped, kKernel, kFromKernel: the line's beginning, open
  };
  struct Way {
    uint64_t last_ns = 0;
    bool has_ended = false;
    std::vector<Stage> stages;
  };

  std::string stage_json(const WatchRecord& record) const;
  std::string verdict_json(const WatchRecord& record, std::optional<uint64_t> index,
                           const Snapshot* snapshot) const;
  Status write(uint32_t number, Way& way);

  std::unique_ptr<WatchSink> sink_;
  std::vector<std::string> port_names_;
  std::map<uint32_t, Way> ways_;  // by the packet's number
};

// Whether it is the last one of a packet's way.
bool is_last_stage(WatchStage stage);
// The verdict, without a service that the snapshot does not know any more.
Verdict known_part(const Verdict& verdict, const Snapshot& snapshot);

}  // namespace vipgate
