#include "dataplane/exception_path.h"

#include <rte_errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/headers.h"
#include "common/system_error.h"
#include "dataplane/packet_pool.h"
#include "dataplane/side_thread.h"

namespace vipgate {
namespace {

constexpr unsigned kFramesAtOnce = 32;
constexpr uint64_t kEventTag = UINT64_MAX;
// Frames that a port's transmit queues may hold beside those in the ring.
constexpr uint32_t kInFlight = 1024;
constexpr uint16_t kVlanIdMask = 0x0fff;

void count(std::atomic<uint64_t>& counter, uint64_t n = 1) {
  counter.fetch_add(n, std::memory_order_relaxed);
}

// The kernel sees the port's VLAN untagged. False: the frame is not of that VLAN.
bool strip_vlan(rte_mbuf* frame, uint16_t vlan) {
  if (vlan == 0) return true;
  if (frame->data_len < sizeof(EthernetHeader) + sizeof(VlanTag)) return false;
  auto* start = rte_pktmbuf_mtod(frame, uint8_t*);
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(start);
  const auto* tag = reinterpret_cast<const VlanTag*>(ethernet + 1);
  if (ethernet->ether_type != Be16(kEtherTypeVlan)) return false;
  if ((tag->tci.host() & kVlanIdMask) != vlan) return false;
  std::memmove(start + sizeof(VlanTag), start, 2 * sizeof(MacAddress));
  rte_pktmbuf_adj(frame, sizeof(VlanTag));
  return true;
}

// One system call for the whole frame, however many segments it has.
bool write_frame(int fd, const rte_mbuf* frame) {
  constexpr size_t kMaxSegments = 16;
  iovec parts[kMaxSegments];
  int used = 0;
  for (const rte_mbuf* segment = frame; segment != nullptr; segment = segment->next) {
    if (used == kMaxSegments) return false;
    parts[used++] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
  }
  return ::writev(fd, parts, used) == static_cast<ssize_t>(frame->pkt_len);
}

}  // namespace

void ExceptionPath::RingFree::operator()(rte_ring* ring) const {
  void* frame = nullptr;
  while (rte_ring_dequeue(ring, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
  rte_ring_free(ring);
}

ExceptionPath::ExceptionPath(const ExceptionPathOptions& options, int event_fd, int epoll_fd)
    : ring_size_(options.ring_size), event_fd_(event_fd), epoll_fd_(epoll_fd), waker_(event_fd) {}

Result<std::unique_ptr<ExceptionPath>> ExceptionPath::create(const ExceptionPathOptions& options) {
  const int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  std::unique_ptr<ExceptionPath> path(new ExceptionPath(options, event_fd, epoll_fd));
  if (event_fd < 0 || epoll_fd < 0) return system_error("exception path: cannot make an epoll");
  if (Status status = path->watch(event_fd, kEventTag); !status.ok()) return Error{status.error()};
  if (Status status = path->make_pool(options); !status.ok()) return Error{status.error()};
  for (const KernelPortOptions& port : options.ports) {
    Status status = path->add_port(port, options.workers);
    if (!status.ok()) {
      return Error{"ports[" + std::to_string(port.port) + "] " + port.port_name +
                   ": exception path: " + status.error()};
    }
  }
  path->thread_ =
      start_side_thread("vg-exception", options.cpus, [raw = path.get()] { raw->run(); });
  return path;
}

ExceptionPath::~ExceptionPath() {
  if (thread_.joinable()) {
    stop_.store(true, std::memory_order_relaxed);
    waker_.signal();
    thread_.join();
  }
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
  if (event_fd_ >= 0) ::close(event_fd_);
}

Status ExceptionPath::watch(int fd, uint64_t tag) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) return Done{};
  return system_error("cannot watch a descriptor");
}

Status ExceptionPath::make_pool(const ExceptionPathOptions& options) {
  if (options.ports.empty()) return Done{};
  uint16_t mtu = 0;
  for (const KernelPortOptions& port : options.ports) mtu = std::max(mtu, port.mtu);
  // Two tags: ours, and one that the kernel may have put on.
  const auto bytes =
      static_cast<uint16_t>(mtu + sizeof(EthernetHeader) + size_t{2} * sizeof(VlanTag));
  const auto frames = static_cast<uint32_t>(options.ports.size()) * (ring_size_ + kInFlight);
  Result<rte_mempool*> pool = make_packet_pool("vg_exception", frames, bytes, SOCKET_ID_ANY);
  if (!pool.ok()) return Error{pool.error()};
  pool_.reset(*pool);
  return Done{};
}

Result<ExceptionPath::Ring> ExceptionPath::make_ring(const std::string& name,
                                                     unsigned flags) const {
  Ring ring(rte_ring_create(name.c_str(), ring_size_, SOCKET_ID_ANY, flags | RING_F_EXACT_SZ));
  if (ring == nullptr) return Error{"cannot make ring " + name + ": " + rte_strerror(rte_errno)};
  return ring;
}

Status ExceptionPath::add_port(const KernelPortOptions& options, uint16_t workers) {
  Result<std::string> name = tap_name(options.port_name);
  if (!name.ok()) return Error{name.error()};
  Result<Tap> tap = Tap::open({*name, options.mac, options.mtu, options.addresses});
  if (!tap.ok()) return Error{tap.error()};

  auto path = std::make_unique<Path>();
  path->options = options;
  path->tap = std::move(tap).value();
  const std::string number = std::to_string(options.port);
  for (uint16_t worker = 0; worker < workers; ++worker) {
    Result<Ring> ring = make_ring("vg_to_kernel_" + number + "_" + std::to_string(worker),
                                  RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (!ring.ok()) return Error{ring.error()};
    path->to_kernel.push_back(std::move(ring).value());
  }
  // Several producers: our thread and inject()'s callers, none of which polls.
  Result<Ring> ring = make_ring("vg_from_kernel_" + number, RING_F_SC_DEQ);
  if (!ring.ok()) return Error{ring.error()};
  path->from_kernel = std::move(ring).value();
  if (Status status = watch(path->tap.fd(), paths_.size()); !status.ok()) return status;
  paths_.push_back(std::move(path));
  return Done{};
}

ExceptionPath::Path* ExceptionPath::find(uint16_t port) const {
  for (const auto& path : paths_) {
    if (path->options.port == port) return path.get();
  }
  return nullptr;
}

KernelPort ExceptionPath::kernel_port(uint16_t worker, uint16_t port) const {
  const Path* path = find(port);
  if (path == nullptr || worker >= path->to_kernel.size()) return {};
  return {.to_kernel = path->to_kernel[worker].get(),
          .from_kernel = worker == path->options.owner ? path->from_kernel.get() : nullptr};
}

std::string ExceptionPath::interface_name(uint16_t port) const {
  const Path* path = find(port);
  return path == nullptr ? std::string() : path->tap.interface();
}

KernelPortStats ExceptionPath::stats(uint16_t port) const {
  const Path* path = find(port);
  if (path == nullptr) return {};
  return {.to_kernel = path->to_kernel_frames.load(std::memory_order_relaxed),
          .from_kernel = path->from_kernel_frames.load(std::memory_order_relaxed),
          .to_kernel_dropped = path->to_kernel_dropped.load(std::memory_order_relaxed),
          .from_kernel_dropped = path->from_kernel_dropped.load(std::memory_order_relaxed)};
}

bool ExceptionPath::inject(uint16_t port, std::span<const uint8_t> frame) {
  Path* path = find(port);
  if (path == nullptr) return false;
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_.get());
  if (mbuf == nullptr) return false;
  char* data = frame.size() <= UINT16_MAX
                   ? rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size()))
                   : nullptr;
  if (data != nullptr) {
    std::memcpy(data, frame.data(), frame.size());
    if (rte_ring_enqueue(path->from_kernel.get(), mbuf) == 0) return true;
  }
  rte_pktmbuf_free(mbuf);
  return false;
}

