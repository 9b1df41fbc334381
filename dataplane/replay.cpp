#include "dataplane/replay.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "common/system_error.h"
#include "dataplane/pcap_file.h"
#include "dataplane/replay_engine.h"
#include "dataplane/replay_verdict.h"
#include "dataplane/secrets.h"

namespace vipgate {
namespace {

// The inputs as one stream in the order that replay() promises.
class MergedCapture {
 public:
  struct Next {
    const PcapPacket* packet;
    uint8_t port;
  };

  Status open(const std::vector<ReplayInput>& inputs) {
    for (const ReplayInput& input : inputs) {
      auto reader = PcapReader::open(input.path);
      if (!reader) return Error{reader.error()};
      sources_.push_back({std::move(reader).value(), input.port, {}, false});
      if (Status status = refill(sources_.back()); !status) return status;
    }
    return Done{};
  }

  PcapResolution resolution() const { return sources_.front().reader.resolution(); }

  // The packet is valid until the next call. Nothing at the end of all inputs.
  Result<std::optional<Next>> next() {
    if (last_ != nullptr) {
      if (Status status = refill(*last_); !status) return Error{status.error()};
    }
    last_ = nullptr;
    for (Source& source : sources_) {
      if (source.at_end) continue;
      if (last_ == nullptr || source.head.time_ns < last_->head.time_ns) last_ = &source;
    }
    if (last_ == nullptr) return std::optional<Next>();
    return std::optional<Next>({&last_->head, last_->port});
  }

 private:
  struct Source {
    PcapReader reader;
    uint8_t port;
    PcapPacket head;
    bool at_end;
  };

  static Status refill(Source& source) {
    const auto more = source.reader.next(source.head);
    if (!more) return Error{more.error()};
    source.at_end = !*more;
    return Done{};
  }

  std::vector<Source> sources_;
  Source* last_ = nullptr;  // whose head was given out
};

// The file of verdicts or that of counters; or none.
class LinesFile {
 public:
  Status create(const std::string& path) {
    path_ = path;
    if (path.empty()) return Done{};
    file_.reset(std::fopen(path.c_str(), "w"));
    if (file_ == nullptr) return system_error(path + ": cannot create");
    return Done{};
  }
  bool is_open() const { return file_ != nullptr; }
  Status write(const std::string& line) {
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
        std::fputc('\n', file_.get()) == EOF) {
      return failure();
    }
    return Done{};
  }
  Status close() {
    if (file_ != nullptr && std::fclose(file_.release()) != 0) return failure();
    return Done{};
  }

 private:
  Error failure() const { return system_error(path_ + ": cannot write"); }

  std::string path_;
  pcap_detail::File file_;
};

Status check(const ReplayOptions& options) {
  const size_t ports = options.snapshot->ports.size();
  if (options.workers == 0 || options.workers > kMaxWorkers) {
    return Error{"replay with " + std::to_string(options.workers) + " workers; 1 to " +
                 std::to_string(kMaxWorkers) + " are possible"};
  }
  if (options.inputs.empty()) return Error{"replay without an input capture"};
  if (ports > kMaxPorts || options.port_names.size() != ports) {
    return Error{"replay with " + std::to_string(options.port_names.size()) + " port names for " +
                 std::to_string(ports) + " ports; at most " + std::to_string(kMaxPorts)};
  }
  for (const ReplayInput& input : options.inputs) {
    if (input.port >= ports) {
      return Error{input.path + ": no port has the index " + std::to_string(input.port)};
    }
    for (const std::string& output :
         {options.out_path, options.verdicts_path, options.counters_path}) {
      std::error_code ignored;
      if (std::filesystem::equivalent(input.path, output, ignored)) {
        return Error{output + ": this output is also an input, which it would overwrite"};
      }
    }
  }
  return Done{};
}

// Writes frames as they leave, and verdicts in the order of the packets: one that is held keeps
// those behind it waiting.
class Output {
 public:
  Output(const ReplayOptions& options, PcapWriter& out, LinesFile& verdicts)
      : options_(options), out_(out), verdicts_(verdicts) {}

