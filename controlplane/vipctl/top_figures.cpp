#include "controlplane/vipctl/top_figures.h"

#include <algorithm>
#include <string_view>

#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

// Replies to DNS queries that came by the packet path, by their outcomes.
constexpr const char* kDnsReplies[] = {"dns.answer",    "dns.nodata",
                                       "dns.nxdomain",  "dns.servfail",
                                       "dns.truncated", "dns.amplification_limited",
                                       "dns.refused",   "dns.rate_limited_truncated",
                                       "dns.formerr",   "dns.notimp",
                                       "dns.badvers",   "dns.notauth",
                                       "dns.cookie",    "dns.forwarded",
                                       "dns.cached",    "dns.stale"};

double time_of(const value& worker) {
  return decimal_of(worker, "busy_s") + decimal_of(worker, "idle_s") +
         decimal_of(worker, "asleep_s");
}

// The same worker's, of another time; an empty object: it was not there.
const value& worker_like(const value& workers, const value& worker) {
  static const value kNone = value::object();
  for (const value& other : array_of(workers, "workers")) {
    if (number_of(other, "worker") == number_of(worker, "worker")) return other;
  }
  return kNone;
}

double uptime_s(const value& workers) {
  double most = 0;
  for (const value& worker : array_of(workers, "workers")) most = std::max(most, time_of(worker));
  return most;
}

WorkerRates worker_rates(const value& before, const value& now) {
  WorkerRates rates;
  rates.worker = number_of(now, "worker");
  rates.cpu = number_of(now, "cpu");
  // By the worker's own clock.
  const double seconds = time_of(now) - time_of(before);
  if (seconds <= 0) return rates;
  const double busy_s = decimal_of(now, "busy_s") - decimal_of(before, "busy_s");
  const uint64_t all_packets = number_of(now, "packets");
  const double packets = static_cast<double>(all_packets - number_of(before, "packets"));
  rates.packets_s = packets / seconds;
  rates.busy_ratio = busy_s / seconds;
  rates.asleep_ratio = (decimal_of(now, "asleep_s") - decimal_of(before, "asleep_s")) / seconds;
  // How many cycles a busy second has follows from the figures since the start.
  if (packets > 0 && decimal_of(now, "busy_s") > 0) {
    const double cycles_per_busy_s = decimal_of(now, "cycles_per_packet") *
                                     static_cast<double>(all_packets) / decimal_of(now, "busy_s");
    rates.cycles_per_packet = busy_s * cycles_per_busy_s / packets;
  }
  return rates;
}

// Whether it is another process than before: what only rises has fallen.
bool is_another_life(const TopSample& before, const TopSample& now) {
  if (number_of(now.status.counters, "rx_packets") <
      number_of(before.status.counters, "rx_packets")) {
    return true;
  }
  for (const value& worker : array_of(now.workers, "workers")) {
    const value& earlier = worker_like(before.workers, worker);
    if (time_of(worker) < time_of(earlier) ||
        number_of(worker, "packets") < number_of(earlier, "packets")) {
      return true;
    }
  }
  return false;
}

}  // namespace

TopFigures top_figures(const TopSample& before, const TopSample& now) {
  TopFigures figures;
  figures.seconds = std::chrono::duration<double>(now.at - before.at).count();
  figures.up_s = uptime_s(now.workers);
  figures.is_restarted = is_another_life(before, now);
  if (figures.is_restarted || figures.seconds <= 0) return figures;
  // A counter may be missing, which is 0, and one that is reset has no rate.
  const auto rate = [&](const std::string& name) {
    const uint64_t was = number_of(before.status.counters, name);
    const uint64_t is = number_of(now.status.counters, name);
    return is < was ? 0 : static_cast<double>(is - was) / figures.seconds;
  };
  figures.rx_s = rate("rx_packets");
  figures.tx_s = rate("tx_packets");
  figures.flows_s = rate("flows_created");
  for (const char* name : kDnsReplies) figures.dns_s += rate(name);
  for (const value& worker : array_of(now.workers, "workers")) {
    figures.workers.push_back(worker_rates(worker_like(before.workers, worker), worker));
  }
  for (const auto& [name, number] : now.status.counters.as_object()) {
    constexpr std::string_view kDrop = "drop.", kPort = "port.";
    const NamedRate one{name, rate(name), number_of(now.status.counters, name)};
    if (name.starts_with(kDrop)) {
      figures.drops.push_back({name.substr(kDrop.size()), one.per_s, one.total});
      figures.dropped_s += one.per_s;
    } else if (name.starts_with(kPort) &&
               (name.ends_with(".rx_missed") || name.ends_with(".rx_no_buffer")) && one.per_s > 0) {
      figures.losses.push_back({name.substr(kPort.size()), one.per_s, one.total});
    }
  }
  std::stable_sort(figures.drops.begin(), figures.drops.end(),
                   [](const NamedRate& a, const NamedRate& b) {
                     return a.per_s != b.per_s ? a.per_s > b.per_s : a.total > b.total;
                   });
  return figures;
}

value top_json(const TopFigures& figures, const TopSample& now) {
  value all = value::object(true);
  all["ready"] = value::boolean(now.status.is_ready);
  all["up_s"] = value::number(figures.up_s);
  all["restarted"] = value::boolean(figures.is_restarted);
  value rates = value::object(true);
  rates["rx_packets"] = value::number(figures.rx_s);
  rates["tx_packets"] = value::number(figures.tx_s);
  rates["dropped"] = value::number(figures.dropped_s);
  rates["flows_created"] = value::number(figures.flows_s);
  rates["dns"] = value::number(figures.dns_s);
  all["per_s"] = rates;
  value workers = value::array();
  for (size_t i = 0; i < figures.workers.size(); ++i) {
    const WorkerRates& worker = figures.workers[i];
    value one = value::object(true);
    one["worker"] = value::number(worker.worker);
    one["packets_per_s"] = value::number(worker.packets_s);
    one["cycles_per_packet"] = value::number(worker.cycles_per_packet);
    one["busy_ratio"] = value::number(worker.busy_ratio);
    one["asleep_ratio"] = value::number(worker.asleep_ratio);
    workers[i] = one;
  }
  all["workers"] = workers;
  value drops = value::object(true);
  for (const NamedRate& drop : figures.drops) drops[drop.name] = value::number(drop.per_s);
  all["drops_per_s"] = drops;
  return all;
}

}  // namespace vipgate
