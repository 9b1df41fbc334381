#include "controlplane/loop/reconciler.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/append.h"
#include "controlplane/dns/fed_zones.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

// Per commit, so that very many that do not fit cost the others little.
constexpr size_t kRetriesPerCommit = 64;

// Reals that should get flows and do not, as their checks call them down: not those that are
// leaving or were taken out.
uint32_t count_down(const ModelService& service) {
  return static_cast<uint32_t>(
      std::count_if(service.reals.begin(), service.reals.end(), [](const auto& entry) {
        const ModelReal& real = entry.second;
        return real.state == RealState::kDown && real.gone_at_s == kNever && real.weight != 0;
      }));
}

}  // namespace

RingRunner parallel_ring_runner() {
  return [](size_t count, const std::function<void(size_t)>& job) {
    tbb::parallel_for(size_t{0}, count, job);
  };
}

Reconciler::Reconciler(const Config& config, DataplaneControl& dataplane, NeighborLookup neighbors,
                       const DnsHashSecret& secret, RingRunner runner, RouteLookup routes)
    : config_(config),
      dataplane_(dataplane),
      compiler_(std::move(neighbors), std::move(routes)),
      views_(secret),
      builder_(std::move(runner)),
      publisher_(dataplane, secret, config.limits.dns_names,
                 [this](uint64_t generation, std::shared_ptr<const DnsTable> dns) {
                   SnapshotUpdate update = std::exchange(update_, {});
                   update.generation = generation;
                   update.dns = std::move(dns);
                   update.dns_views = views_.current();
                   update.service_slots = model_.service_slots();
                   update.real_slots = model_.real_slots();
                   update.transit_ports = compiler_.real_ports();
                   return builder_.update(std::move(update));
                 }),
      announcer_(dataplane) {
  for (size_t i = 0; i < config.mesos.size(); ++i) unknown_clusters_.insert(i);
}

ModelRules Reconciler::rules(const Config& config, const ServiceCompiler& compiler) const {
  return {.dns_ttl_s = service_names_ttl_s(config),
          .limits = config.limits,
          .accepts = [&compiler](const ServiceKey& key, const ServiceConfig& service) {
            return compiler.accepts(key, service);
          }};
}

void Reconciler::stage(const SourceId& source, SourceChange change) {
  for (auto& [key, service] : change.services) {
    desired_.set(source, key, std::move(service));
    if (source.origin != Origin::kRest) continue;
    const auto fallback = change.fallbacks.find(key);
    const bool has_one = fallback != change.fallbacks.end();
    if (rest_fallbacks_.set(key, has_one ? std::optional(fallback->second) : std::nullopt)) {
      desired_.touch(key);
      recompile_.insert(key);
    }
  }
  staged_added_.append(std::move(change.records_added));
  append(staged_removed_, std::move(change.records_removed));
}

Status Reconciler::check(const SourceChange& change, int64_t now_s) const {
  DesiredChanges changes;
  for (const auto& [key, service] : change.services) {
    if (service) changes.emplace_hint(changes.end(), key, DesiredService{*service, {}});
  }
  return model_.check(changes, rules(config_, compiler_), now_s);
}

void Reconciler::stage_cluster(size_t cluster, bool is_known) {
  staged_clusters_[cluster] = is_known;
}

bool Reconciler::is_incomplete(const Config& config, const std::string& zone) const {
  return std::any_of(unknown_clusters_.begin(), unknown_clusters_.end(),
                     [&](size_t cluster) { return is_fed_by(config, cluster, zone); });
}

void Reconciler::stage_health(const ServiceKey& service, const RealKey& real, RealHealth health) {
  if (targets_.contains(service, real)) desired_.set_health(service, real, health);
}

bool Reconciler::has_staged() const {
  return !desired_.dirty().empty() || !staged_added_.empty() || !staged_removed_.empty() ||
         !staged_clusters_.empty();
}

Status Reconciler::commit(int64_t now_s, int64_t oldest_received_ns) {
  if (!publisher_.has_published()) return Error{"a commit before the first configuration"};
  Status status = take_staged_records();
  update_model(now_s);
  if (!compile_dirty() && !publisher_.has_records_to_publish()) return status;
  const Status published = publish(now_s);
  if (oldest_received_ns != 0) {
    const int64_t taken_ns = std::max<int64_t>(0, monotonic_ns() - oldest_received_ns);
    event_to_published_.record(static_cast<uint64_t>(taken_ns));
  }
  return status ? published : status;
}

// Every record that can be answered is, whatever is wrong with others; the first error is returned.
Status Reconciler::take_staged_records() {
  Status result = Done{};
  size_t failures = 0;
  // Those that were added and removed since must have been there to be removed.
  for (const DnsRecordView record : staged_added_) {
    auto status = publisher_.add(record);
    if (status) continue;
    if (failures++ == 0) result = std::move(status);
  }
  for (const DnsRecord& record : staged_removed_) publisher_.remove(record);
  staged_added_.clear();
  staged_removed_.clear();
  take_staged_clusters();
  if (failures > 1) {
    return Error{result.error() + " (and " + std::to_string(failures - 1) + " more records)"};
  }
  return result;
}