void ExceptionPath::run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    for (const auto& path : paths_) drain_to_kernel(*path);
    sleep_until_work();
  }
}

void ExceptionPath::sleep_until_work() {
  epoll_event events[kFramesAtOnce];
  waker_.announce_sleep();
  const int timeout_ms = rings_are_empty() ? -1 : 0;
  const int n = epoll_wait(epoll_fd_, events, kFramesAtOnce, timeout_ms);
  waker_.announce_awake();
  for (int i = 0; i < n; ++i) {
    if (events[i].data.u64 == kEventTag) {
      uint64_t wakes = 0;
      [[maybe_unused]] const ssize_t got = ::read(event_fd_, &wakes, sizeof(wakes));
    } else {
      read_from_kernel(*paths_[events[i].data.u64]);
    }
  }
}

bool ExceptionPath::rings_are_empty() const {
  return std::ranges::all_of(paths_, [](const auto& path) {
    return std::ranges::all_of(path->to_kernel,
                               [](const Ring& ring) { return rte_ring_empty(ring.get()) != 0; });
  });
}

// One burst of each worker, so that a flooded port does not starve the other direction.
void ExceptionPath::drain_to_kernel(Path& path) {
  rte_mbuf* frames[kFramesAtOnce];
  for (const Ring& ring : path.to_kernel) {
    const unsigned n = rte_ring_sc_dequeue_burst(ring.get(), reinterpret_cast<void**>(frames),
                                                 kFramesAtOnce, nullptr);
    for (unsigned i = 0; i < n; ++i) {
      const bool written =
          strip_vlan(frames[i], path.options.vlan) && write_frame(path.tap.fd(), frames[i]);
      count(written ? path.to_kernel_frames : path.to_kernel_dropped);
    }
    rte_pktmbuf_free_bulk(frames, n);
  }
}

