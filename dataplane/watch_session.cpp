#include "dataplane/watch_session.h"

#include <poll.h>
#include <rte_cycles.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "common/system_error.h"
#include "common/unix_clock.h"
#include "dataplane/replay_verdict.h"
#include "dataplane/side_thread.h"

namespace vipgate {
namespace {

// Records that one worker may be ahead of the files.
constexpr uint32_t kRecords = 2048;
// How long after its last stage a packet's way is taken as told by all workers.
constexpr uint64_t kSettleNs = 20'000'000;
// How long to wait, after the last packet was chosen, for what becomes of all: a fragment is held
// for a second.
constexpr uint64_t kLastWaitNs = 1'500'000'000;
constexpr int kSettleMs = 20;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

rte_ring* make_watch_ring() {
  const ssize_t bytes = rte_ring_get_memsize(kRecords * 2);
  void* memory = std::aligned_alloc(RTE_CACHE_LINE_SIZE, static_cast<size_t>(bytes));
  if (memory == nullptr) throw std::bad_alloc();
  auto* ring = static_cast<rte_ring*>(memory);
  // It fails only for a size that is no power of two.
  rte_ring_init(ring, "watch", kRecords * 2, RING_F_SP_ENQ | RING_F_SC_DEQ);
  return ring;
}

PcapngDirection direction(WatchStage stage) {
  switch (stage) {
    case WatchStage::kReceived:
      return PcapngDirection::kInbound;
    case WatchStage::kSent:
    case WatchStage::kFromKernel:
      return PcapngDirection::kOutbound;
    default:
      return PcapngDirection::kUnknown;
  }
}

std::string comment(const WatchRecord& record, const Snapshot* snapshot) {
  std::string text =
      "packet " + std::to_string(record.number) + ", worker " + std::to_string(record.worker);
  if (record.stage == WatchStage::kReceived) return text;
  if (record.stage == WatchStage::kFromKernel) return text + ", from the kernel";
  text += ", " + verdict_text(record.verdict);
  if (snapshot == nullptr) return text;
  const Verdict known = known_part(record.verdict, *snapshot);
  if (known.service != kNone) text += ", service " + snapshot->service_info(known.service).name;
  if (const RealEntry* real = snapshot->real(known.real)) text += ", real " + real_text(*real);
  return text;
}

}  // namespace

WatchSession::WatchSession(const WatchSessionOptions& options)
    : options_(options), watch_(options.id, options.watch), ended_(options.watch.packets) {}

Result<std::unique_ptr<WatchSession>> WatchSession::start(const WatchSessionOptions& options) {
  try {
    std::unique_ptr<WatchSession> session(new WatchSession(options));
    if (auto status = session->prepare(); !status) return Error{status.error()};
    session->thread_ =
        start_side_thread("vg-watch", options.cpus, [raw = session.get()] { raw->run(); });
    return session;
  } catch (const std::bad_alloc&) {
    return Error{"not enough memory to watch packets: lower watch.snaplen_bytes"};
  }
}

Status WatchSession::prepare() {
  const size_t bytes = (sizeof(WatchRecord) + options_.watch.snaplen_bytes + 63) / 64 * 64;
  for (size_t i = 0; i < options_.slots.size(); ++i) {
    Lane lane;
    lane.records.reset(new std::byte[bytes * kRecords]);
    lane.free.reset(make_watch_ring());
    lane.full.reset(make_watch_ring());
    for (uint32_t k = 0; k < kRecords; ++k) {
      rte_ring_sp_enqueue(lane.free.get(), new (lane.records.get() + k * bytes) WatchRecord);
    }
    watch_.lanes[i].free = lane.free.get();
    watch_.lanes[i].full = lane.full.get();
    lanes_.push_back(std::move(lane));
  }
  if (auto status = open_files(); !status) return status;
  start_ticks_ = rte_rdtsc();
  start_ns_ = static_cast<uint64_t>(unix_ns());
  return Done{};
}

Status WatchSession::open_files() {
  const WatchOptions& watch = options_.watch;
  if (!watch.capture.empty()) {
    auto file = WatchSink::to_file(watch.capture);
    if (!file) return Error{file.error()};
    auto made = PcapngWriter::create(std::move(*file), options_.port_names, watch.snaplen_bytes);
    if (!made) return Error{made.error()};
    capture_ = std::move(*made);
  }
  if (!watch.trace.empty()) {
    auto file = WatchSink::to_file(watch.trace);
    if (!file) return Error{file.error()};
    trace_.emplace(std::move(*file), options_.port_names);
  }
  return Done{};
}

// When all workers follow: who reads it may know by the first octets.
Status WatchSession::open_output() {
  const WatchOptions& watch = options_.watch;
  if (watch.stream == WatchOptions::Stream::kNone) return Done{};
  watch.output->begin();
  auto sink = WatchSink::to_output(*watch.output, no_room_);
  if (watch.stream == WatchOptions::Stream::kTrace) {
    trace_.emplace(std::move(sink), options_.port_names);
    return Done{};
  }
  auto made = PcapngWriter::create(std::move(sink), options_.port_names, watch.snaplen_bytes);
  if (!made) return Error{made.error()};
  capture_ = std::move(*made);
  return Done{};
}

WatchSession::~WatchSession() {
  stop_.store(true, std::memory_order_relaxed);
  if (!thread_.joinable()) return;
  options_.waker->signal();
  thread_.join();
}

WatchStatus WatchSession::status() const {
  return {.is_running = !done_.load(std::memory_order_acquire),
          .is_watching = watch_.is_active.load(std::memory_order_relaxed),
          .packets = std::min(watch_.taken.load(std::memory_order_relaxed), watch_.limit),
          .records = records_.load(std::memory_order_relaxed),
          .lost = lost()};
}

uint64_t WatchSession::lost() const {
  uint64_t sum = no_room_.load(std::memory_order_relaxed);
  for (const Watch::Lane& lane : watch_.lanes) sum += lane.lost.value();
  return sum;
}

uint64_t WatchSession::wall_ns(uint64_t ticks) const {
  const auto passed = static_cast<double>(ticks - start_ticks_);
  const auto per_second = static_cast<double>(options_.ticks_per_second);
  return start_ns_ + static_cast<uint64_t>(passed * 1e9 / per_second);
}

// Until a worker has news, or for so long; -1: for ever.
void WatchSession::wait(int timeout_ms) {
  pollfd event{options_.event_fd, POLLIN, 0};
  ::poll(&event, 1, timeout_ms);
  options_.waker->announce_awake();
  uint64_t count = 0;
  // It may have been the time that ended the wait: then there is nothing to read.
  [[maybe_unused]] const ssize_t length = ::read(options_.event_fd, &count, sizeof count);
}

void WatchSession::bring(Watch* watch) {
  for (WatchSlot* slot : options_.slots) slot->arm(watch);
  const auto is_used = [&](const WatchSlot* slot) { return slot->used() == watch; };
  while (true) {
    options_.waker->announce_sleep();
    if (std::all_of(options_.slots.begin(), options_.slots.end(), is_used)) break;
    wait(-1);
  }
  options_.waker->announce_awake();
}

void WatchSession::run() {
  bring(&watch_);
  watch_.is_active.store(true, std::memory_order_relaxed);
  check(open_output());
  follow();
  watch_.is_active.store(false, std::memory_order_relaxed);
  bring(nullptr);
  finish();
  done_.store(true, std::memory_order_release);
  if (options_.watch.output) options_.watch.output->end(status(), error_);
}

void WatchSession::follow() {
  const uint64_t start = wall_ns(rte_rdtsc());
  const uint64_t seconds = options_.watch.seconds;
  // Once the last packet is chosen, it is soon enough.
  uint64_t end = seconds == 0 ? UINT64_MAX : start + seconds * kNsPerSecond;
  uint64_t settle = start;
  bool is_full = false;
  while (!stop_.load(std::memory_order_relaxed) && error_.empty()) {
    options_.waker->announce_sleep();
    const bool any = drain();
    const uint64_t now = wall_ns(rte_rdtsc());
    if (trace_ && (!any || now >= settle)) {
      check(trace_->write_settled(now - kSettleNs));
      settle = now + kSettleNs;
    }
    if (!is_full && watch_.taken.load(std::memory_order_relaxed) >= watch_.limit) {
      is_full = true;
      end = std::min(end, now + kLastWaitNs);
    }
    if (now > end || (!any && is_full && ended_count_ == watch_.limit)) break;
    if (any) {
      options_.waker->announce_awake();
      continue;
    }
    if (stop_.load(std::memory_order_relaxed)) break;
    // What has ended is to be written soon; and the last ones' ends have a limit.
    const bool has_more = trace_ && !trace_->is_empty();
    if (has_more || is_full) {
      wait(kSettleMs);
    } else {
      wait(end == UINT64_MAX ? -1 : static_cast<int>((end - now) / 1'000'000 + 1));
    }
  }
  options_.waker->announce_awake();
}

// What lies ready: at most all records that there are, though workers fill them anew meanwhile.
bool WatchSession::drain() {
  bool any = false;
  for (Watch::Lane& lane : watch_.lanes) {
    if (lane.full == nullptr) break;
    void* taken = nullptr;
    for (uint32_t i = 0; i < kRecords && rte_ring_sc_dequeue(lane.full, &taken) == 0; ++i) {
      any = true;
      take(*static_cast<WatchRecord*>(taken));
      rte_ring_sp_enqueue(lane.free, taken);
    }
  }
  if (any && capture_) check(capture_->flush());
  return any;
}

void WatchSession::take(WatchRecord& record) {
  const uint64_t time_ns = wall_ns(record.ticks);
  const auto snapshot = options_.current();
  std::optional<uint64_t> index;
  const bool has_frame = record.stage == WatchStage::kReceived || is_last_stage(record.stage);
  if (capture_ && has_frame) {
    index = frames_++;
    check(write_frame(record, time_ns, snapshot.get()));
  }
  if (trace_) trace_->add(record, time_ns, index, snapshot.get());
  records_.fetch_add(1, std::memory_order_relaxed);
  if (!is_last_stage(record.stage) || ended_[record.number]) return;
  ended_[record.number] = true;
  ++ended_count_;
}

Status WatchSession::write_frame(const WatchRecord& record, uint64_t time_ns,
                                 const Snapshot* snapshot) {
  return capture_->write({.interface = record.port,
                          .time_ns = time_ns,
                          .original_length = record.frame_bytes,
                          .bytes = {record.frame(), record.captured},
                          .direction = direction(record.stage),
                          .comment = comment(record, snapshot)});
}

void WatchSession::check(const Status& status) {
  if (!status && error_.empty()) error_ = status.error();
}

void WatchSession::finish() {
  while (drain()) {
  }
  if (capture_) {
    check(capture_->write_losses(wall_ns(rte_rdtsc()), lost()));
    check(capture_->close());
  }
  if (trace_) check(trace_->close());
  const WatchStatus now = status();
  if (!error_.empty()) spdlog::error("watch: {}", error_);
  spdlog::info("watch ended: {} packets, {} records, {} lost for want of room", now.packets,
               now.records, now.lost);
}

}  // namespace vipgate
