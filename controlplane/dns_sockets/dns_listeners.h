// Has the kernel listen at the addresses that DNS is answered at: to TCP, and to UDP for what the
// packet path leaves to it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/named_counters.h"
#include "controlplane/config/config.h"
#include "controlplane/dns_sockets/dns_datagrams.h"
#include "controlplane/dns_sockets/dns_tcp_server.h"
#include "controlplane/model/model.h"

namespace vipgate {

// The interface that gets the address: that of the first port with a kernel side in whose prefixes
// the address lies, or else of the first with a kernel side; empty: there is none. `interfaces`: by
// port, empty where it has no kernel side.
std::string dns_interface(const IpAddress& address, const std::vector<PortConfig>& ports,
                          const std::vector<std::string>& interfaces);

// Owned and called by the control thread. Addresses that it has given to interfaces go with it.
class DnsListeners {
 public:
  // `interfaces`: by port; empty where it has no kernel side.
  DnsListeners(AnswerDns answer, AnswerDnsDatagram answer_datagram,
               std::vector<std::string> interfaces)
      : server_(std::move(answer), {}),
        datagrams_(std::move(answer_datagram)),
        interfaces_(std::move(interfaces)) {}
  ~DnsListeners();

  // Listens at config.dns.listen and nowhere else. What cannot be done is logged, and left out.
  void follow(const Config& config, const std::set<RealKey>& down_resolvers = {});
  // Nothing but the resolvers that do not answer may have changed.
  void follow_resolvers(const Config& config, const std::set<RealKey>& down_resolvers);
  size_t connections() const { return server_.connections(); }  // that are open
  TableFill cache_kb() const { return server_.cache_kb(); }
  NamedCounters counters() const;

 private:
  void set_forwarding(const Config& config, const std::set<RealKey>& down_resolvers);

  DnsTcpServer server_;
  DnsDatagrams datagrams_;
  std::vector<std::string> interfaces_;
  std::set<RealKey> down_resolvers_;       // as the server was told last
  std::map<IpAddress, std::string> held_;  // the interface that has it from us
};

}  // namespace vipgate
