// Rows of cells as text, for people.
#pragma once

#include <string>
#include <vector>

#include "controlplane/vipctl/view_style.h"

namespace vipgate {

struct TextCell {
  TextCell(std::string text_in, Tone tone_in = Tone::kPlain)  // NOLINT(google-explicit-constructor)
      : text(std::move(text_in)), tone(tone_in) {}
  TextCell(const char* text_in)  // NOLINT(google-explicit-constructor)
      : text(text_in) {}

  std::string text;
  Tone tone = Tone::kPlain;
};

// In the colour of what it tells.
inline TextCell state_cell(const std::string& state) { return {state, tone_of_state(state)}; }

// Each column as wide as its widest cell, two spaces apart; the last one as it is.
class TextTable {
 public:
  void add(std::vector<TextCell> row) { rows_.push_back(std::move(row)); }
  // The names of the columns.
  void add_head(std::vector<TextCell> row);
  std::string text(const ViewStyle& style = {}) const;

 private:
  std::vector<std::vector<TextCell>> rows_;
};

}  // namespace vipgate
