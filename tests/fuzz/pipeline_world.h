// The gateway that fuzz_pipeline feeds: two workers in memory, services of every mode in both
// families, DNS, resolvers for names of others. Whatever comes, each packet must end in one queue
// with one verdict, at once or after it was held; what is not sent must be left as it came, and
// what is sent must be whole and have right checksums. Aborts where that does not hold.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/fastpath/pipeline.h"
#include "dataplane/worker_memory.h"
#include "tests/support/fake_mbuf.h"

namespace vipgate::test {

inline constexpr uint32_t kFuzzWorkers = 2;

// Aborts, with the line, unless it holds.
void require(bool holds, const char* what, int line);
#define VIPGATE_REQUIRE(condition) ::vipgate::test::require((condition), #condition, __LINE__)

class FuzzWorld {
 public:
  static constexpr uint32_t kSnapshots = 5;

  FuzzWorld();

  // Everything below acts at once but this: frames wait until a burst is full, or is ended.
  // `tight`: the buffer has no room beside the frame's, but for a VLAN tag before it.
  void receive(Bytes frame, uint8_t port, uint32_t worker, bool tight);
  void end_burst();
  // What a real would answer to the `number`-th translated packet; empty: there is none.
  Bytes answer_to(uint8_t number, uint8_t tcp_flags, uint8_t ttl) const;
  // What a resolver would answer to the `number`-th question: `flags` are the lower octet of the
  // header's, and TC; of each section `counts` has two bits. Empty: there is none.
  Bytes resolver_answer(uint8_t number, uint8_t flags, bool is_truncated, uint8_t counts,
                        const Bytes& records) const;
  void pass_quarters(uint32_t quarters);
  void set_snapshot(uint32_t number);
  // All flows and all that is held end by time, and the counters add up.
  void end();

 private:
  struct Recorder {
    struct Seen {
      Verdict verdict;
      int count = 0;
    };
    std::map<const rte_mbuf*, Seen> seen;
    void operator()(const rte_mbuf* mbuf, const Verdict& verdict) {
      Seen& entry = seen[mbuf];
      entry.verdict = verdict;
      ++entry.count;
    }
  };
  struct Worker {
    explicit Worker(uint32_t number);
    WorkerMemory memory;
    Recorder recorder;
    Pipeline<Recorder> pipeline;
    Outbox outbox;
  };
  struct Packet {
    Bytes frame;  // as it came
    std::unique_ptr<FakeMbuf> mbuf;
    int handovers = 0;
    int holds = 0;
  };

  void process(uint32_t number, std::vector<rte_mbuf*> mbufs, bool handed_over);
  // Lets the worker deal with what it holds, as once per loop; whether there was anything to do.
  bool settle(uint32_t number);
  bool settle_questions(uint32_t number);
  void give_spares(Worker& worker);
  // A packet of the worker's own making leaves it.
  void check_made(const rte_mbuf* mbuf, size_t port, const Verdict& verdict);
  // Empties the worker's outbox and hands over; returns how many packets have left the worker.
  size_t collect(uint32_t number);
  Packet& packet_of(const rte_mbuf* mbuf);
  static const Verdict& verdict_on(const Worker& worker, const rte_mbuf* mbuf);
  // REQUIRES: no frame waits.
  void check_sums() const;
  void check_sent(const Packet& packet, const Verdict& verdict);
  void check_forwarded(const Bytes& before, const Bytes& after, const Verdict& verdict);

  std::deque<Worker> workers_;
  const Snapshot* snapshot_;
  uint64_t ns_ = 1'000'000'000'000;
  uint64_t received_ = 0;
  uint64_t ended_ = 0;
  std::map<const rte_mbuf*, Packet> packets_;  // that wait or are in the gateway
  std::vector<rte_mbuf*> waiting_;             // for the burst's end
  uint8_t waiting_port_ = 0;
  uint32_t waiting_worker_ = 0;
  std::vector<Bytes> translated_;
  std::map<const rte_mbuf*, std::unique_ptr<FakeMbuf>> spares_;  // the workers'
  std::vector<Bytes> asked_;                                     // of resolvers
  uint64_t made_ = 0;
};

}  // namespace vipgate::test
