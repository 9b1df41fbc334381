// The kernel as the slow path: a TAP interface beside each port, and one thread that moves frames.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "dataplane/fastpath/kernel_port.h"
#include "dataplane/tap.h"

namespace vipgate {

struct KernelPortOptions {
  uint16_t port = 0;  // index in the configuration's `ports`
  std::string port_name;
  MacAddress mac;
  uint16_t mtu = 1500;
  uint16_t vlan = 0;  // 0: untagged. The TAP itself always carries untagged frames.
  std::vector<IpPrefix> addresses;
  uint16_t owner = 0;  // the worker that transmits what the kernel sends
};

struct ExceptionPathOptions {
  std::vector<KernelPortOptions> ports;
  uint16_t workers = 1;
  uint32_t ring_size = 1024;  // frames per ring, a power of two
  std::vector<int> cpus;      // where the thread may run; empty: where its creator may
};

// Frames since the start. What did not fit into a to_kernel ring is counted by the worker.
struct KernelPortStats {
  uint64_t to_kernel = 0;
  uint64_t from_kernel = 0;
  uint64_t to_kernel_dropped = 0;    // refused by the kernel, or not of the port's VLAN
  uint64_t from_kernel_dropped = 0;  // ring full or no buffer
};

// Owns the TAPs, the rings, its own buffer pool and the thread. Made and destroyed by the
// composition root; destroyed after the workers have returned and the ports are closed (a NIC may
// still hold its buffers until then), before EAL stops. The thread runs from create() on. The TAPs
// vanish with it, and with the process however it ends. Only on-link routes come into being (by the
// addresses); no default route is ever touched.
class ExceptionPath {
 public:
  // REQUIRES: EAL is started; CAP_NET_ADMIN.
  static Result<std::unique_ptr<ExceptionPath>> create(const ExceptionPathOptions& options);
  ~ExceptionPath();
  ExceptionPath(const ExceptionPath&) = delete;
  ExceptionPath& operator=(const ExceptionPath&) = delete;

  // What `worker` uses for `port`; both rings null when the port has no exception path.
  KernelPort kernel_port(uint16_t worker, uint16_t port) const;
  // Shared by all workers; lives as long as the exception path.
  KernelWaker* waker() { return &waker_; }

  // Has the port's owner transmit `frame` (complete, with its VLAN tag if any). Any control thread.
  // False: no such port, ring full or no buffer.
  bool inject(uint16_t port, std::span<const uint8_t> frame);

  // "vg-edge"; empty when the port has no exception path.
  std::string interface_name(uint16_t port) const;
  // Any thread.
  KernelPortStats stats(uint16_t port) const;

 private:
  // Frees the frames that are left in it, too.
  struct RingFree {
    void operator()(rte_ring* ring) const;
  };
  using Ring = std::unique_ptr<rte_ring, RingFree>;
  struct PoolFree {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
  };

  struct Path {
    KernelPortOptions options;
    Tap tap;
    std::vector<Ring> to_kernel;  // by worker
    Ring from_kernel;
    std::atomic<uint64_t> to_kernel_frames{0};
    std::atomic<uint64_t> from_kernel_frames{0};
    std::atomic<uint64_t> to_kernel_dropped{0};
    std::atomic<uint64_t> from_kernel_dropped{0};
  };

  ExceptionPath(const ExceptionPathOptions& options, int event_fd, int epoll_fd);
  Status make_pool(const ExceptionPathOptions& options);
  Status add_port(const KernelPortOptions& options, uint16_t workers);
  Result<Ring> make_ring(const std::string& name, unsigned flags) const;
  Status watch(int fd, uint64_t tag) const;
  Path* find(uint16_t port) const;
  void run();
  void sleep_until_work();
  bool rings_are_empty() const;
  void drain_to_kernel(Path& path);
  void read_from_kernel(Path& path);
  rte_mbuf* read_frame(Path& path);

  uint32_t ring_size_;
  int event_fd_;
  int epoll_fd_;
  KernelWaker waker_;
  std::unique_ptr<rte_mempool, PoolFree> pool_;  // outlives the rings, which hold its buffers
  std::vector<std::unique_ptr<Path>> paths_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace vipgate
