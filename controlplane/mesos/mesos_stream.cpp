#include "controlplane/mesos/mesos_stream.h"

#include <utility>

#include "controlplane/monotonic_clock.h"

namespace vipgate {

// What the decoder gives is parsed where it lies.
static_assert(RecordIoDecoder::kPadding >= PaddedJson::kPadding);

bool MesosStream::feed(std::string_view bytes) {
  const int64_t now_ns = monotonic_ns();
  counters_.bytes += bytes.size();
  decoder_.feed(bytes);
  while (true) {
    auto record = decoder_.next();
    if (!record) {
      error_ = record.error();
      ++(decoder_.is_oversize() ? counters_.oversize : counters_.garbage);
      return false;
    }
    if (!*record) {
      if (!subscribed_) read_ahead();
      return true;
    }
    if (!take(**record, now_ns)) return false;
  }
}

// The first record is the whole cluster: tens of megabytes that take their time to come, in which
// they can be read, and need not be kept.
void MesosStream::read_ahead() {
  const std::string_view begun = decoder_.begun();
  if (begun.empty()) return;
  if (!reader_) {
    reader_.emplace(parser_, ArrivingState::Form::kEvent, begun.size() + decoder_.missing());
  }
  decoder_.drop(reader_->take(PaddedJson{begun}));
}

bool MesosStream::take(std::string_view record, int64_t received_ns) {
  ++counters_.records;
  auto event =
      reader_ ? reader_->finish_event(PaddedJson{record}) : parser_.parse_event(PaddedJson{record});
  reader_.reset();
  if (!event) {
    // What it would have told is lost: only a new subscription tells it again.
    ++counters_.garbage;
    error_ = "a record of the event stream cannot be read: " + event.error();
    return false;
  }
  if (!subscribed_) {
    if (!std::holds_alternative<MesosSubscribed>(*event)) {
      ++counters_.garbage;
      error_ = "the event stream does not begin with SUBSCRIBED";
      return false;
    }
    subscribed_ = true;
  }
  return emit_(std::move(*event), received_ns);
}

}  // namespace vipgate
