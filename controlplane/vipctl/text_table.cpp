#include "controlplane/vipctl/text_table.h"

#include <algorithm>

namespace vipgate {

void TextTable::add_head(std::vector<TextCell> row) {
  for (TextCell& cell : row) cell.tone = Tone::kHead;
  add(std::move(row));
}

std::string TextTable::text(const ViewStyle& style) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].text.size());
  }
  std::string text;
  for (const auto& row : rows_) {
    // Nothing stands behind the last cell that has something.
    size_t cells = row.size();
    while (cells > 0 && row[cells - 1].text.empty()) --cells;
    for (size_t i = 0; i < cells; ++i) {
      text += painted(row[i].text, row[i].tone, style);
      if (i + 1 < cells) text.append(widths[i] - row[i].text.size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace vipgate