void Reconciler::take_staged_clusters() {
  const std::set<size_t> before = unknown_clusters_;
  for (const auto& [cluster, is_known] : std::exchange(staged_clusters_, {})) {
    if (is_known) {
      unknown_clusters_.erase(cluster);
    } else {
      unknown_clusters_.insert(cluster);
    }
  }
  if (unknown_clusters_ == before) return;
  publisher_.set_incomplete(
      [this](const std::string& zone) { return is_incomplete(config_, zone); });
}

ModelChange Reconciler::update_model(int64_t now_s) {
  if (model_.advance(now_s)) has_room_ = true;
  ModelChange total;
  for (int round = 0; round < 2; ++round) {
    if (std::exchange(has_room_, false)) retry_refused();
    if (desired_.dirty().empty()) break;
    DesiredChanges changes;
    for (const ServiceKey& key : desired_.take_dirty()) {
      changes.emplace_hint(changes.end(), key, desired_.merged(key));
    }
    const ModelChange change = model_.apply(changes, rules(config_, compiler_), now_s);
    follow_health(changes);
    total += change;
    has_room_ = change.services_removed + change.reals_removed != 0;
  }
  return total;
}

void Reconciler::follow_health(const DesiredChanges& changes) {
  for (const auto& [key, wanted] : changes) {
    const ModelService* service = model_.find(key);
    const bool is_served = wanted && service != nullptr && service->is_configured();
    follow_panic(key, is_served ? &*wanted : nullptr);
    for (const RealKey& gone : targets_.follow(key, is_served ? &wanted->config : nullptr)) {
      desired_.forget_health(key, gone);
    }
  }
}

// What was not told yet and is undone never is.
void Reconciler::follow_panic(const ServiceKey& key, const DesiredService* service) {
  const bool is_in_panic = service != nullptr && service->is_in_panic;
  const bool is_other = is_in_panic ? in_panic_.insert(key).second : in_panic_.erase(key) != 0;
  if (service == nullptr) {
    panic_changes_.erase(key);
  } else if (is_other && panic_changes_.erase(key) == 0) {
    panic_changes_.emplace(key, is_in_panic);
  }
}

// In turn, beginning behind the last one that was tried.
void Reconciler::retry_refused() {
  const auto& refused = model_.refused();
  auto at = refused.upper_bound(last_retried_);
  for (size_t i = 0; i < std::min(kRetriesPerCommit, refused.size()); ++i) {
    if (at == refused.end()) at = refused.begin();
    last_retried_ = at->first;
    desired_.touch((at++)->first);
  }
}

Status Reconciler::tick(int64_t now_s) {
  Status status = Done{};
  const bool is_due = now_s >= next_deadline_s();
  recompile_.merge(moved_rows_.expire(now_s));
  recompile_tunnels(compiler_.path_mtus().expire(now_s));
  if (model_.advance(now_s)) {
    has_room_ = true;
    // What is staged waits for its commit, and what was refused with it.
    if (!has_staged()) update_model(now_s);
  }
  if (is_due && compile_dirty()) status = publish(now_s);
  if (auto advanced = publisher_.advance(); !advanced && status) status = advanced;
  announcer_.advance(publisher_.passed());
  return status;
}

Status Reconciler::neighbors_changed(int64_t now_s) {
  recompile_.merge(compiler_.neighbors_changed());
  if (config_.dns.forward.is_on) set_frame();
  return compile_dirty() ? publish(now_s) : Done{};
}

Status Reconciler::routes_changed(const ChangedPrefixes& changed, int64_t now_s) {
  for (const auto& [key, service] : model_.services()) {
    const bool depends = std::any_of(
        service.reals.begin(), service.reals.end(),
        [&](const auto& real) { return compiler_.depends_on(changed, real.first.address); });
    if (depends) recompile_.insert(recompile_.end(), key);
  }
  if (config_.dns.forward.is_on) set_frame();
  return compile_dirty() ? publish(now_s) : Done{};
}

Status Reconciler::resolvers_changed(std::set<RealKey> down, int64_t now_s) {
  down_resolvers_ = std::move(down);
  set_frame();
  return compile_dirty() ? publish(now_s) : Done{};
}

