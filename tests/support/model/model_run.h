// A gateway in memory and the reference model side by side, fed with the same traffic. What must
// hold for every packet is checked at every step.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
  const ReferenceModel& model() const { return model_; }

 private:
  struct Packet {
    Bytes frame;
    uint8_t port = 0;
    std::shared_ptr<Admission> admission;
  };
  void pass_time();
  void judge_all(std::vector<Packet>& packets, const std::vector<Outcome>& outcomes);
  void judge(const Packet& packet, const Outcome& outcome);

  RandomTraffic traffic_;
  uint32_t workers_;
  FakeGateway gateway_;
  ReferenceModel model_;
  std::map<const rte_mbuf*, Packet> held_;
  uint64_t packets_ = 0;
};

}  // namespace vipgate::test::model
