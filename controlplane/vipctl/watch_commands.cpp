#include "controlplane/vipctl/watch_commands.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>

#include "controlplane/exit_status.h"
#include "controlplane/vipctl/interruptible.h"
#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/pcapng_stream.h"
#include "controlplane/vipctl/watch_views.h"

namespace vipgate {
namespace {

// How much longer than the watch the gateway may be silent.
constexpr uint64_t kSlackS = 15;

// How a stream ended, as an exit status; `what` was to be followed.
int stream_status(const StreamEnd& end, const std::string& what) {
  if (!end.problem.empty()) return fail(kExitFailure, what + ": " + end.problem);
  if (end.is_interrupted) return kExitOk;
  if (!end.reply) return fail(kExitUnreachable, end.reply.error());
  if (end.reply->status != 200) return fail(kExitFailure, what + ": " + problem_text(*end.reply));
  if (!end.reply->is_whole) {
    return fail(kExitUnreachable, what + ": the gateway has gone before the end");
  }
  return kExitOk;
}

// Lines of JSON, cut from pieces.
class TraceLines {
 public:
  explicit TraceLines(bool is_json) : is_json_(is_json) {}

  // What went wrong; empty: nothing.
  std::string take(std::string_view octets) {
    rest_.append(octets);
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (std::string problem = show(rest_.substr(begin, end - begin)); !problem.empty()) {
        return problem;
      }
    }
    rest_.erase(0, begin);
    return {};
  }
  // For the summary: packets that were told, and what the gateway said at the end.
  [[nodiscard]] std::string summary() const {
    std::string text = std::to_string(packets_) + " packets";
    if (!lost_) return text + ", ended before the gateway told what was lost";
    return text + ", " + std::to_string(*lost_) + " lost for want of room" +
           (error_.empty() ? "" : ", " + error_);
  }

 private:
  std::string show(const std::string& line) {
    const auto parsed = parse_object(line);
    if (!parsed) return parsed.error();
    const bool is_end = parsed->has_field("watch");
    if (is_end) {
      lost_ = number_of(*parsed, "lost");
      error_ = string_of(*parsed, "error");
    } else if (++packets_ == 1 && !is_json_ && print(trace_heading()) != kExitOk) {
      return "standard output is closed";
    }
    if (is_end && !is_json_) return {};
    const int printed = print(is_json_ ? line + "\n" : trace_line(*parsed));
    return printed == kExitOk ? "" : "standard output is closed";
  }

  const bool is_json_;
  std::string rest_;
  uint64_t packets_ = 0;
  std::optional<uint64_t> lost_;
  std::string error_;
};

// A capture's file, which is not touched before the gateway sends what belongs there.
class CaptureFile {
 public:
  explicit CaptureFile(std::string path) : path_(std::move(path)) {}

  std::string take(std::string_view octets) {
    const auto blocks = stream_.take(octets);
    if (!blocks) return blocks.error();
    if (blocks->empty()) return {};
    if (file_ == nullptr) {
      file_.reset(path_ == "-" ? stdout : std::fopen(path_.c_str(), "wbe"));
      if (file_ == nullptr) return system_error(path_ + ": cannot create").message;
    }
    const bool is_written = std::fwrite(blocks->data(), blocks->size(), 1, file_.get()) == 1;
    if (is_written && std::fflush(file_.get()) == 0) return {};
    return system_error(path_ + ": cannot write").message;
  }
  [[nodiscard]] std::string summary() const {
    std::string text = std::to_string(stream_.frames()) + " frames";
    if (!stream_.lost()) return text + ", ended before the gateway told what was lost";
    return text + ", " + std::to_string(*stream_.lost()) + " lost for want of room";
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);  // all of it is flushed
    }
  };
  const std::string path_;
  PcapngStream stream_;
  std::unique_ptr<std::FILE, Close> file_;
};

