#include "controlplane/vipctl/view_style.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

namespace vipgate {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string painted(std::string_view text, Tone tone, const ViewStyle& style) {
  if (!style.has_colors || tone == Tone::kPlain || text.empty()) return std::string(text);
  const char* on = "\x1b[1m";
  if (tone == Tone::kGood) on = "\x1b[32m";
  if (tone == Tone::kWarning) on = "\x1b[33m";
  if (tone == Tone::kBad) on = "\x1b[1;31m";
  return on + std::string(text) + "\x1b[0m";
}

Tone tone_of_state(std::string_view state) {
  if (is_one_of(state, {"up", "serving", "in_force", "followed", "drained"})) return Tone::kGood;
  if (is_one_of(state, {"draining", "leaving", "stale", "over", "near"})) return Tone::kWarning;
  if (is_one_of(state, {"down", "gone", "no_real", "refused", "withdrawn"})) return Tone::kBad;
  return Tone::kPlain;
}

bool wants_colors(std::string_view choice) {
  if (choice != "auto") return choice == "always";
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && !is_set("NO_COLOR") && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

}  // namespace vipgate