  Status write(std::span<const ReplayEngine::Outcome> outcomes, uint64_t time_ns) {
    for (const auto& outcome : outcomes) {
      std::optional<ReplayOut> sent;
      if (outcome.out_port) {
        sent = ReplayOut{out_count_++, options_.port_names[*outcome.out_port]};
        if (Status status = out_.write(time_ns, outcome.out_frame); !status) return status;
      }
      if (!verdicts_.is_open()) continue;
      std::string line =
          verdict_line(*options_.snapshot, outcome.number, outcome.verdict, outcome.worker, sent);
      if (outcome.verdict.kind != Verdict::Kind::kMade) {
        lines_[outcome.number].own = std::move(line);
      } else if (outcome.number >= next_line_) {
        lines_[outcome.number].made.push_back(std::move(line));
      } else if (Status status = verdicts_.write(line); !status) {
        return status;
      }
    }
    while (!lines_.empty() && lines_.begin()->first == next_line_ &&
           !lines_.begin()->second.own.empty()) {
      const Lines& lines = lines_.begin()->second;
      Status status = verdicts_.write(lines.own);
      for (const std::string& made : lines.made) {
        if (status) status = verdicts_.write(made);
      }
      if (!status) return status;
      lines_.erase(lines_.begin());
      ++next_line_;
    }
    return Done{};
  }

 private:
  // Of one packet: its own verdict's, and those of packets that the gateway made when it was the
  // last one to have come.
  struct Lines {
    std::string own;
    std::vector<std::string> made;
  };

  const ReplayOptions& options_;
  PcapWriter& out_;
  LinesFile& verdicts_;
  uint64_t out_count_ = 0;
  uint64_t next_line_ = 0;
  std::map<uint64_t, Lines> lines_;
};

Status run(const ReplayOptions& options, MergedCapture& capture, ReplayEngine& engine,
           PcapWriter& out, LinesFile& verdicts) {
  Output output(options, out, verdicts);
  uint64_t now_ns = 0;
  uint64_t last_ns = 0;  // as it stands in the capture
  for (uint64_t number = 0;; ++number) {
    const auto next = capture.next();
    if (!next) return Error{next.error()};
    if (!*next) return output.write(engine.finish(), last_ns);
    const auto [packet, port] = **next;
    last_ns = packet->time_ns;
    now_ns = std::max(now_ns, packet->time_ns);
    const auto outcomes = engine.process(packet->bytes, port, now_ns, number);
    if (Status status = output.write(outcomes, packet->time_ns); !status) return status;
  }
}

Result<std::unique_ptr<ReplayEngine>> make_engine(const ReplayOptions& options,
                                                  const HashSecret& secret,
                                                  const FlowOwners& owners) {
  try {
    return std::make_unique<ReplayEngine>(
        *options.snapshot, WorkerMemoryOptions{.workers = options.workers,
                                               .sizes = options.sizes,
                                               .snat = options.snapshot->snat_addresses,
                                               .secret = secret,
                                               .owners = &owners});
  } catch (const std::bad_alloc&) {
    return Error{"not enough memory for the flow tables of " + std::to_string(options.workers) +
                 " workers; lower limits.flows_per_worker"};
  }
}

}  // namespace

Status replay(const ReplayOptions& options) {
  if (Status status = check(options); !status) return status;
  MergedCapture capture;
  if (Status status = capture.open(options.inputs); !status) return status;
  const Secrets secrets = replay_secrets(options.seed);
  const FlowOwners owners(secrets.owner, options.workers);
  const auto engine = make_engine(options, secrets.flows, owners);
  if (!engine) return Error{engine.error()};
  auto out = PcapWriter::create(options.out_path, capture.resolution());
  if (!out) return Error{out.error()};
  LinesFile verdicts;
  if (Status status = verdicts.create(options.verdicts_path); !status) return status;
  LinesFile counters;
  if (Status status = counters.create(options.counters_path); !status) return status;

  Status result = run(options, capture, **engine, *out, verdicts);
  if (result && counters.is_open()) result = counters.write(counters_line((*engine)->counters()));
  for (const Status& closed : {out->close(), verdicts.close(), counters.close()}) {
    if (result) result = closed;
  }
  return result;
}

}  // namespace vipgate
