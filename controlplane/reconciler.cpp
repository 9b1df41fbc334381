#include "controlplane/reconciler.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace vipgate {
namespace {

// Per tick, so that neither the control thread nor the way out is flooded by a large reload.
constexpr size_t kAnnouncementsPerTick = 64;

// What is in force, with what a reload may change taken from `next`.
Config reloaded(const Config& running, const Config& next) {
  Config config = running;
  config.services = next.services;
  config.defaults = next.defaults;
  config.timeouts = next.timeouts;
  config.dns = next.dns;
  config.log.level = next.log.level;
  return config;
}

}  // namespace

RingRunner parallel_ring_runner() {
  return [](size_t count, const std::function<void(size_t)>& job) {
    tbb::parallel_for(size_t{0}, count, job);
  };
}

Reconciler::Reconciler(const Config& config, DataplaneControl& dataplane, NeighborLookup neighbors,
                       const DnsHashSecret& secret, RingRunner runner)
    : config_(config),
      dataplane_(dataplane),
      neighbors_(std::move(neighbors)),
      secret_(secret),
      builder_(std::move(runner)),
      publisher_(dataplane, [this](const DnsNames& names) { return compile(names); }) {}

Result<ReloadOutcome> Reconciler::apply(const Config& next, int64_t now_s) {
  ReloadOutcome outcome{{}, restart_required(config_, next)};
  Config config = reloaded(config_, next);
  if (!outcome.needs_restart.empty()) {
    if (auto status = check_consistent(config); !status) {
      return Error{next.file + ": without a restart, " + status.error()};
    }
  }
  Model model = model_;
  auto change = model.update(config, now_s);
  if (!change) return Error{next.file + ": " + change.error()};
  outcome.change = *change;
  const DnsNames names = names_of(model);
  // An addition is published without its names first. All names at once can be too much for a table
  // though a part of them is not: find out now.
  if (publisher_.has_published()) {
    auto table = compile_names(names, config.dns, generation_, secret_, dns_.get());
    if (!table) return Error{next.file + ": " + table.error()};
  }
  std::swap(config_, config);
  std::swap(model_, model);
  if (auto status = publisher_.change(names); !status) {
    std::swap(config_, config);
    std::swap(model_, model);
    return Error{next.file + ": " + status.error()};
  }
  next_deadline_s_ = model_.next_deadline_s();
  return outcome;
}

Status Reconciler::tick(int64_t now_s) {
  if (now_s >= next_deadline_s_) {
    const bool changed = model_.advance(now_s);
    next_deadline_s_ = model_.next_deadline_s();
    if (changed) {
      if (auto status = publisher_.refresh(); !status) return status;
    }
  }
  if (auto status = publisher_.advance(); !status) return status;
  if (publisher_.settled()) queue_announcements();
  announce_some();
  return Done{};
}

void Reconciler::queue_announcements() {
  if (serving_ == queued_) return;
  std::set_difference(serving_.begin(), serving_.end(), queued_.begin(), queued_.end(),
                      std::inserter(to_announce_, to_announce_.end()));
  queued_ = serving_;
}

void Reconciler::announce_some() {
  if (to_announce_.empty()) return;
  const size_t count = std::min(to_announce_.size(), kAnnouncementsPerTick);
  const auto end = std::next(to_announce_.begin(), static_cast<ptrdiff_t>(count));
  const std::vector<IpAddress> some(to_announce_.begin(), end);
  const size_t taken = std::min(dataplane_.announce(some), count);
  to_announce_.erase(to_announce_.begin(),
                     std::next(to_announce_.begin(), static_cast<ptrdiff_t>(taken)));
}

Result<std::shared_ptr<const DnsTable>> Reconciler::dns_table(const DnsNames& names) {
  if (dns_ != nullptr && names == dns_names_ && config_.dns == dns_config_) return dns_;
  auto table = compile_names(names, config_.dns, generation_, secret_, dns_.get());
  if (!table) return table;
  dns_ = *table;
  dns_names_ = names;
  dns_config_ = config_.dns;
  return table;
}

Result<std::shared_ptr<const Snapshot>> Reconciler::compile(const DnsNames& names) {
  ++generation_;
  auto table = dns_table(names);
  if (!table) return Error{table.error()};
  const std::vector<ForwardingPort> ports = dataplane_.ports();
  Compiled compiled = compile_forwarding({config_, model_, ports, neighbors_});
  compiled.spec.generation = generation_;
  compiled.spec.dns = *table;
  next_hops_ = std::move(compiled.next_hops);
  unresolved_ = std::move(compiled.unresolved);
  unreachable_ = std::move(compiled.unreachable);
  serving_.clear();
  for (const ServiceSpec& service : compiled.spec.services) serving_.insert(service.vip);
  for (const SnatAddress& snat : compiled.spec.snat_addresses) serving_.insert(snat.address);
  serving_.insert(config_.dns.listen.begin(), config_.dns.listen.end());
  // What is not served any longer must draw no traffic here; should it return, it is announced
  // anew.
  const auto is_gone = [&](const IpAddress& address) { return !serving_.contains(address); };
  std::erase_if(to_announce_, is_gone);
  std::erase_if(queued_, is_gone);
  return builder_.build(compiled.spec);
}

}  // namespace vipgate
