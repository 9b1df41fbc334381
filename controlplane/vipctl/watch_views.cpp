#include "controlplane/vipctl/watch_views.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <initializer_list>

#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

// Lines come one by one: the columns are as wide as what they usually have.
struct TraceCell {
  std::string text;
  size_t width;
};

std::string trace_row(std::initializer_list<TraceCell> cells) {
  std::string row;
  for (const TraceCell& cell : cells) {
    row += cell.text + std::string(std::max(cell.width, cell.text.size()) - cell.text.size(), ' ') +
           "  ";
  }
  row.erase(row.find_last_not_of(' ') + 1);
  return row + "\n";
}

constexpr size_t kTimeWidth = 15, kPortWidth = 8, kFrameWidth = 42, kVerdictWidth = 18;

std::string trace_time(uint64_t time_ns) {
  constexpr uint64_t kSecondNs = 1'000'000'000;
  const auto seconds = static_cast<time_t>(time_ns / kSecondNs);
  tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%06u", local.tm_hour, local.tm_min, local.tm_sec,
                static_cast<unsigned>(time_ns % kSecondNs / 1000));
  return text;
}

// The stage by which a packet comes, or leaves; null: there is none.
const value* stage_of(const value& packet, const std::initializer_list<const char*> names) {
  for (const value& stage : array_of(packet, "stages")) {
    for (const char* name : names) {
      if (string_of(stage, "stage") == name) return &stage;
    }
  }
  return nullptr;
}

std::string microseconds(uint64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f us", static_cast<double>(ns) / 1000);
  return text;
}

}  // namespace

std::string explain_view(const value& answer) {
  constexpr size_t kWordWidth = 8;
  std::string text;
  for (const value& line : array_of(answer, "lines")) {
    std::string word = string_of(line, "word");
    word.resize(std::max(word.size(), kWordWidth), ' ');
    text += word + " " + string_of(line, "text") + "\n";
  }
  return text;
}

std::string trace_heading() {
  return trace_row({{"TIME", kTimeWidth},
                    {"PORT", kPortWidth},
                    {"PACKET", kFrameWidth},
                    {"VERDICT", kVerdictWidth},
                    {"SERVICE, REAL, WHAT LEFT", 0}});
}

std::string trace_line(const value& packet) {
  static const value kNone = value::object();
  const value* const came = stage_of(packet, {"received", "from_kernel"});
  const value* const left = stage_of(packet, {"sent"});
  const value& first = came != nullptr ? *came : left != nullptr ? *left : kNone;
  std::string verdict = string_of(packet, "verdict");
  if (const std::string reason = string_of(packet, "reason"); !reason.empty()) {
    verdict += ": " + reason;
  }
  std::string rest = string_of(packet, "service");
  if (const std::string real = string_of(packet, "real"); !real.empty()) rest += " " + real;
  if (left != nullptr && left != &first) {
    rest += (rest.empty() ? "" : ", ") + string_of(*left, "frame") + ", by " +
            string_of(*left, "port") + ", " + microseconds(number_of(*left, "after_ns"));
  }
  return trace_row({{trace_time(number_of(packet, "time_ns")), kTimeWidth},
                    {string_of(first, "port"), kPortWidth},
                    {string_of(first, "frame"), kFrameWidth},
                    {verdict, kVerdictWidth},
                    {rest, 0}});
}

}  // namespace vipgate
