// DNS over TCP (RFC 7766, RFC 9210) on the kernel's sockets, answered from what the packet path
// answers from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/address_and_port.h"
#include "common/named_counters.h"
#include "common/result.h"
#include "common/table_figures.h"
#include "controlplane/dns_sockets/dns_stream.h"
#include "controlplane/dns_sockets/dns_tcp_limits.h"

namespace vipgate {

// A thread of its own, so that answers do not wait for what the control thread is busy with. Owned
// by the control loop; its methods are the control thread's.
class DnsTcpServer {
 public:
  // `answer` is called by the server's thread.
  DnsTcpServer(AnswerDns answer, const DnsTcpLimits& limits);
  // Closes all connections.
  ~DnsTcpServer();
  DnsTcpServer(const DnsTcpServer&) = delete;
  DnsTcpServer& operator=(const DnsTcpServer&) = delete;

  // Listens there and nowhere else from now on; connections stay. What cannot be done is left out,
  // one sentence each.
  std::vector<std::string> listen(const std::vector<AddressAndPort>& endpoints);
  // For what comes from now on.
  void set_limits(const DnsTcpLimits& limits);
  // Whom `answer` leaves questions to. Off: those get SERVFAIL.
  void set_forwarding(const DnsForwarding& forwarding);
  // The ports that are listened on, by the endpoints of the last listen(): for port 0.
  std::vector<uint16_t> ports() const;

  // Those that are open; any thread.
  size_t connections() const;
  // What resolvers' answers take that are kept, and may take, in units of 1,024 octets; any thread.
  TableFill cache_kb() const;

  // "dns_tcp.connections" (accepted), "dns_tcp.queries", why connections were closed; questions
  // that others were asked, and those that nobody answered or that were too many; those that were
  // answered from what is kept, and answers that gave way to others before their time.
  NamedCounters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vipgate
