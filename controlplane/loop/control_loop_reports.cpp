// What the control thread tells the API of workers, ports and sources.
#include <algorithm>

#include "controlplane/loop/control_loop.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {

AnswerDns ControlLoop::answer_dns() const {
  return [&dataplane = dataplane_](std::span<uint8_t> message, size_t length,
                                   const IpAddress& client) {
    return dataplane.answer_dns(message, length, client);
  };
}

AnswerDnsDatagram ControlLoop::answer_dns_datagram() const {
  return [&dataplane = dataplane_](std::span<uint8_t> message, size_t length,
                                   const AddressAndPort& client) {
    return dataplane.answer_dns_datagram(message, length, client);
  };
}

ListFlows ControlLoop::list_flows() const {
  return
      [&dataplane = dataplane_](const FlowQuestion& question) { return dataplane.flows(question); };
}

RestWatches ControlLoop::rest_watches() {
  return {.keeper = watches_,
          .places = watch_places(reconciler_.config()),
          .explain = [&dataplane = dataplane_](const ExplainPacket& packet) {
            return dataplane.explain(packet);
          }};
}

WorkersReport ControlLoop::workers_report() const {
  WorkersReport report;
  report.total = dataplane_.worker_figures();
  report.recent = worker_window_.until(report.total);
  report.cpus = reconciler_.config().workers.cpus;
  return report;
}

std::vector<PortReport> ControlLoop::ports_report() const {
  const std::vector<PortConfig>& ports = reconciler_.config().ports;
  const std::vector<ForwardingPort> devices = dataplane_.ports();
  const NamedCounters all = counters();
  std::vector<PortReport> reports;
  for (size_t i = 0; i < ports.size(); ++i) {
    PortReport& report = reports.emplace_back();
    report.name = ports[i].name;
    report.device = ports[i].device;
    report.interface = dataplane_.interface_name(i);
    report.mac = devices[i].mac;
    report.is_up = dataplane_.link_up(i);
    report.mtu = devices[i].mtu;
    report.vlan = ports[i].vlan;
    report.addresses = ports[i].addresses;
    report.counters = counters_of_port(all, report.name);
  }
  return reports;
}

SourceReport ControlLoop::file_report() const {
  SourceReport file;
  file.id = "file";
  file.kind = "file";
  file.name = reconciler_.config().file;
  file.state = file_problem_.empty() ? "in_force" : "refused";
  file.detail = file_problem_;
  file.age_ms = std::max<int64_t>(monotonic_ms() - file_read_ms_, 0);
  file.figures = {{"services", reconciler_.config().services.size()}};
  return file;
}

SourcesReport ControlLoop::sources_report(size_t ignored) const {
  SourcesReport report;
  report.sources.push_back(file_report());
  for (SourceReport& source : feeds_->sources(ignored)) {
    report.sources.push_back(std::move(source));
  }
  for (const auto& [key, why] : reconciler_.refused()) {
    report.refused.push_back({service_id(key), why});
  }
  return report;
}

}  // namespace vipgate
