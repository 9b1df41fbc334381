#include "controlplane/rest/rest_flows.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/address_and_port.h"
#include "common/json_text.h"
#include "controlplane/http/http_query.h"
#include "controlplane/rest/problem_response.h"

namespace vipgate {
namespace {

// An end of a flow, as a filter has it.
struct FlowEnd {
  std::optional<IpPrefix> prefix;
  std::optional<uint16_t> port;
};

// "192.0.2.0/24", "192.0.2.1", "192.0.2.1:6379", "[2001:db8::1]:6379", ":6379".
std::optional<FlowEnd> read_flow_end(std::string_view text) {
  if (text.starts_with(':')) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), port);
    const bool is_port = error == std::errc() && end == text.data() + text.size();
    if (is_port) return FlowEnd{{}, port};
  }
  if (const auto exact = parse_address_and_port(text)) {
    return FlowEnd{IpPrefix{exact->address, exact->address.bits()}, exact->port};
  }
  if (const auto prefix = parse_ip_prefix(text)) return FlowEnd{*prefix, {}};
  return std::nullopt;
}

Result<FlowEnd> query_end(const ApiRequest& request, const std::string& name) {
  const std::string text = query_value(request, name);
  if (text.empty()) return FlowEnd{};
  const auto end = read_flow_end(text);
  if (end) return *end;
  return Error{name + ": '" + text +
               "' is none of 192.0.2.1, 192.0.2.0/24, 192.0.2.1:6379, [2001:db8::1]:6379, :6379"};
}

constexpr std::pair<FlowState, std::string_view> kStates[] = {
    {FlowState::kEmbryonic, "embryonic"},
    {FlowState::kOneWay, "one_way"},
    {FlowState::kReplied, "replied"},
    {FlowState::kEstablished, "established"},
    {FlowState::kClosing, "closing"}};

std::string_view flow_state_name(FlowState wanted) {
  for (const auto& [state, name] : kStates) {
    if (state == wanted) return name;
  }
  return "unknown";
}

Result<FlowQuestion> read_flow_question(const ApiRequest& request, uint32_t workers) {
  FlowQuestion question;
  const auto source = query_end(request, "source");
  if (!source) return Error{source.error()};
  question.source = source->prefix;
  question.source_port = source->port;
  const auto destination = query_end(request, "destination");
  if (!destination) return Error{destination.error()};
  question.destination = destination->prefix;
  question.destination_port = destination->port;
  const auto real = query_end(request, "real");
  if (!real) return Error{real.error()};
  if (real->prefix) {
    if (real->prefix->length != real->prefix->address.bits()) {
      return Error{"real: one address, with or without a port, not a prefix"};
    }
    question.real = real->prefix->address;
  }
  question.real_port = real->port;
  if (const std::string text = query_value(request, "protocol"); !text.empty()) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
      if (text == to_string(protocol)) question.protocol = protocol;
    }
    if (!question.protocol) return Error{"protocol: '" + text + "' is none of tcp, udp, sctp"};
  }
  if (const std::string text = query_value(request, "state"); !text.empty()) {
    std::string names;
    for (const auto& [state, name] : kStates) {
      if (text == name) question.state = state;
      names.append(names.empty() ? "" : ", ").append(name);
    }
    if (!question.state) return Error{"state: '" + text + "' is none of " + names};
  }
  if (const std::string text = query_value(request, "service"); !text.empty()) {
    question.service = text;
  }
  if (request.query.contains("worker")) {
    const auto worker = query_number(request, "worker", {0, workers - 1}, 0);
    if (!worker) return Error{worker.error()};
    question.worker = static_cast<uint32_t>(*worker);
  }
  const auto limit = query_number(request, "limit", {1, kFlowListMost}, 100);
  if (!limit) return Error{limit.error()};
  question.limit = static_cast<uint32_t>(*limit);
  return question;
}

std::string flow_text(const ListedFlow& flow) {
  std::string text = "{\"worker\":" + std::to_string(flow.worker);
  const auto add = [&](std::string_view name, const std::string& value) {
    text += ",\"";
    text += name;
    text += "\":";
    text += value;
  };
  const auto add_end = [&](std::string_view name, const IpAddress& address, uint16_t port) {
    add(name, json_quote(endpoint_to_string(address, port)));
  };
  add("protocol", json_quote(to_string(flow.protocol)));
  add_end("source", flow.source, flow.source_port);
  add_end("destination", flow.destination, flow.destination_port);
  if (!flow.service.empty()) add("service", json_quote(flow.service));
  if (flow.real) add_end("real", *flow.real, flow.real_port);
  if (flow.snat) add_end("snat", *flow.snat, flow.snat_port);
  add("state", json_quote(flow_state_name(flow.state)));
  if (flow.idle_ms) add("idle_ms", std::to_string(*flow.idle_ms));
  add("expires_ms", std::to_string(flow.expires_ms));
  return text + "}";
}

std::string flows_text(const FlowList& list) {
  std::string text = "{\"flows\":[";
  for (const ListedFlow& flow : list.flows) {
    if (text.back() != '[') text += ",";
    text += flow_text(flow);
  }
  text += "],\"matched\":" + std::to_string(list.matched);
  text += ",\"looked_at\":" + std::to_string(list.looked_at);
  text += ",\"is_whole\":";
  text += list.flows.size() == list.matched ? "true" : "false";
  return text + "}\n";
}

}  // namespace

void add_flow_routes(HttpRouter& router, PageThread& asks, uint32_t workers, ListFlows list) {
  router.add(
      "GET", "/api/v1/flows",
      [&asks, workers, list = std::move(list)](const ApiRequest& request,
                                               const ApiResponder& respond) {
        auto question = read_flow_question(request, workers);
        if (!question) return respond(http_problem(400, question.error()));
        const bool is_taken = asks.post([list, question = *question, respond] {
          const auto flows = list(question);
          respond(flows ? ApiResponse{.body = flows_text(*flows)}
                        : http_problem(503, flows.error()));
        });
        if (!is_taken) {
          respond(still_busy());
        }
      },
      std::vector<std::string>{"source", "destination", "real", "protocol", "state", "service",
                               "worker", "limit"});
}

}  // namespace vipgate
