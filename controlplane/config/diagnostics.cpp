#include "controlplane/config/diagnostics.h"

#include <algorithm>
#include <tuple>

namespace vipgate {

void Diagnostics::error(SourcePosition position, std::string message) {
  if (!full()) errors_.push_back({position, std::move(message)});
}

std::string Diagnostics::text() const {
  std::vector<Entry> sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.position.line, a.position.column) <
           std::tie(b.position.line, b.position.column);
  });
  std::string out;
  for (size_t i = 0; i < sorted.size() && i < kMaxShown; ++i) {
    const Entry& entry = sorted[i];
    if (i > 0) out += '\n';
    out += file_;
    if (entry.position.line > 0) {
      out +=
          ':' + std::to_string(entry.position.line) + ':' + std::to_string(entry.position.column);
    }
    out += ": " + entry.message;
  }
  if (sorted.size() > kMaxShown) {
    out += '\n' + file_ + ": and " + std::to_string(sorted.size() - kMaxShown) +
           (full() ? " or more" : "") + " further errors";
  }
  return out;
}

}  // namespace vipgate
