#include "controlplane/metrics/counter_metrics.h"

#include <string_view>
#include <unordered_map>

#include "common/counters.h"

namespace vipgate {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// A star in a counter's name is the value of the label.
struct CounterRule {
  std::string_view counter;
  std::string_view label;
  std::string_view metric;
  MetricType type;
  std::string_view help;
  double scale = 1;
};

constexpr auto kRising = MetricType::Counter;
constexpr auto kLevel = MetricType::Gauge;

constexpr CounterRule kCounterRules[] = {
    {"dns_type.*", "type", "vipgate_dns_questions_total", kRising,
     "Questions over UDP that could be read, by the type that is asked for."},
    {"dns.names", "", "vipgate_dns_names", kLevel, "Names that DNS is answered for."},
    {"dns.records_waiting", "", "vipgate_dns_records_waiting", kLevel,
     "DNS records for which limits.dns_names has no room."},
    {"dns_resolvers.*", "state", "vipgate_dns_resolvers", kLevel,
     "Resolvers of dns.forward, by what they answered last."},
    {"hosts.names", "", "vipgate_host_names", kLevel,
     "Host names of clusters whose addresses are looked up."},
    {"health.services_in_panic", "", "vipgate_services_in_panic", kLevel,
     "Services of which too few reals are up, so that all of them are used."},
    {"services.without_real", "", "vipgate_services_without_real", kLevel,
     "Services that have no real to go to."},
    {"services.refused", "", "vipgate_services_refused", kLevel,
     "Services that are not served as they are wanted."},
    {"reals.down", "", "vipgate_reals_down", kLevel,
     "Reals that are to get flows and do not, as their checks call them down."},
    {"config.refused", "", "vipgate_config_refused", kLevel,
     "1 while the configuration in force is older than the file, which a reload refused."},
    {"tunnels.lowered_mtus", "", "vipgate_tunnels_with_lowered_mtu", kLevel,
     "Reals whose tunnel a router has told a smaller MTU of."},
    {"maglev.checksum", "", "vipgate_maglev_checksum", kLevel,
     "Checksum of all rows: equal on gateways that choose the same reals."},
    {"vips.collisions", "", "vipgate_vip_collisions", kLevel,
     "Named VIPs whose first choice of an address was taken."},
    {"routes.prefixes", "", "vipgate_kernel_route_prefixes", kLevel,
     "Prefixes of the kernel's routes that are followed."},
    {"routes.changes", "", "vipgate_kernel_route_changes_total", kRising,
     "Changes of the kernel's routes."},
    {"announce.routes", "", "vipgate_announced_routes", kLevel,
     "Routes of VIPs that stand in the kernel's table for routing daemons."},
    {"snat_pool.*.exhausted", "pool", "vipgate_snat_exhausted_total", kRising,
     "New flows that found no free port, by the pool's first address."},
    {"store.failures", "", "vipgate_store_failures_total", kRising,
     "Changes that the state store did not take at once."},
    {"store.waiting", "", "vipgate_store_waiting", kLevel,
     "Changes that wait for the state store."},
    {"rest.services", "", "vipgate_rest_services", kLevel, "Services made by the API."},
    {"rest.drains", "", "vipgate_rest_drains", kLevel,
     "Reals, or addresses, that the API has taken out."},
    {"rest.changes", "", "vipgate_rest_changes_total", kRising, "Changes by the API."},
    {"rest.refused", "", "vipgate_rest_refused_total", kRising,
     "Changes by the API that were refused."},
    {"dns_tcp.connections", "", "vipgate_dns_tcp_connections_total", kRising,
     "DNS connections that were accepted."},
    {"dns_tcp.queries", "", "vipgate_dns_tcp_queries_total", kRising, "DNS queries over TCP."},
    {"dns_tcp.*", "event", "vipgate_dns_tcp_events_total", kRising,
     "What became of DNS connections and queries over TCP."},
    {"dns_udp.queries", "", "vipgate_dns_udp_queries_total", kRising,
     "DNS queries over UDP that the kernel took: in fragments, or of the gateway itself."},
    {"dns_udp.*", "event", "vipgate_dns_udp_events_total", kRising,
     "What became of DNS queries over UDP that the kernel took."},
    {"health.checks", "", "vipgate_health_checks_total", kRising, "Health checks made."},
    {"health.alive", "", "vipgate_health_checks_passed_total", kRising,
     "Health checks that the real passed."},
    {"health.failed", "", "vipgate_health_checks_failed_total", kRising,
     "Health checks that the real failed."},
    {"health.no_verdict", "", "vipgate_health_checks_impossible_total", kRising,
     "Health checks that could not be made: no socket, port or route."},
    {"health.connections", "", "vipgate_health_connections_total", kRising,
     "Connections opened, or attempted, for health checks."},
    {"health.kept", "", "vipgate_health_idle_connections", kLevel,
     "Idle connections kept for health checks."},
    {"health.suspicions", "", "vipgate_health_suspicions_total", kRising,
     "Checks made early as traffic told of a failure."},
    {"health.traffic_suspicions", "", "vipgate_health_traffic_suspicions_total", kRising,
     "Reals whose traffic looked as if they had failed."},
    {"health.changes", "", "vipgate_health_changes_total", kRising,
     "Checks whose verdict changed."},
    {"health.in_flight", "", "vipgate_health_checks_in_flight", kLevel, "Health checks under way."},
    {"health.waiting", "", "vipgate_health_checks_waiting", kLevel,
     "Health checks that are due and wait for room."},
    {"health.targets", "", "vipgate_health_targets", kLevel, "Reals that are checked."},
    {"health.went_up", "", "vipgate_reals_went_up_total", kRising, "Reals that came back."},
    {"health.went_down", "", "vipgate_reals_went_down_total", kRising, "Reals that failed."},
    {"mesos.*.tasks", "cluster", "vipgate_mesos_tasks", kLevel, "Tasks of the cluster."},
    {"mesos.*.tasks_waiting", "cluster", "vipgate_mesos_tasks_waiting", kLevel,
     "Tasks whose agent or framework is not known yet."},
    {"mesos.*.agents", "cluster", "vipgate_mesos_agents", kLevel, "Agents of the cluster."},
    {"mesos.*.agents_recovered", "cluster", "vipgate_mesos_agents_recovered", kLevel,
     "Agents that a new master has not heard of again yet."},
    {"mesos.*.skipped", "cluster", "vipgate_mesos_skipped", kLevel,
     "Tasks, ports and labels that were left out."},
    {"mesos.*.connected", "cluster", "vipgate_mesos_connected", kLevel,
     "1 while the cluster's events arrive."},
    {"mesos.*.stale", "cluster", "vipgate_mesos_stale", kLevel,
     "1 while what is served of the cluster is its last known state."},
    {"mesos.*.age_ms", "cluster", "vipgate_mesos_age_seconds", kLevel,
     "Since the cluster was last heard of.", 1e-3},
    {"mesos.*.events", "cluster", "vipgate_mesos_events_total", kRising, "Events of the cluster."},
    {"mesos.*.whole_states", "cluster", "vipgate_mesos_whole_states_total", kRising,
     "Whole states that the cluster told."},
    {"mesos.*.connects", "cluster", "vipgate_mesos_connects_total", kRising,
     "Connections to masters."},
    {"mesos.*.drops", "cluster", "vipgate_mesos_disconnects_total", kRising,
     "Connections to masters that were lost."},
    {"mesos.*.records", "cluster", "vipgate_mesos_records_total", kRising,
     "Records of event streams."},
    {"mesos.*.bytes", "cluster", "vipgate_mesos_received_bytes_total", kRising,
     "Octets received from masters."},
    {"mesos.*.garbage", "cluster", "vipgate_mesos_garbage_total", kRising,
     "Records that could not be read."},
    {"mesos.*.oversize", "cluster", "vipgate_mesos_oversize_total", kRising,
     "Records that were too long."},
    {"mesos.*.sweeps", "cluster", "vipgate_mesos_sweeps_total", kRising,
     "Comparisons with the master's whole state."},
    {"mesos.*.failed_sweeps", "cluster", "vipgate_mesos_failed_sweeps_total", kRising,
     "Comparisons with the master's whole state that failed."},
    {"source.*.in_force", "source", "vipgate_source_in_force", kLevel,
     "1 while what the source says is in force; 0: it is out of reach, or was refused."},
    {"source.*.age_ms", "source", "vipgate_source_age_seconds", kLevel,
     "Since the source was last heard of.", 1e-3},
    {"marathon[*].connected", "source", "vipgate_marathon_connected", kLevel,
     "1 while Marathon's events arrive."},
    {"marathon[*].verdicts", "source", "vipgate_marathon_verdicts", kLevel,
     "Tasks whose health Marathon has told."},
    {"port.*.rx_packets", "port", "vipgate_port_rx_packets_total", kRising,
     "Packets that the device has received."},
    {"port.*.tx_packets", "port", "vipgate_port_tx_packets_total", kRising,
     "Packets that the device has sent."},
    {"port.*.rx_missed", "port", "vipgate_port_rx_missed_packets_total", kRising,
     "Packets that the device dropped as no worker took them."},
    {"port.*.rx_errors", "port", "vipgate_port_rx_errors_total", kRising,
     "Packets that the device received with errors."},
    {"port.*.rx_no_buffer", "port", "vipgate_port_rx_no_buffer_total", kRising,
     "Times that the device found no packet buffer."},
    {"port.*.tx_errors", "port", "vipgate_port_tx_errors_total", kRising,
     "Packets that the device failed to send."},
    {"port.*.to_kernel", "port", "vipgate_port_to_kernel_packets_total", kRising,
     "Packets given to the kernel."},
    {"port.*.to_kernel_dropped", "port", "vipgate_port_to_kernel_dropped_packets_total", kRising,
     "Packets that the kernel did not take."},
    {"port.*.from_kernel", "port", "vipgate_port_from_kernel_packets_total", kRising,
     "Packets taken from the kernel."},
    {"port.*.from_kernel_dropped", "port", "vipgate_port_from_kernel_dropped_packets_total",
     kRising, "Packets of the kernel that workers did not take."},
    {"port.*.link_losses", "port", "vipgate_port_link_losses_total", kRising,
     "Times that the port lost link."},
    {"port.*.without_link", "port", "vipgate_port_without_link", kLevel,
     "1 while the port has no link."},
};

// `label`: what stands for the star.
bool matches(const CounterRule& rule, std::string_view name, std::string_view& label) {
  const size_t star = rule.counter.find('*');
  if (star == std::string_view::npos) return name == rule.counter;
  const std::string_view before = rule.counter.substr(0, star);
  const std::string_view behind = rule.counter.substr(star + 1);
  if (name.size() <= before.size() + behind.size() || !name.starts_with(before) ||
      !name.ends_with(behind)) {
    return false;
  }
  label = name.substr(before.size(), name.size() - before.size() - behind.size());
  return true;
}

class FamilyList {
 public:
  void add(const std::string& metric, MetricType type, std::string_view help,
           std::vector<ClientMetric::Label> labels, double value) {
    const auto [known, is_new] = positions_.try_emplace(metric, families_.size());
    if (is_new) families_.push_back({metric, std::string(help), type, {}});
    ClientMetric& sample = families_[known->second].metric.emplace_back();
    sample.label = std::move(labels);
    (type == kRising ? sample.counter.value : sample.gauge.value) = value;
  }
  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  std::unordered_map<std::string, size_t> positions_;
  std::vector<MetricFamily> families_;
};

using CounterMap = std::unordered_map<std::string_view, uint64_t>;

double take(CounterMap& counters, const std::string& name) {
  const auto known = counters.find(name);
  if (known == counters.end()) return 0;
  const auto value = static_cast<double>(known->second);
  counters.erase(known);
  return value;
}

// By the enumerations themselves: a new member cannot be forgotten.
template <class Enum>
void add_labelled(FamilyList& families, CounterMap& counters, const std::string& prefix,
                  const std::string& metric, const char* label, std::string_view help) {
  for (size_t i = 0; i < kCountOf<Enum>; ++i) {
    const std::string name(to_string(static_cast<Enum>(i)));
    families.add(metric, kRising, help, {{label, name}}, take(counters, prefix + name));
  }
}

void add_events(FamilyList& families, CounterMap& counters) {
  for (size_t i = 0; i < kCountOf<Event>; ++i) {
    const std::string name(to_string(static_cast<Event>(i)));
    families.add("vipgate_" + name + "_total", kRising, "All workers: " + name + ".", {},
                 take(counters, name));
  }
}

// Of each whose total is there ("port.edge.dropped"): by reason, with 0 for those that were not.
void add_drops_of(FamilyList& families, CounterMap& counters, const NamedCounters& all,
                  const std::string& kind, const std::string& metric, std::string_view help) {
  const std::string pattern = kind + ".*.dropped";
  const CounterRule totals{pattern, kind, metric, kRising, help};
  for (const auto& [name, value] : all) {
    std::string_view whose;
    if (!matches(totals, name, whose)) continue;
    counters.erase(name);
    for (size_t i = 0; i < kCountOf<DropReason>; ++i) {
      const std::string reason(to_string(static_cast<DropReason>(i)));
      std::string counter = name + "_";
      counter += reason;
      families.add(metric, kRising, help, {{kind, std::string(whose)}, {"reason", reason}},
                   take(counters, counter));
    }
  }
}

void add_by_rule(FamilyList& families, std::string_view name, double value) {
  for (const CounterRule& rule : kCounterRules) {
    std::string_view label;
    if (!matches(rule, name, label)) continue;
    std::vector<ClientMetric::Label> labels;
    if (!rule.label.empty()) labels.push_back({std::string(rule.label), std::string(label)});
    return families.add(std::string(rule.metric), rule.type, rule.help, std::move(labels),
                        value * rule.scale);
  }
  families.add("vipgate_other", kLevel, "What has no metric of its own yet.",
               {{"name", std::string(name)}}, value);
}

}  // namespace