Status Reconciler::tunnel_errors(std::span<const TunnelError> errors, int64_t now_s) {
  std::vector<std::pair<TunnelQuote, uint16_t>> quotes;
  for (const TunnelError& error : errors) {
    if (const auto quote = read_tunnel_quote(error)) quotes.emplace_back(*quote, error.mtu);
  }
  if (quotes.empty()) return Done{};
  std::set<IpAddress> lowered;
  for (const auto& [key, service] : model_.services()) {
    if (!is_tunnel(service.config.mode)) continue;
    for (const auto& [quote, mtu] : quotes) {
      if (!could_have_sent(key, service, quote)) continue;
      if (compiler_.path_mtus().lower(quote.real, mtu, now_s)) lowered.insert(quote.real);
    }
  }
  if (lowered.empty()) return Done{};
  recompile_tunnels(lowered);
  return compile_dirty() ? publish(now_s) : Done{};
}

void Reconciler::recompile_tunnels(const std::set<IpAddress>& reals) {
  if (reals.empty()) return;
  for (const auto& [key, service] : model_.services()) {
    if (!is_tunnel(service.config.mode)) continue;
    const auto leads_to = [&service = service](const IpAddress& real) {
      return has_real_at(service, real);
    };
    if (std::any_of(reals.begin(), reals.end(), leads_to)) recompile_.insert(key);
  }
}

// True: the next snapshot differs from the last one.
bool Reconciler::compile_dirty() {
  std::set<ServiceKey> dirty = model_.take_dirty();
  dirty.merge(std::exchange(recompile_, {}));
  // The number of a service's fallback stands in what is made of the service.
  file_fallbacks_.add_dependents(dirty);
  rest_fallbacks_.add_dependents(dirty);
  for (const ServiceKey& key : dirty) compile(key);
  return std::exchange(must_publish_, false) || !dirty.empty();
}

void Reconciler::compile(const ServiceKey& key) {
  const ModelService* service = model_.find(key);
  auto made = made_.find(key);
  // It may have gone and come back under another number.
  if (made != made_.end() && (service == nullptr || service->index != made->second.index)) {
    update_.removed.push_back(made->second.index);
  }
  const bool is_configured = service != nullptr && service->is_configured();
  if (is_configured && !service->has_takers()) {
    without_real_.insert(key);
  } else {
    without_real_.erase(key);
  }
  follow_living(key);
  views_.set_service(key, service, dns_);
  std::vector<DnsRecord> records;
  if (is_configured && !service->config.name.empty()) {
    records = records_of(service->config.name, key, dns_);
  }
  if (made == made_.end()) {
    if (service == nullptr) return;
    made = made_.emplace_hint(made, key, Made{});
    set_serving(key, true);
  }
  if (records != made->second.records) {
    publisher_.want(records);
    publisher_.unwant(made->second.records);
    made->second.records = std::move(records);
  }
  reals_down_ -= made->second.reals_down;
  made->second.reals_down = is_configured ? count_down(*service) : 0;
  reals_down_ += made->second.reals_down;
  if (service == nullptr) {
    compiler_.forget(key);
    moved_rows_.forget(key);
    made_.erase(made);
    set_serving(key, false);
    return;
  }
  made->second.index = service->index;
  ServiceSpec& spec = update_.changed.emplace_back(compiler_.compile(key, *service));
  if (const auto* fallback = fallback_of(key)) spec.fallback = index_of(model_, *fallback);
  spec.drops_previous_rows = !moved_rows_.counts(key);
}

Status Reconciler::publish(int64_t now_s) {
  Status status = views_.build();
  Status published = publisher_.publish();
  if (status) status = std::move(published);
  announcer_.published(publisher_.version());
  for (const uint32_t index : builder_.moved()) {
    const ServiceKey key = key_of(*builder_.last(), index);
    moved_rows_.keep(key, now_s + model_.find(key)->config.timeouts.drain_s);
  }
  return status;
}

NamedCounters Reconciler::counters() const {
  const auto& snapshot = builder_.last();
  NamedCounters values = {
      // 48 bits: a number that readers of JSON and of metrics keep whole.
      {"maglev.checksum", snapshot == nullptr ? 0 : snapshot->rows_checksum >> 16},
      {"dns.names", dns_table().names()},
      {"dns.records_waiting", dns_table().waiting().size()},
      {"health.services_in_panic", in_panic_.size()},
      {"reals.down", reals_down_},
      {"services.refused", refused().size()},
      {"services.without_real", without_real_.size()},
      {"tunnels.lowered_mtus", compiler_.path_mtus().size()},
  };
  const auto add = [&](const std::string& name, const Histogram& histogram) {
    if (histogram.count() == 0) return;
    values.emplace_back(name + ".count", histogram.count());
    values.emplace_back(name + ".p50_us", histogram.percentile(50) / 1000);
    values.emplace_back(name + ".p99_us", histogram.percentile(99) / 1000);
    values.emplace_back(name + ".max_us", histogram.max() / 1000);
  };
  add("publish.received_to_published", event_to_published_);
  add("publish.published_to_passed", publisher_.passing());
  return values;
}

}  // namespace vipgate
