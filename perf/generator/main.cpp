// vipgen: traffic for a gateway over net_memif; perf/pktgen/README.md tells how to use it.
#include <cstdio>
#include <iostream>

#include "perf/generator/commands.h"
#include "perf/generator/options.h"
#include "perf/generator/ports.h"
#include "perf/generator/trial.h"

namespace vipgate::generator {
namespace {

int fail(const std::string& message) {
  std::cerr << "vipgen: " << message << '\n';
  return 1;
}

int run(int argc, char** argv) {
  bool help = false;
  const Result<Options> options = parse_options(argc, argv, help);
  if (help) {
    std::cout << options.error();
    return 0;
  }
  if (!options.ok()) return fail(options.error());
  const Result<Ports> ports = open_ports(*options);
  if (!ports.ok()) return fail(ports.error());
  Status status = Done{};
  {
    TrialRunner runner(*options, *ports);
    std::cerr << "vipgen: connected" << std::endl;
    if (options->packets > 0) {
      std::cout << runner.trial(options->rate, options->packets) << std::endl;
    } else {
      status = run_commands(std::cin, std::cout, runner);
    }
  }
  close_ports(*ports);
  return status.ok() ? 0 : fail(status.error());
}

}  // namespace
}  // namespace vipgate::generator

int main(int argc, char** argv) { return vipgate::generator::run(argc, argv); }