template <class Taker>
int follow_watch(ApiClient& api, const std::string& path, const std::string& what, Taker& taker) {
  const StreamEnd end = stream_until_signal(
      api, path, [&taker](std::string_view octets) { return taker.take(octets); });
  const bool is_begun = end.reply && end.reply->status == 200;
  if (is_begun || end.is_interrupted) {
    std::fprintf(stderr, "%s: %s\n", what.c_str(), taker.summary().c_str());
  }
  return stream_status(end, what);
}

}  // namespace

WatchCommands::WatchCommands(CLI::App& app)
    : explain_(app.add_subcommand("explain", "where a packet would go now, and why")),
      trace_(app.add_subcommand("trace", "what becomes of packets that pass, a line each")),
      capture_(app.add_subcommand("capture", "packets as they come, leave and are dropped")) {
  explain_->add_option("PROTOCOL", protocol_, "tcp, udp or sctp")->required();
  explain_->add_option("SOURCE", source_, "ADDRESS:PORT or [ADDRESS]:PORT")->required();
  explain_->add_option("DESTINATION", destination_, "the same")->required();
  explain_->add_option("--port", port_, "by which it comes in; the first without this");
  add_filters(*trace_);
  add_filters(*capture_);
  capture_->add_option("-w,-W,--write", file_, "the file to write (pcapng); -: standard output")
      ->required();
  capture_->add_option("--snaplen", snaplen_, "octets of each packet")->capture_default_str();
}

void WatchCommands::add_filters(CLI::App& command) {
  command.add_option("--packets", packets_, "ends after so many")->capture_default_str();
  command.add_option("--seconds", seconds_, "ends after this time")->capture_default_str();
  command.add_option("--source", source_, "an address, a prefix, ADDRESS:PORT; answers match, too");
  command.add_option("--destination", destination_, "the same");
  command.add_option("--protocol", protocol_, "tcp, udp, sctp, icmp or icmpv6");
  command.add_option("--port", port_, "by which they come in or leave");
  command.add_option("--worker", worker_, "that receives or sends them");
}

void WatchCommands::prepare(ApiClientOptions& options) const {
  if (!trace_->parsed() && !capture_->parsed()) return;
  block_interrupts();
  options.timeout = std::chrono::seconds(seconds_ + kSlackS);
}

std::optional<int> WatchCommands::run(ApiClient& api, bool is_json) const {
  if (explain_->parsed()) return explain(api, is_json);
  if (trace_->parsed()) return trace(api, is_json);
  if (capture_->parsed()) return capture(api);
  return std::nullopt;
}

std::string WatchCommands::path_of(const std::string& name) const {
  std::string query;
  const auto add = [&query](const char* key, const std::string& value) {
    if (!value.empty())
      query += (query.empty() ? "?" : "&") + std::string(key) + "=" + url_text(value);
  };
  add("protocol", protocol_);
  add("source", source_);
  add("destination", destination_);
  add("port", port_);
  if (name == "explain") return "/api/v1/explain" + query;
  add("worker", worker_);
  add("packets", std::to_string(packets_));
  add("seconds", std::to_string(seconds_));
  if (name == "capture") add("snaplen", std::to_string(snaplen_));
  return "/api/v1/" + name + query;
}

int WatchCommands::explain(ApiClient& api, bool is_json) const {
  const auto reply = api.ask({.path = path_of("explain")});
  if (!reply) return fail(kExitUnreachable, reply.error());
  if (reply->status != 200) return fail(kExitFailure, "explain: " + problem_text(*reply));
  const auto answer = parse_object(reply->body);
  if (!answer) return fail(kExitFailure, "explain: " + answer.error());
  return print(is_json ? answer->serialize() + "\n" : explain_view(*answer));
}

int WatchCommands::trace(ApiClient& api, bool is_json) const {
  TraceLines lines(is_json);
  return follow_watch(api, path_of("trace"), "trace", lines);
}

int WatchCommands::capture(ApiClient& api) const {
  if (file_ == "-" && isatty(STDOUT_FILENO) != 0) {
    return fail(
        kExitBadConfiguration,
        "capture: a terminal cannot show it: write -w FILE, or send it on: -w - | tshark -r -");
  }
  CaptureFile file(file_);
  return follow_watch(api, path_of("capture"), "capture", file);
}

}  // namespace vipgate
