#include "dataplane/dataplane.h"

#include <rte_cycles.h>
#include <rte_mempool.h>

#include <algorithm>

#include "common/dns_rotation.h"
#include "common/dns_views.h"
#include "common/unix_clock.h"
#include "dataplane/announce.h"
#include "dataplane/counter_names.h"
#include "dataplane/dataplane_parts.h"
#include "dataplane/dns_datagram.h"
#include "dataplane/explain.h"
#include "dataplane/fastpath/dns_options.h"
#include "dataplane/fastpath/dns_responder.h"
#include "dataplane/fastpath/dns_special.h"

namespace vipgate {

Dataplane::Dataplane(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Dataplane::~Dataplane() = default;

Result<std::unique_ptr<Dataplane>> Dataplane::start(const DataplaneOptions& options) {
  auto parts = std::make_unique<Parts>(options);
  try {
    if (auto done = parts->start(); !done) return Error{done.error()};
  } catch (const std::bad_alloc&) {
    return Error{"not enough memory for the flow tables: lower limits.flows_per_worker"};
  }
  return std::unique_ptr<Dataplane>(new Dataplane(std::move(parts)));
}

uint64_t Dataplane::publish(std::shared_ptr<const Snapshot> snapshot) {
  return parts_->cell.publish(std::move(snapshot));
}
bool Dataplane::passed(uint64_t version) const { return parts_->cell.passed(version); }
size_t Dataplane::reclaim() { return parts_->cell.reclaim(); }

const std::string& Dataplane::memory_mode() const { return parts_->eal->mode.description; }
std::vector<std::string> Dataplane::port_summaries() const {
  std::vector<std::string> lines;
  for (const auto& port : parts_->ports) lines.push_back(port->summary());
  return lines;
}
const std::vector<std::string>& Dataplane::warnings() const { return parts_->warnings; }

MacAddress Dataplane::mac(size_t port) const { return parts_->ports[port]->mac(); }
uint16_t Dataplane::mtu(size_t port) const { return parts_->ports[port]->mtu(); }

bool Dataplane::link_up(size_t port) const { return parts_->ports[port]->link().up; }

std::string Dataplane::interface_name(size_t port) const {
  if (!parts_->exception_path) return {};
  return parts_->exception_path->interface_name(static_cast<uint16_t>(port));
}

size_t Dataplane::announce(std::span<const IpAddress> addresses) {
  for (size_t taken = 0; taken < addresses.size(); ++taken) {
    if (!parts_->announce(addresses[taken])) return taken;
  }
  return addresses.size();
}

// False: the port's ring has no room for it now.
bool Dataplane::Parts::announce(const IpAddress& address) {
  if (!exception_path) return true;
  const auto is_home = [&](const DataplanePort& port) {
    return std::any_of(port.addresses.begin(), port.addresses.end(),
                       [&](const IpPrefix& prefix) { return prefix.contains(address); });
  };
  const bool has_home = std::any_of(options.ports.begin(), options.ports.end(), is_home);
  for (size_t i = 0; i < ports.size(); ++i) {
    const DataplanePort& port = options.ports[i];
    if (!port.kernel || (has_home && !is_home(port))) continue;
    const auto frame = announcement(address, ports[i]->mac(), port.vlan);
    if (!exception_path->inject(static_cast<uint16_t>(i), frame)) return false;
  }
  return true;
}

void Dataplane::note_wall_clock() { parts_->note_wall_clock(); }

// The first octets of the buffer that its reply is written into. The client must outlive it.
static DnsQuery query_in(std::span<uint8_t> message, size_t length, const IpAddress& client) {
  return {.message = message.data(),
          .length = static_cast<uint16_t>(length),
          .capacity = static_cast<uint16_t>(std::min<size_t>(message.size(), UINT16_MAX)),
          .source_port = {},
          .client = client.bytes().data(),
          .client_length = static_cast<uint8_t>(client.bits() / 8)};
}

// Those of the reply to a query, which are written behind what its buffer holds, and taken from
// there.
static std::vector<uint8_t> stream_options(const DnsParsed& parsed, size_t written) {
  if (parsed.options == 0) return {};
  const size_t at = written + kDnsOptLength;
  if (at + parsed.opt_length > parsed.query.capacity) return {};
  const auto length =
      dns_append_options(parsed, DnsExtendedError::kNone, static_cast<uint32_t>(at));
  const uint8_t* begin = parsed.query.message + at;
  return {begin, begin + length};
}

// That a resolver is asked for.
static std::string_view asked_name(const DnsParsed& parsed, const DnsAlias& alias) {
  return alias.length == 0 ? parsed.name.text(parsed.name_length)
                           : alias.name.text(alias.name_length);
}

DnsStreamAnswer Dataplane::answer_dns(std::span<uint8_t> message, size_t length,
                                      const IpAddress& client) const {
  const std::shared_ptr<const Snapshot> snapshot = parts_->cell.current();
  if (snapshot == nullptr) return {};
  DnsQuery query = query_in(message, length, client);
  query.is_stream = true;
  const uint32_t rotation =
      parts_->dns_rotation.fetch_add(kDnsRotationStep, std::memory_order_relaxed);
  DnsAlias alias;
  const DnsContext context{*snapshot->dns, *snapshot->dns_policy, static_cast<uint64_t>(unix_ns()),
                           snapshot->dns_views.get(), &alias};
  DnsParsed parsed;
  dns_parse(context, query, parsed);
  dns_prefetch(context, parsed);
  DnsReply reply = dns_answer(context, parsed, rotation);
  const bool is_for_others = reply.verdict == DnsVerdict::kForward;
  if (is_for_others && alias.length != 0) reply = dns_answer_alias_alone(parsed, alias);
  return {.length = reply.length,
          .is_for_others = is_for_others,
          .question_end = parsed.question_end,
          .has_opt = parsed.has_opt,
          .is_dnssec_ok = parsed.is_dnssec_ok,
          .is_above_zone = is_for_others && dns_leads_to_zone(context, asked_name(parsed, alias)),
          .options = is_for_others ? stream_options(parsed, std::max<size_t>(length, reply.length))
                                   : std::vector<uint8_t>()};
}

uint16_t Dataplane::answer_dns_datagram(std::span<uint8_t> message, size_t length,
                                        const AddressAndPort& client) const {
  const std::shared_ptr<const Snapshot> snapshot = parts_->cell.current();
  if (snapshot == nullptr || dns_claims_our_service(*snapshot, client)) return 0;
  DnsQuery query = query_in(message, length, client.address);
  query.source_port = Be16(client.port);
  const uint32_t rotation =
      parts_->dns_rotation.fetch_add(kDnsRotationStep, std::memory_order_relaxed);
  return dns_answer_datagram({*snapshot->dns, *snapshot->dns_policy,
                              static_cast<uint64_t>(unix_ns()), snapshot->dns_views.get()},
                             query, rotation);
}

// What the devices and the kernel's side lost, and what passed to and from the kernel.
void Dataplane::Parts::add_port_counters(NamedCounters& counters) const {
  const auto add = [&](std::string name, uint64_t value) {
    counters.emplace_back(std::move(name), value);
  };
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string prefix = "port." + options.ports[i].name + ".";
    const rte_eth_stats device = ports[i]->stats();
    add(prefix + "rx_packets", device.ipackets);
    add(prefix + "tx_packets", device.opackets);
    add(prefix + "rx_missed", device.imissed);
    add(prefix + "rx_errors", device.ierrors);
    add(prefix + "rx_no_buffer", device.rx_nombuf);
    add(prefix + "tx_errors", device.oerrors);
    if (!options.ports[i].kernel) continue;
    const KernelPortStats kernel = exception_path->stats(static_cast<uint16_t>(i));
    add(prefix + "to_kernel", kernel.to_kernel);
    add(prefix + "to_kernel_dropped", kernel.to_kernel_dropped);
    add(prefix + "from_kernel", kernel.from_kernel);
    add(prefix + "from_kernel_dropped", kernel.from_kernel_dropped);
  }
}

Result<FlowList> Dataplane::flows(const FlowQuestion& question) const {
  return parts_->flow_desk->list(question);
}

Status Dataplane::watch(const WatchOptions& options) { return parts_->watches->start(options); }
void Dataplane::stop_watching() { parts_->watches->stop(); }
WatchStatus Dataplane::watch_status() const { return parts_->watches->status(); }

Result<Explanation> Dataplane::explain(const ExplainPacket& packet) const {
  ExplainOptions options;
  options.snapshot = parts_->cell.current();
  if (options.snapshot == nullptr) return Error{"there is no snapshot yet"};
  for (const DataplanePort& port : parts_->options.ports) options.port_names.push_back(port.name);
  options.workers = parts_->workers;
  options.services = parts_->options.sizes.services;
  options.reals = parts_->options.sizes.reals;
  options.owners = parts_->owners.get();
  options.secret = parts_->options.secrets.flows;
  options.packet = packet;
  try {
    return vipgate::explain(options);
  } catch (const std::bad_alloc&) {
    return Error{"not enough memory for the tables of an explanation"};
  }
}

RealSignals Dataplane::real_signals(uint32_t real_index) const {
  RealSignals sum;
  for (const auto& worker : parts_->memory) {
    if (real_index >= worker->signals().size()) continue;
    const RealSignalCounters& part = worker->signals()[real_index];
    sum.opened += part.opened.value();
    sum.answered += part.answered.value();
    sum.resets += part.resets.value();
  }
  return sum;
}

DnsRateFigures Dataplane::dns_rate_figures() const {
  DnsRateFigures sum;
  for (const auto& worker : parts_->memory) {
    sum.dropped += worker->counters().value(DropReason::kDnsRateLimited);
    sum.truncated += worker->counters().value(DnsOutcome::kSlipped);
  }
  return sum;
}

std::vector<uint64_t> Dataplane::snat_exhausted() const {
  return add_up_snat_exhausted(parts_->memory);
}

std::vector<WorkerTables> Dataplane::tables() const {
  std::vector<WorkerTables> tables;
  for (const auto& worker : parts_->memory) tables.push_back(worker->tables());
  return tables;
}

TableFill Dataplane::packet_buffers() const {
  const rte_mempool& pool = *parts_->pool;
  return {.entries = rte_mempool_in_use_count(&pool), .capacity = pool.size};
}

void Dataplane::count_snat_flows() {
  const auto snapshot = parts_->cell.current();
  if (snapshot != nullptr) parts_->snat_pools.advance(parts_->memory, *snapshot);
}

const std::vector<SnatPoolUse>& Dataplane::snat_pools() const { return parts_->snat_pools.uses(); }

std::vector<TunnelError> Dataplane::take_tunnel_errors() {
  std::vector<TunnelError> errors;
  for (const auto& worker : parts_->memory) {
    worker->tunnel_errors().take([&](const TunnelError& error) { errors.push_back(error); });
  }
  return errors;
}

WorkerFigures Dataplane::worker_figures() const {
  WorkerFigures figures{.ticks_per_second = rte_get_tsc_hz(), .workers = {}};
  for (const auto& worker : parts_->memory) {
    figures.workers.push_back(read_figures(worker->loop_counters()));
  }
  return figures;
}

TrafficFigures Dataplane::traffic_figures() const {
  const auto snapshot = parts_->cell.current();
  return snapshot == nullptr ? TrafficFigures{} : add_up_traffic(parts_->memory, *snapshot);
}

NamedCounters Dataplane::counters() const {
  NamedCounters counters = add_up_own_counters(parts_->memory, parts_->cell.current().get());
  parts_->add_port_counters(counters);
  std::vector<std::string> ports;
  for (const DataplanePort& port : parts_->options.ports) ports.push_back(port.name);
  add_details(counters, parts_->memory, ports);
  return counters;
}

}  // namespace vipgate