void ExceptionPath::read_from_kernel(Path& path) {
  rte_mbuf* frames[kFramesAtOnce];
  unsigned n = 0;
  while (n < kFramesAtOnce && (frames[n] = read_frame(path)) != nullptr) ++n;
  const unsigned queued = rte_ring_mp_enqueue_burst(path.from_kernel.get(),
                                                    reinterpret_cast<void**>(frames), n, nullptr);
  count(path.from_kernel_frames, queued);
  count(path.from_kernel_dropped, n - queued);
  rte_pktmbuf_free_bulk(frames + queued, n - queued);
}

// nullptr: nothing to read, or no buffer.
rte_mbuf* ExceptionPath::read_frame(Path& path) {
  rte_mbuf* frame = rte_pktmbuf_alloc(pool_.get());
  if (frame == nullptr) {
    // The frame must go, or the descriptor stays readable and the thread spins.
    uint8_t discarded;
    if (::read(path.tap.fd(), &discarded, sizeof(discarded)) > 0) count(path.from_kernel_dropped);
    return nullptr;
  }
  const uint16_t vlan = path.options.vlan;
  const uint16_t shift = vlan == 0 ? 0 : sizeof(VlanTag);
  auto* start = rte_pktmbuf_mtod(frame, uint8_t*);
  const ssize_t bytes = ::read(path.tap.fd(), start + shift,
                               static_cast<size_t>(rte_pktmbuf_tailroom(frame)) - shift);
  if (bytes < static_cast<ssize_t>(sizeof(EthernetHeader))) {
    rte_pktmbuf_free(frame);
    return nullptr;
  }
  if (vlan != 0) {
    std::memmove(start, start + shift, 2 * sizeof(MacAddress));
    // The tag's ether type, then the tag; the frame's own ether type lies behind them already.
    const Be16 tag[2] = {Be16(kEtherTypeVlan), Be16(vlan)};
    std::memcpy(start + 2 * sizeof(MacAddress), tag, sizeof(tag));
  }
  rte_pktmbuf_append(frame, static_cast<uint16_t>(bytes + shift));
  return frame;
}

}  // namespace vipgate
