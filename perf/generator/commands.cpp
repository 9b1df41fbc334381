#include "perf/generator/commands.h"

#include <sstream>
#include <string>

namespace vipgate::generator {
namespace {

constexpr double kRateMax = 1e9;

Error unknown(const std::string& line) {
  return Error{"'" + line +
               "' is no command: give touch RATE, trial RATE PACKETS (rates from 1 to 1e9, up to "
               "4294967295 packets) or quit"};
}

}  // namespace

Status run_commands(std::istream& in, std::ostream& out, TrialRunner& runner) {
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string command;
    double rate = 0;
    uint64_t packets = 1;
    std::string more;
    words >> command;
    if (command == "quit") return Done{};
    words >> rate;
    if (command == "trial") words >> packets;
    if ((command != "trial" && command != "touch") || words.fail() || (words >> more) || rate < 1 ||
        rate > kRateMax || packets == 0 || packets > kPacketsMax) {
      return unknown(line);
    }
    out << (command == "trial" ? runner.trial(rate, packets) : runner.touch(rate)) << std::endl;
  }
  return Done{};
}

}  // namespace vipgate::generator
