// How what vipctl shows is dressed: what a column more is, and what has a colour.
#pragma once

#include <string>
#include <string_view>

namespace vipgate {

struct ViewStyle {
  bool is_wide = false;     // -o wide: more columns
  bool has_colors = false;  // only where a terminal shows it
};

// What text means to who reads it.
enum class Tone { kPlain, kHead, kGood, kWarning, kBad };

// `text` between the terminal's sequences for the tone (ECMA-48 SGR); as it is without colours.
std::string painted(std::string_view text, Tone tone, const ViewStyle& style);

// Of the states that the API tells of services, reals, links and sources.
Tone tone_of_state(std::string_view state);

// Whether colours go to standard output: `choice` is auto (a terminal that is not "dumb", and no
// $NO_COLOR: no-color.org), always or never.
bool wants_colors(std::string_view choice);

}  // namespace vipgate
