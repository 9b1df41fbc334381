#include "controlplane/vipctl/flow_commands.h"

#include <memory>
#include <string>

#include "controlplane/vipctl/flow_views.h"
#include "controlplane/vipctl/url_query.h"

namespace vipgate {
namespace {

// What the gateway is asked for, by the names of its parameters; empty: whatever it is.
struct FlowFilters {
  std::string source, destination, real, service, protocol, state, worker, limit;

  std::string path() const {
    UrlQuery query;
    query.add("source", source);
    query.add("destination", destination);
    query.add("real", real);
    query.add("service", service);
    query.add("protocol", protocol);
    query.add("state", state);
    query.add("worker", worker);
    query.add("limit", limit);
    return "/api/v1/flows" + query.text();
  }
};

}  // namespace

// Values are read by the gateway alone: what it says of a wrong one has the parameter's name.
void add_flow_commands(CommandSet& commands) {
  const auto filters = std::make_shared<FlowFilters>();
  CLI::App* flows = commands.add("flows", "tracked flows, a line each");
  flows->add_option("--source", filters->source,
                    "of this client: address, prefix, ADDRESS:PORT or :PORT");
  flows->add_option("--destination", filters->destination, "to this VIP, in the same forms");
  flows->add_option("--real", filters->real, "at this real: ADDRESS or ADDRESS:PORT");
  flows->add_option("--service", filters->service, "of the service of this name");
  flows->add_option("--protocol", filters->protocol, "tcp, udp or sctp");
  flows->add_option("--state", filters->state,
                    "embryonic, one_way, replied, established or closing");
  flows->add_option("--worker", filters->worker, "of this worker, by its number");
  flows->add_option("--limit", filters->limit, "how many at most, 100 if it is not said");
  commands.on(flows, [filters](GatewaySession& session) {
    return session.show_path(filters->path(), flows_view);
  });
}

}  // namespace vipgate
