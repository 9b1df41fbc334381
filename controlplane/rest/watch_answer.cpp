#include "controlplane/rest/watch_answer.h"

#include "common/json_text.h"
#include "controlplane/event_log.h"

namespace vipgate {
namespace {

// What is kept of the pieces that come before the answer's beginning is sent.
constexpr size_t kMostEarly = 1u << 19;

// The last line of a trace.
std::string ended_line(const WatchStatus& status, const std::string& error) {
  return "{\"watch\":\"ended\",\"packets\":" + std::to_string(status.packets) +
         ",\"lost\":" + std::to_string(status.lost) +
         (error.empty() ? "" : ",\"error\":" + json_quote(error)) + "}\n";
}

}  // namespace

void WatchAnswer::begin() {
  ApiResponse response{.content_type = options_.content_type};
  // Whether the answer is never sent or its connection ends: nobody holds this any more.
  auto held = std::shared_ptr<void>(this, [self = shared_from_this()](void*) { self->let_go(); });
  response.stream = [self = shared_from_this(), held](std::shared_ptr<ApiSink> sink) {
    self->attach(std::move(sink));
    return held;
  };
  std::exchange(respond_, {})(std::move(response));
}

bool WatchAnswer::offer(const std::string& piece) {
  const std::lock_guard lock(mutex_);
  if (sink_ != nullptr) return sink_->offer(piece);
  if (early_.size() + piece.size() > kMostEarly) return false;
  early_ += piece;
  return true;
}

void WatchAnswer::write(const std::string& piece) {
  const std::lock_guard lock(mutex_);
  if (sink_ != nullptr) {
    sink_->write(piece);
  } else {
    early_ += piece;
  }
}

void WatchAnswer::attach(std::shared_ptr<ApiSink> sink) {
  const std::lock_guard lock(mutex_);
  sink_ = std::move(sink);
  sink_->write(early_);
  early_ = {};
  if (has_ended_) sink_->finish();
}

void WatchAnswer::end(const WatchStatus& status, const std::string& error) {
  const char* const what = options_.is_trace ? "trace" : "capture";
  log_event(spdlog::level::info, "audit",
            {{"who", options_.who},
             {"action", what},
             {"state", "ended"},
             {"packets", status.packets},
             {"lost", status.lost}},
            "audit: {}: {} ended: {} packets, {} lost{}", options_.who, what, status.packets,
            status.lost, error.empty() ? "" : ": " + error);
  // Before the client knows, so that it may ask for the next one at once.
  let_go();
  if (options_.is_trace) write(ended_line(status, error));
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  if (sink_ != nullptr) sink_->finish();
}

void WatchAnswer::let_go() {
  feed_.post([self = shared_from_this()](RestFeed&) { self->keeper_.end(*self); });
}

}  // namespace vipgate
