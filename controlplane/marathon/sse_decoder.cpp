#include "controlplane/marathon/sse_decoder.h"

#include <utility>

namespace vipgate {

Result<std::optional<std::string>> SseDecoder::next() {
  while (true) {
    const size_t end = pending_.find('\n', position_);
    if (end == std::string::npos) break;
    std::string_view line(pending_.data() + position_, end - position_);
    position_ = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      if (!std::exchange(has_data_, false)) continue;
      return std::optional<std::string>(std::exchange(data_, {}));
    }
    if (!line.starts_with("data")) continue;
    line.remove_prefix(4);
    if (!line.empty() && line[0] != ':') continue;  // another field whose name begins so
    if (!line.empty()) line.remove_prefix(1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += line;
    if (data_.size() > max_event_) break;
  }
  pending_.erase(0, position_);
  position_ = 0;
  if (pending_.size() > max_event_ || data_.size() > max_event_) {
    return Error{"the event stream has an event of more than " + std::to_string(max_event_) +
                 " bytes"};
  }
  return std::optional<std::string>();
}

}  // namespace vipgate
