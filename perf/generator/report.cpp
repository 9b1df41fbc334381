#include "perf/generator/report.h"

#include "common/json_text.h"

namespace vipgate::generator {
namespace {

std::string number_field(const char* name, uint64_t value) {
  return "\"" + std::string(name) + "\":" + std::to_string(value);
}

std::string text(const Endpoint& endpoint) {
  return json_quote(endpoint_to_string(endpoint.address, endpoint.port));
}

std::string way_report(const Way& way, uint64_t offered) {
  const Latencies& latencies = way.latencies;
  // What came too late to be told from a duplicate is counted as lost.
  return "{" + number_field("received", way.received) + "," +
         number_field("lost", offered - way.received) + "," + number_field("late", way.late) + "," +
         number_field("duplicate", way.duplicate) + "," + number_field("too_late", way.too_late) +
         ",\"latency_ns\":{" + number_field("p50", latencies.percentile(50)) + "," +
         number_field("p90", latencies.percentile(90)) + "," +
         number_field("p99", latencies.percentile(99)) + "," +
         number_field("p99.9", latencies.percentile(99.9)) + "," +
         number_field("max", latencies.max()) + "}}";
}

std::string reals_report(const Accounts::Trial& figures) {
  std::string out;
  for (const auto& [real, count] : figures.reals) {
    out += (out.empty() ? "" : ",") + text(real) + ":" + std::to_string(count);
  }
  return "{" + out + "}";
}

std::string rcodes_report(const Accounts::Trial& figures) {
  std::string out;
  for (size_t code = 0; code < figures.rcodes.size(); ++code) {
    if (figures.rcodes[code] == 0) continue;
    out +=
        (out.empty() ? "" : ",") + number_field(std::to_string(code).c_str(), figures.rcodes[code]);
  }
  return "{" + out + "}";
}

std::string flows_report(const Options& options, const Accounts& accounts) {
  std::string out;
  const auto& reals = accounts.reals_of_flows();
  for (uint32_t flow = 0; flow < reals.size(); ++flow) {
    if (reals[flow].port == 0) continue;
    out += (out.empty() ? "" : ",") + text(client_of_flow(options.client, flow)) + ":" +
           text(reals[flow]);
  }
  return "{" + out + "}";
}

}  // namespace

std::string trial_report(const Options& options, const Sending& sending, const Accounts& accounts) {
  const Accounts::Trial& figures = accounts.figures();
  const double rate =
      sending.seconds > 0 ? static_cast<double>(sending.offered) / sending.seconds : 0;
  std::string out =
      "{" + number_field("trial", accounts.trial()) +
      ",\"asked_rate\":" + json_number(sending.asked_rate, 0) +
      ",\"rate\":" + json_number(rate, 0) + ",\"seconds\":" + json_number(sending.seconds, 6) +
      "," + number_field("offered", sending.offered) + "," +
      number_field("refused", sending.refused) + ",\"put_off\":" + json_number(sending.put_off, 0);
  if (options.kind != Kind::kDns) {
    out += ",\"one_way\":" + way_report(figures.one_way, sending.offered) +
           ",\"reals\":" + reals_report(figures);
  }
  if (options.kind == Kind::kDns || options.answer) {
    out += ",\"round_trip\":" + way_report(figures.round_trip, sending.offered);
  }
  if (options.answer) out += "," + number_field("answers_refused", sending.unanswered);
  if (options.kind == Kind::kDns) out += ",\"rcodes\":" + rcodes_report(figures);
  out += "," + number_field("moved", accounts.moved()) + "," +
         number_field("stale", figures.stale) + "," + number_field("foreign", figures.foreign) +
         "," + number_field("misdirected", figures.misdirected);
  if (options.verify) out += "," + number_field("wrong_checksum", figures.wrong_checksum);
  if (options.show_flows) out += ",\"flows\":" + flows_report(options, accounts);
  return out + "}";
}

}  // namespace vipgate::generator
