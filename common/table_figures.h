// How full the workers' tables are, and which flows they had no room for: plain numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vipgate {

struct TableFill {
  uint64_t entries = 0;
  uint64_t capacity = 0;
};

// Of one worker, as it was within the last second: fragments, dns_rates and dns_answers as they
// were within the last 16 s.
struct WorkerTables {
  struct Family {
    TableFill flows;         // entries of the flow table: a `nat` flow has two
    TableFill wide_flows;    // the same, of flows with wide ids
    TableFill nat_records;   // of `nat` flows
    TableFill snat_records;  // of flows from SNAT ports; no capacity: no port is this worker's
    TableFill affinities;
  };
  Family ipv4, ipv6;
  TableFill fragments;       // datagrams that are followed
  TableFill held_fragments;  // fragments that wait for the first one of their datagram
  TableFill dns_rates;       // what DNS replies are counted by, as far as it owes something
  TableFill dns_answers;     // of resolvers, whose time is not over
  TableFill dns_questions;   // packets that wait for resolvers

  // Counted from the start: flows that began, those that went for want of room before anyone had
  // answered them, and new ones that got none.
  uint64_t flows_created = 0, flows_evicted = 0, flows_refused = 0;
  // Answers of resolvers that gave way to others before their time.
  uint64_t dns_answers_evicted = 0;
};

// Of the addresses of one family of a SNAT pool. A port serves one flow to each real.
struct SnatPoolUse {
  std::string pool;           // its first address of the family
  uint64_t ports = 0;         // that flows to one real may have
  uint64_t flows = 0;         // of now, to all reals
  uint64_t busiest_real = 0;  // flows of the real that has the most
};

}  // namespace vipgate
