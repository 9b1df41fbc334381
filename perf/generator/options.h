// The command line of vipgen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address_and_port.h"
#include "common/result.h"
#include "perf/generator/dns_questions.h"

namespace vipgate::generator {

enum class Kind : uint8_t {
  kFlows,  // UDP packets of flows, each marked
  kSyn,    // TCP SYNs, each of another client
  kDns,    // questions, whose answers come back
};

struct Options {
  Kind kind = Kind::kFlows;
  std::string edge_socket;
  std::string cluster_socket;  // empty: reals are reached by the edge's port
  MacAddress gateway;          // of the gateway's edge port
  AddressAndPort vip;
  IpAddress client;  // the first of them, of the VIP's family
  uint32_t flows = 1024;
  double zipf = 0;
  std::vector<uint16_t> sizes;
  std::vector<DnsQuestion> questions;
  bool answer = false;
  bool verify = false;
  bool show_flows = false;
  uint64_t seed = 1;
  uint32_t burst = 32;
  uint32_t drain_ms = 200;
  uint32_t ring_log2 = 10;
  int cpu = 0;
  uint32_t memory_mb = 128;
  bool huge = false;
  // One trial of the command line; without packets, commands come by standard input.
  double rate = 0;
  uint64_t packets = 0;
};

// An error is one sentence; the text of --help comes as one, too, with `help` set.
Result<Options> parse_options(int argc, const char* const* argv, bool& help);

}  // namespace vipgate::generator
