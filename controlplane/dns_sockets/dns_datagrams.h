// DNS over UDP on the kernel's sockets: questions that came in fragments, which the packet path
// leaves to the kernel, and those that the gateway itself asks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/address_and_port.h"
#include "common/named_counters.h"

namespace vipgate {

// Writes the reply to the query that lies in the first `length` octets over it, and returns its
// length; 0: there is none. All of `message` may be written.
using AnswerDnsDatagram = std::function<uint16_t(std::span<uint8_t> message, size_t length,
                                                 const AddressAndPort& client)>;

// A thread of its own, as DnsTcpServer has. Owned by the control loop; its methods are the control
// thread's.
class DnsDatagrams {
 public:
  // Queries that a socket gives at a time, before the others have their turn.
  static constexpr size_t kBurst = 16;

  // `answer` is called by the thread.
  explicit DnsDatagrams(AnswerDnsDatagram answer);
  ~DnsDatagrams();
  DnsDatagrams(const DnsDatagrams&) = delete;
  DnsDatagrams& operator=(const DnsDatagrams&) = delete;

  // Listens there and nowhere else from now on. What cannot be done is left out, one sentence each.
  std::vector<std::string> listen(const std::vector<AddressAndPort>& endpoints);
  // The ports that are listened on, in the order of the endpoints, sorted: for port 0.
  std::vector<uint16_t> ports() const;

  // "dns_udp.queries", of those "truncated" (TC=1), "unanswered" (no query that has a reply) and
  // "not_sent" (the kernel did not take the reply).
  NamedCounters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vipgate
