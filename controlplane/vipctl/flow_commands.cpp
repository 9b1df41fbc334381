#include "controlplane/vipctl/flow_commands.h"

#include <memory>
#include <string>

#include "controlplane/vipctl/flow_views.h"
#include "controlplane/vipctl/url_query.h"

namespace vipgate {
namespace {

struct FlowWish {
  std::string source, destination, real, service, protocol, worker;
  uint64_t limit = 100;

  [[nodiscard]] std::string path() const {
    UrlQuery query;
    query.add("source", source);
    query.add("destination", destination);
    query.add("real", real);
    query.add("service", service);
    query.add("protocol", protocol);
    query.add("worker", worker);
    query.add("limit", std::to_string(limit));
    return "/api/v1/flows" + query.text();
  }
};

}  // namespace

void add_flow_commands(CommandSet& commands) {
  const auto wish = std::make_shared<FlowWish>();
  CLI::App* flows = commands.add("flows", "tracked flows, a line each");
  flows->add_option("--source", wish->source,
                    "the client: an address, a prefix, ADDRESS:PORT, or :PORT");
  flows->add_option("--destination", wish->destination, "the VIP, in the same forms");
  flows->add_option("--real", wish->real, "ADDRESS or ADDRESS:PORT");
  flows->add_option("--service", wish->service, "its name");
  flows->add_option("--protocol", wish->protocol, "tcp, udp or sctp");
  flows->add_option("--worker", wish->worker, "that has them");
  flows->add_option("--limit", wish->limit, "of the flows that are shown")->capture_default_str();
  commands.on(flows, [wish](GatewaySession& session) {
    return session.show_path(wish->path(), flows_view);
  });
}

}  // namespace vipgate
