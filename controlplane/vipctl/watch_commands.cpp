#include "controlplane/vipctl/watch_commands.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/vipctl/interruptible.h"
#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/pcapng_stream.h"
#include "controlplane/vipctl/url_query.h"
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
  explicit TraceLines(const ShowOptions& options) : options_(options) {}

  // What went wrong; empty: nothing.
  std::string take(std::string_view octets) {
    rest_.append(octets);
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (std::string problem = take_line(rest_.substr(begin, end - begin)); !problem.empty()) {
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
  std::string take_line(const std::string& line) {
    const auto parsed = parse_object(line);
    if (!parsed) return parsed.error();
    const bool is_for_people = options_.is_for_people();
    const bool is_end = parsed->has_field("watch");
    if (is_end) {
      lost_ = number_of(*parsed, "lost");
      error_ = string_of(*parsed, "error");
    } else if (++packets_ == 1 && is_for_people && print(trace_heading()) != kExitOk) {
      return "standard output is closed";
    }
    if (is_end && is_for_people) return {};
    if (options_.output == Output::kYaml && print("---\n") != kExitOk) {
      return "standard output is closed";
    }
    const std::string text = is_for_people ? trace_line(*parsed) : std::string();
    return show(*parsed, text, options_) == kExitOk ? "" : "standard output is closed";
  }

  const ShowOptions options_;
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

// What is to be explained or followed.
struct WatchWish {
  std::string protocol, source, destination, port, worker;
  uint64_t packets = 100;
  uint64_t seconds = 10;
  uint64_t snaplen = 256;
  std::string file;  // "-": standard output

  // The path and the query of /api/v1/explain, trace or capture.
  [[nodiscard]] std::string path(const std::string& name) const {
    UrlQuery query;
    query.add("protocol", protocol);
    query.add("source", source);
    query.add("destination", destination);
    query.add("port", port);
    if (name == "explain") return "/api/v1/explain" + query.text();
    query.add("worker", worker);
    query.add("packets", std::to_string(packets));
    query.add("seconds", std::to_string(seconds));
    if (name == "capture") query.add("snaplen", std::to_string(snaplen));
    return "/api/v1/" + name + query.text();
  }
};

template <class Taker>
int follow_watch(GatewaySession& session, const WatchWish& wish, const std::string& what,
                 Taker& taker) {
  const StreamEnd end =
      stream_until_signal(session.api(), wish.path(what),
                          [&taker](std::string_view octets) { return taker.take(octets); });
  const bool is_begun = end.reply && end.reply->status == 200;
  if (is_begun || end.is_interrupted) {
    std::fprintf(stderr, "%s: %s\n", what.c_str(), taker.summary().c_str());
  }
  return stream_status(end, what);
}

int run_trace(GatewaySession& session, const WatchWish& wish) {
  TraceLines lines(session.options());
  return follow_watch(session, wish, "trace", lines);
}

int run_capture(GatewaySession& session, const WatchWish& wish) {
  if (wish.file == "-" && isatty(STDOUT_FILENO) != 0) {
    return fail(
        kExitBadConfiguration,
        "capture: a terminal cannot show it: write -w FILE, or send it on: -w - | tshark -r -");
  }
  CaptureFile file(wish.file);
  return follow_watch(session, wish, "capture", file);
}

void add_packet_filters(CLI::App& command, WatchWish& wish) {
  command.add_option("--packets", wish.packets, "ends after so many")->capture_default_str();
  command.add_option("--seconds", wish.seconds, "ends after this time")->capture_default_str();
  command.add_option("--source", wish.source,
                     "an address, a prefix, ADDRESS:PORT; answers match, too");
  command.add_option("--destination", wish.destination, "the same");
  command.add_option("--protocol", wish.protocol, "tcp, udp, sctp, icmp or icmpv6");
  command.add_option("--port", wish.port, "by which they come in or leave");
  command.add_option("--worker", wish.worker, "that receives or sends them");
}

}  // namespace

void add_watch_commands(CommandSet& commands) {
  const auto wish = std::make_shared<WatchWish>();
  CLI::App* explain = commands.add("explain", "where a packet would go now, and why");
  explain->add_option("PROTOCOL", wish->protocol, "tcp, udp or sctp")->required();
  explain->add_option("SOURCE", wish->source, "ADDRESS:PORT or [ADDRESS]:PORT")->required();
  explain->add_option("DESTINATION", wish->destination, "the same")->required();
  explain->add_option("--port", wish->port, "by which it comes in; the first without this");
  commands.on(explain, [wish](GatewaySession& session) {
    return session.show_path(
        wish->path("explain"),
        [](const web::json::value& answer, const ViewStyle&) { return explain_view(answer); });
  });
  // Signals are to end a watch in order; the gateway may be silent as long as it lasts.
  const auto begin = [wish] {
    block_interrupts();
    return std::chrono::seconds(wish->seconds + kSlackS);
  };
  CLI::App* trace = commands.add("trace", "what becomes of packets that pass, a line each");
  add_packet_filters(*trace, *wish);
  commands.on(
      trace, [wish](GatewaySession& session) { return run_trace(session, *wish); }, begin);
  CLI::App* capture = commands.add("capture", "packets as they come, leave and are dropped");
  add_packet_filters(*capture, *wish);
  capture->add_option("-w,-W,--write", wish->file, "the file to write (pcapng); -: standard output")
      ->required();
  capture->add_option("--snaplen", wish->snaplen, "octets of each packet")->capture_default_str();
  commands.on(
      capture, [wish](GatewaySession& session) { return run_capture(session, *wish); }, begin);
}

}  // namespace vipgate
