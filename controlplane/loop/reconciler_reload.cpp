// The part of Reconciler that puts a configuration in force: the first one, and each that is
// reloaded.
#include <utility>

#include "common/append.h"
#include "controlplane/dns/dns_policy_compiler.h"
#include "controlplane/loop/reconciler.h"

namespace vipgate {
namespace {

constexpr SourceId kYamlSource{Origin::kYaml, 0};

// What is in force, with what a reload may change taken from `next`.
Config reloaded(const Config& running, const Config& next) {
  Config config = running;
  config.services = next.services;
  config.defaults = next.defaults;
  config.timeouts = next.timeouts;
  config.kernel_rates = next.kernel_rates;
  config.transit = next.transit;
  config.dns = next.dns;
  config.locality = next.locality;
  config.named_vips.mode = next.named_vips.mode;
  config.named_vips.snat_pool = next.named_vips.snat_pool;
  config.named_vips.track = next.named_vips.track;
  config.named_vips.locality = next.named_vips.locality;
  config.named_vips.tunnel = next.named_vips.tunnel;
  config.named_vips.health = next.named_vips.health;
  config.log.level = next.log.level;
  config.watch = next.watch;
  return config;
}

DesiredState::Services services_of(const Config& config) {
  DesiredState::Services services;
  for (const ServiceConfig& service : config.services) {
    services.emplace(key_of(service), service);
  }
  return services;
}

}  // namespace

// Whether the file's services fit. What other sources add to them is not the file's mistake.
Status Reconciler::check_services(const Config& config, const std::set<ServiceKey>& changed,
                                  int64_t now_s) const {
  DesiredChanges changes;
  for (const ServiceConfig& service : config.services) {
    const ServiceKey key = key_of(service);
    if (changed.contains(key)) changes.emplace(key, DesiredService{service, {}});
  }
  for (const ServiceKey& key : changed) {
    if (!desired_.merged(key)) changes.emplace(key, std::nullopt);
  }
  ServiceCompiler compiler({});
  compiler.set_config(config);
  return model_.check(changes, rules(config, compiler), now_s);
}

Result<ReloadOutcome> Reconciler::apply(const Config& next, int64_t now_s) {
  ReloadOutcome outcome{{}, restart_required(config_, next), {}};
  const Config config = reloaded(config_, next);
  if (!outcome.needs_restart.empty()) {
    if (auto status = check_consistent(config); !status) {
      return Error{next.file + ": without a restart, " + status.error()};
    }
  }
  const std::set<ServiceKey> staged = desired_.take_dirty();
  auto before = desired_.replace(kYamlSource, services_of(config));
  Status status = check_services(config, desired_.dirty(), now_s);
  if (status) status = put_in_force(config);
  if (!status) {
    desired_.replace(kYamlSource, before);
    desired_.take_dirty();
  }
  for (const ServiceKey& key : staged) desired_.touch(key);
  if (!status) return Error{next.file + ": " + status.error()};

  status = take_staged_records();
  outcome.change = update_model(now_s);
  // A VIP that has become a DNS address cannot go on refusing.
  for (const IpAddress& address : config_.dns.listen) {
    const auto& services = model_.services();
    for (auto at = services.lower_bound({address, 0, Protocol{}});
         at != services.end() && at->first.vip == address;) {
      const ServiceKey key = (at++)->first;
      model_.drop(key, now_s);
    }
  }
  if (!status) outcome.problems.push_back(status.error());
  if (compile_dirty() || publisher_.has_records_to_publish() || !publisher_.has_published()) {
    if (status = publish(now_s); !status) outcome.problems.push_back(status.error());
  }
  return outcome;
}

void Reconciler::set_frame() {
  SnapshotFrame frame = compile_frame(config_, dataplane_.ports(), true);
  compiler_.resolve(frame.dns_policy.forwarding, dataplane_.ports());
  leave_out(frame.dns_policy.forwarding, down_resolvers_);
  if (builder_.set_frame(frame)) must_publish_ = true;
}

// On an error nothing has changed.
Status Reconciler::put_in_force(const Config& config) {
  const bool is_first = !publisher_.has_published();
  if (!is_first && config.dns == config_.dns) {
    config_ = config;
    recompile_.merge(file_fallbacks_.replace(fallbacks_of(config_)));
    set_frame();
    return Done{};
  }
  const DnsOptions dns = dns_options(config);
  auto zones = dns_zones(dns, 0);
  if (!zones) return Error{zones.error()};
  for (DnsZoneSpec& zone : *zones) zone.is_incomplete = is_incomplete(config, zone.name);
  auto records = static_records(dns);
  if (!records) return Error{records.error()};
  DnsViewTables views = views_.fresh();
  if (auto status = views.set_views(dns); !status) return status;
  if (auto status = publisher_.set_zones(std::move(*zones)); !status) return status;
  views_ = std::move(views);

  const std::vector<DnsRecord> old_records = std::exchange(static_records_, std::move(*records));
  for (const DnsRecord& record : static_records_) staged_added_.push_back(record);
  append(staged_removed_, old_records);
  if (is_first) {
    const SnatLayout layout = snat_layout(config);
    for (const SnatAddress& snat : layout.addresses) announcer_.set_serving(snat.address, true);
  } else {
    for (const IpAddress& address : config_.dns.listen) announcer_.set_serving(address, false);
  }
  for (const IpAddress& address : config.dns.listen) announcer_.set_serving(address, true);
  config_ = config;
  dns_ = dns;
  recompile_.merge(file_fallbacks_.replace(fallbacks_of(config_)));
  compiler_.set_config(config_);
  set_frame();
  must_publish_ = true;  // the zones have changed
  // Names, TTLs and what may be a VIP have changed.
  for (const auto& [key, service] : model_.services()) {
    desired_.touch(key);
    recompile_.insert(key);
  }
  has_room_ = true;
  return Done{};
}

}  // namespace vipgate
