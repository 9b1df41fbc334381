// A gateway in memory and the reference model side by side, fed with the same traffic. What must
// hold for every packet is checked at every step.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "tests/support/fake_gateway.h"
#include "tests/support/model/random_traffic.h"
#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {

class ModelRun {
 public:
  // `draw` gives a number below its argument: all that happens follows from it.
  ModelRun(std::function<uint32_t(uint32_t)> draw, uint32_t workers);

  // A burst, and now and then a change of the snapshot or a step of the clock. A difference is a
  // fatal failure of the test, which shows the packet and both outcomes.
  void step();
  // At the end: the counters are those of the verdicts.
  void finish();

  uint64_t packets() const { return packets_; }
  uint64_t count(Event event) const { return gateway_.count(event); }
  const ReferenceModel& model() const { return model_; }

 private:
  struct Packet {
    Bytes frame;
    uint8_t port = 0;
    std::shared_ptr<Admission> admission;
  };
  void note_published();
  RowReals rows_of(const ServiceSpec& service, uint32_t hash) const;
  // What a flow's row was before it last moved.
  struct Before {
    std::optional<RealId> real;
    uint32_t rows = 0;  // how many there were
  };
  Before before_of(const ServiceSpec& service, uint32_t hash) const;
  void pass_time();
  void judge_all(std::vector<Packet>& packets, const std::vector<Outcome>& outcomes);
  void judge(const Packet& packet, const Outcome& outcome);

  RandomTraffic traffic_;
  uint32_t workers_;
  FakeGateway gateway_;
  ReferenceModel model_;
  struct Published {
    std::shared_ptr<const Snapshot> snapshot;
    std::set<uint32_t> dropping;  // services that forget what their rows were, by flow id
  };
  std::vector<Published> published_;
  std::shared_ptr<const Snapshot> later_;  // with what is coming
  std::map<const rte_mbuf*, Packet> held_;
  uint64_t packets_ = 0;
};

}  // namespace vipgate::test::model
