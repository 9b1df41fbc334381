// "Where would this packet go, and why?": the question, and the answer in words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/service.h"

namespace vipgate {

// A TCP SYN, an SCTP INIT, or a UDP datagram of eight zero octets; the addresses are of one family.
struct ExplainPacket {
  uint8_t port = 0;  // on which it arrives
  Protocol protocol = Protocol::kTcp;
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
};

struct ExplanationLine {
  std::string word, text;
};

struct Explanation {
  // packet, service, real, table, quic, affinity, worker, verdict, because, out: those that apply.
  std::vector<ExplanationLine> lines;
  std::string verdict;  // "forward", "drop: no_real"
};

}  // namespace vipgate
