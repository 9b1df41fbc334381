// A worker's loop with fake I/O and a fake clock: queues that the test fills and looks into.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/fastpath/pipeline_impl.h"
#include "dataplane/fastpath/worker.h"
#include "dataplane/worker_memory.h"
#include "dataplane/worker_wiring.h"
#include "tests/support/owners.h"
#include "tests/support/test_net.h"

namespace vipgate::test {

// What the worker takes for DPDK's ethdev. One test at a time uses it.
struct FakeIo {
  using Queue = std::pair<uint16_t, uint16_t>;  // port, queue
  inline static std::map<Queue, std::deque<rte_mbuf*>> arriving, sent;
  inline static std::vector<rte_mbuf*> freed;
  inline static size_t room = SIZE_MAX;  // of a transmit queue

  static uint16_t rx(uint16_t port, uint16_t queue, rte_mbuf** packets, uint16_t n) {
    auto& from = arriving[{port, queue}];
    const auto count = static_cast<uint16_t>(std::min<size_t>(from.size(), n));
    std::copy_n(from.begin(), count, packets);
    from.erase(from.begin(), from.begin() + count);
    return count;
  }
  static uint16_t tx(uint16_t port, uint16_t queue, rte_mbuf** packets, uint16_t n) {
    auto& to = sent[{port, queue}];
    const size_t left = room > to.size() ? room - to.size() : 0;
    const auto count = static_cast<uint16_t>(std::min<size_t>(left, n));
    to.insert(to.end(), packets, packets + count);
    return count;
  }
  static bool allocate(rte_mempool*, rte_mbuf**, uint32_t) { return false; }
  static void free_bulk(rte_mbuf** packets, uint32_t n) {
    freed.insert(freed.end(), packets, packets + n);
  }
};

inline constexpr ServiceCase kService = kServiceCases[0];

class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    FakeIo::arriving.clear();
    FakeIo::sent.clear();
    FakeIo::freed.clear();
    FakeIo::room = SIZE_MAX;
  }
  void TearDown() override {
    workers_.clear();
    close(event_);
  }

  // Two ports of `queues` queues each, numbered 10 and 11 by the fake I/O.
  void start(uint32_t workers, uint16_t queues, uint32_t ring_size = 256) {
    owners_ = std::make_unique<FlowOwners>(owners_of_flows(workers));
    auto mesh = WorkerMesh::create(workers, ring_size);
    ASSERT_TRUE(mesh.ok()) << mesh.error();
    mesh_ = std::make_unique<WorkerMesh>(std::move(*mesh));
    cell_ = std::make_unique<SnapshotCell<Snapshot>>(workers);
    to_kernel_.reset(rte_ring_create("worker_test_to", 4, SOCKET_ID_ANY, RING_F_SP_ENQ));
    from_kernel_.reset(rte_ring_create("worker_test_from", 4, SOCKET_ID_ANY, RING_F_SC_DEQ));
    for (uint32_t i = 0; i < workers; ++i) {
      memory_.push_back(std::make_unique<WorkerMemory>(WorkerMemoryOptions{
          .worker = i,
          .workers = workers,
          .sizes = {.flows = 1024, .wide_flows = 1024, .services = 64, .reals = 256},
          .snat = spec_.snat_addresses,
          .secret = {},
          .owners = owners_.get()}));
      WorkerOptions options;
      options.index = i;
      options.workers = workers;
      options.port_count = 2;
      for (uint16_t port = 0; port < 2; ++port) {
        options.ports[port] =
            assign_port(port, static_cast<uint16_t>(10 + port), queues, queues, i, workers);
      }
      options.ports[0].kernel.to_kernel = to_kernel_.get();
      if (i == 0) options.ports[0].kernel.from_kernel = from_kernel_.get();
      mesh_->connect(i, options);
      options.kernel_waker = &waker_;
      options.cell = cell_.get();
      options.loop_counters = &memory_.back()->loop_counters();
      options.pipeline = memory_.back()->pipeline_options();
      workers_.push_back(std::make_unique<Worker<FakeIo>>(options));
    }
  }
  void publish() { cell_->publish(SnapshotBuilder().build(spec_)); }

  rte_mbuf* arrive(const PacketBuilder& packet, uint16_t device, uint16_t queue = 0) {
    packets_.push_back(std::make_unique<FakeMbuf>(packet.build()));
    FakeIo::arriving[{device, queue}].push_back(packets_.back()->get());
    return packets_.back()->get();
  }
  bool turn(uint32_t worker = 0) { return workers_[worker]->run_once(now_ns_); }
  uint64_t count(auto kind) const {
    uint64_t sum = 0;
    for (const auto& memory : memory_) sum += memory->counters().value(kind);
    return sum;
  }

  SnapshotSpec spec_ = net_spec();
  std::unique_ptr<FlowOwners> owners_;
  int event_ = eventfd(0, EFD_NONBLOCK);
  KernelWaker waker_{event_};
  std::unique_ptr<WorkerMesh> mesh_;
  std::unique_ptr<SnapshotCell<Snapshot>> cell_;
  RingPointer to_kernel_, from_kernel_;
  std::vector<std::unique_ptr<WorkerMemory>> memory_;
  std::vector<std::unique_ptr<Worker<FakeIo>>> workers_;
  std::vector<std::unique_ptr<FakeMbuf>> packets_;
  uint64_t now_ns_ = 1'000'000'000'000;
};

}  // namespace vipgate::test
