// The loop of the generator: one thread sends at its pace and receives what comes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/generator/accounts.h"
#include "perf/generator/flow_chooser.h"
#include "perf/generator/frames.h"
#include "perf/generator/pacer.h"
#include "perf/generator/ports.h"
#include "perf/generator/report.h"

namespace vipgate::generator {

class TrialRunner {
 public:
  TrialRunner(const Options& options, const Ports& ports);

  // Sends `packets` at `rate` a second, waits for what is still under way and returns the report.
  std::string trial(double rate, uint64_t packets);
  // One packet of each flow, so that the gateway has all of them; the same report.
  std::string touch(double rate);

 private:
  std::string run(double rate, uint64_t packets, FlowChooser& chooser);
  void send(uint32_t count, uint64_t number, FlowChooser& chooser);
  size_t make_frame(uint8_t* at, uint32_t number, FlowChooser& chooser);
  // How many frames came.
  uint32_t receive(uint16_t port);
  void drain(uint64_t packets);

  const Options& options_;
  Ports ports_;
  uint64_t ticks_per_second_;
  Accounts accounts_;
  FrameMaker maker_;
  FlowChooser chooser_;
  uint64_t random_;
  size_t size_turn_ = 0;
  std::vector<uint32_t> next_sequence_;
  Sending sending_;
};

}  // namespace vipgate::generator