std::vector<MetricFamily> counter_families(const NamedCounters& counters) {
  CounterMap left;
  for (const auto& [name, value] : counters) left.emplace(name, value);
  FamilyList families;
  add_labelled<DropReason>(families, left, "drop.", "vipgate_dropped_packets_total", "reason",
                           "Packets that were dropped, by reason.");
  add_labelled<ReplyKind>(families, left, "reply.", "vipgate_replies_total", "kind",
                          "Packets that the gateway answered itself.");
  add_labelled<KernelReason>(families, left, "kernel.", "vipgate_kernel_packets_total", "kind",
                             "Packets for the kernel, by kind.");
  add_labelled<DnsOutcome>(families, left, "dns.", "vipgate_dns_queries_total", "outcome",
                           "DNS queries over UDP, by what became of them.");
  add_events(families, left);
  add_drops_of(families, left, counters, "worker", "vipgate_worker_dropped_packets_total",
               "Packets that the worker dropped, by reason.");
  add_drops_of(families, left, counters, "port", "vipgate_port_dropped_packets_total",
               "Packets that came in by the port and were dropped by a decision, or for want of "
               "room in a table, by reason: not those that a full queue lost.");
  for (const auto& [name, value] : counters) {
    if (!left.contains(name) || name.starts_with("publish.")) continue;
    add_by_rule(families, name, static_cast<double>(value));
  }
  return families.take();
}

}  // namespace vipgate
