#include "controlplane/vipctl/top_view.h"

#include <cmath>
#include <cstdio>

#include "controlplane/vipctl/json_members.h"
#include "controlplane/vipctl/text_table.h"

namespace vipgate {
namespace {

std::string ratio_text(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", 100 * ratio);
  return text;
}

// "42 s", "12 min", "3 h 05 min", "4 d 3 h"
std::string duration_text(double seconds) {
  const auto all = static_cast<unsigned long long>(seconds);
  constexpr unsigned long long kMinute = 60, kHour = 3'600, kDay = 86'400;
  char text[64];
  if (all < kMinute) {
    std::snprintf(text, sizeof text, "%llu s", all);
  } else if (all < kHour) {
    std::snprintf(text, sizeof text, "%llu min", all / kMinute);
  } else if (all < kDay) {
    std::snprintf(text, sizeof text, "%llu h %02llu min", all / kHour, all % kHour / kMinute);
  } else {
    std::snprintf(text, sizeof text, "%llu d %llu h", all / kDay, all % kDay / kHour);
  }
  return text;
}

constexpr double kNearlyAllBusy = 0.95;
constexpr double kJustRestartedS = 60;

std::string wrong_now(const TopFigures& figures, const TopSample& now, const ViewStyle& style) {
  std::string text;
  const auto say = [&](const std::string& what, const std::string& command, Tone tone) {
    text += painted("! " + what, tone, style) + "\n    " + command + "\n";
  };
  if (figures.is_restarted || figures.up_s < kJustRestartedS) {
    say("the gateway started " + duration_text(figures.up_s) + " ago",
        "journalctl -u vipgated -n 50", Tone::kWarning);
  }
  text += wrong_text(now.status, style);
  for (const WorkerRates& worker : figures.workers) {
    if (worker.busy_ratio < kNearlyAllBusy) continue;
    say("worker " + std::to_string(worker.worker) + " (CPU " + std::to_string(worker.cpu) +
            ") is busy " + ratio_text(worker.busy_ratio) +
            " of the time: give workers.cpus more of them",
        "vipctl workers -o wide", Tone::kBad);
  }
  for (const NamedRate& loss : figures.losses) {
    say("port " + printable(loss.name) + ": " + short_number(loss.per_s) +
            " packets a second are lost before a worker has them",
        "vipctl ports; vipctl doctor", Tone::kBad);
  }
  return text;
}

// How many octets the character, or sequence, at `at` has; `takes_room`: whether it is shown.
size_t unit_length(const std::string& text, size_t at, bool& takes_room) {
  takes_room = text[at] != '\x1b';
  size_t end = at + 1;
  if (!takes_room) {
    while (end < text.size() && text[end] != 'm' && text[end] != '\n') ++end;
    return std::min(end + 1, text.size()) - at;
  }
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end - at;
}

}  // namespace

std::string short_number(double number) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T"};
  constexpr double kNextUnit = 999.5;
  size_t unit = 0;
  while (number >= kNextUnit && unit + 1 < std::size(kUnits)) {
    number /= 1000;
    ++unit;
  }
  char text[32];
  const int decimals = number >= 99.95 || (unit == 0 && number == std::floor(number)) ? 0
                       : number >= 9.995                                              ? 1
                                                                                      : 2;
  std::snprintf(text, sizeof text, "%.*f%s", decimals, number, kUnits[unit]);
  return text;
}

std::string top_view(const TopFigures& figures, const TopSample& now, const std::string& url,
                     const ViewStyle& style) {
  std::string text = wrong_now(figures, now, style);
  text += url + ": " +
          (now.status.is_ready ? painted("ready", Tone::kGood, style)
                               : painted("not ready", Tone::kBad, style)) +
          ", snapshot " + string_of(now.status.snapshot, "version") + ", up " +
          duration_text(figures.up_s) + "\n";
  if (figures.is_restarted) return text + "rates follow with the next look\n";
  text += "in " + short_number(figures.rx_s) + "/s   out " + short_number(figures.tx_s) +
          "/s   dropped " + short_number(figures.dropped_s) + "/s   new flows " +
          short_number(figures.flows_s) + "/s   DNS " + short_number(figures.dns_s) + "/s\n\n";
  TextTable workers;
  workers.add_head({"WORKER", "CPU", "PACKETS/s", "CYCLES/PACKET", "BUSY", "ASLEEP"});
  for (const WorkerRates& worker : figures.workers) {
    workers.add({std::to_string(worker.worker), std::to_string(worker.cpu),
                 short_number(worker.packets_s), short_number(worker.cycles_per_packet),
                 TextCell(ratio_text(worker.busy_ratio),
                          worker.busy_ratio < kNearlyAllBusy ? Tone::kPlain : Tone::kBad),
                 ratio_text(worker.asleep_ratio)});
  }
  text += workers.text(style);
  if (figures.drops.empty()) return text;
  TextTable drops;
  drops.add_head({"DROPPED BECAUSE", "PACKETS/s", "SINCE THE START"});
  for (const NamedRate& drop : figures.drops) {
    drops.add({TextCell(printable(drop.name), drop.per_s > 0 ? Tone::kWarning : Tone::kPlain),
               short_number(drop.per_s), std::to_string(drop.total)});
  }
  return text + "\n" + drops.text(style);
}

std::string silent_view(const std::string& why, double seconds, const ViewStyle& style) {
  return painted("! for " + duration_text(seconds) + ": " + printable_lines(why), Tone::kBad,
                 style) +
         "\n    systemctl status vipgated; journalctl -u vipgated -n 50\n";
}

std::string fitted(const std::string& text, size_t columns, size_t rows) {
  std::string cut;
  size_t line = 0, column = 0;
  bool has_sequence = false;  // on this line
  for (size_t at = 0; at < text.size() && line < rows;) {
    if (text[at] == '\n') {
      cut += (has_sequence ? "\x1b[0m\n" : "\n");
      has_sequence = false;
      ++line;
      column = 0;
      ++at;
      continue;
    }
    bool takes_room = true;
    const size_t length = unit_length(text, at, takes_room);
    if (!takes_room || column < columns) cut.append(text, at, length);
    column += takes_room ? 1 : 0;
    has_sequence |= !takes_room;
    at += length;
  }
  return cut;
}

}  // namespace vipgate
