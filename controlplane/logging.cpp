#include "controlplane/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/json_text.h"
#include "controlplane/log_line.h"

namespace vipgate {
namespace {

// {"time":"2024-05-01T12:00:00.123456Z","level":"info","message":"…"}, and members for an event's
// fields.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    append(out, "{\"time\":\"");
    time_.format(message, out);
    append(out, "\",\"level\":\"");
    const auto level = spdlog::level::to_string_view(message.level);
    append(out, {level.data(), level.size()});
    append(out, "\",\"message\":");
    const PackedLine line({message.payload.data(), message.payload.size()});
    append(out, json_quote(line.sentence));
    append(out, line.fields_as_json());
    append(out, "}\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  static void append(spdlog::memory_buf_t& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
  }

  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%fZ", spdlog::pattern_time_type::utc, ""};
};

// The text of a line: of an event, with its fields behind the sentence.
class LineText : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const PackedLine line({message.payload.data(), message.payload.size()});
    out.append(line.sentence.data(), line.sentence.data() + line.sentence.size());
    if (line.fields.empty()) return;
    const std::string fields = " " + line.fields_as_text();
    out.append(fields.data(), fields.data() + fields.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<LineText>();
  }
};

// What journald takes a line's priority from (sd-daemon(3)).
class JournalPriority : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view text = priority(message.level);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }

 private:
  static std::string_view priority(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::critical:
        return SD_CRIT;
      case spdlog::level::err:
        return SD_ERR;
      case spdlog::level::warn:
        return SD_WARNING;
      case spdlog::level::info:
        return SD_INFO;
      default:
        return SD_DEBUG;
    }
  }
};

// Whether what is written to standard error goes to the journal (systemd.exec(5), $JOURNAL_STREAM).
bool is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
         stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void set_up_logging(const LogConfig& config) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (config.format == LogFormat::kJson) {
    sink->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<JournalPriority>('*').add_flag<LineText>('&');
    // The journal has the time.
    formatter->set_pattern(is_journal() ? "%*%&" : "%Y-%m-%d %H:%M:%S.%e %l %&");
    sink->set_formatter(std::move(formatter));
  }
  auto logger = std::make_shared<spdlog::logger>("vipgated", std::move(sink));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  set_log_level(config.level);
}

void set_log_level(LogLevel level) { spdlog::set_level(level_of(level)); }

}  // namespace vipgate
