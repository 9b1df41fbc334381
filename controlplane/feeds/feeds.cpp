#include "controlplane/feeds/feeds.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "common/dns_wire.h"
#include "controlplane/event_log.h"
#include "controlplane/feeds/health_feed.h"
#include "controlplane/feeds/host_feed.h"
#include "controlplane/feeds/marathon_feed.h"
#include "controlplane/feeds/mesos_feed.h"
#include "controlplane/feeds/mesos_store.h"
#include "controlplane/feeds/resolver_feed.h"
#include "controlplane/feeds/store_feed.h"
#include "controlplane/feeds/vip_store.h"
#include "controlplane/rest/rest_feed.h"

namespace vipgate {
namespace {

// At the end: a large state takes its time.
constexpr int64_t kFlushMs = 10'000;

// Only what comes and goes by itself needs a memory.
bool needs_store(const Config& config) {
  return !config.mesos.empty() || std::any_of(config.services.begin(), config.services.end(),
                                              [](const auto& s) { return s.vip_auto; });
}

// A gateway without memory is better than none.
std::unique_ptr<StateStore> usable_store(const Config& config) {
  auto store = StateStore::open(config.store, kDefaultStorePath);
  if (store) return std::move(*store);
  spdlog::error("store: {}; nothing is kept over a restart", store.error());
  auto none = StateStore::open("none", "");
  return std::move(*none);
}

}  // namespace

Feeds::Feeds(const Config& config, Reconciler& reconciler)
    : config_(config), reconciler_(reconciler), allocator_(config_.named_vips) {}

Feeds::~Feeds() = default;

Result<std::unique_ptr<Feeds>> Feeds::create(const Config& config, Reconciler& reconciler,
                                             const DataplaneControl& dataplane) {
  std::unique_ptr<Feeds> feeds(new Feeds(config, reconciler));
  auto checker = HealthChecker::create();
  if (!checker) return Error{checker.error()};
  auto health =
      std::make_unique<HealthFeed>(std::move(*checker), reconciler, dataplane, feeds->pacer_);
  feeds->health_ = health.get();
  feeds->clients_.push_back(std::move(health));
  if (auto status = feeds->make_rest(); !status) return Error{status.error()};
  if (auto status = feeds->require_resolvers(config); !status) return Error{status.error()};
  // One that is there may have what the configuration had before.
  if (needs_store(config) || StateStore::exists(config.store, kDefaultStorePath)) {
    feeds->open_store();
  }
  if (!feeds->config_.mesos.empty()) {
    auto hosts = HostResolver::create();
    if (!hosts) return Error{hosts.error()};
    feeds->hosts_ = std::move(*hosts);
    const MesosFeed::Lookups lookups{
        [resolver = feeds->hosts_.get()](const std::string& host) { return resolver->find(host); },
        &feeds->scheduler_health_};
    auto mesos = std::make_unique<MesosFeed>(feeds->config_, feeds->allocator_, lookups,
                                             *feeds->store_, reconciler, feeds->pacer_);
    feeds->mesos_ = mesos.get();
    feeds->clients_.push_back(std::move(mesos));
    feeds->clients_.push_back(std::make_unique<HostFeed>(*feeds->hosts_, *feeds->mesos_));
  }
  return feeds;
}

void Feeds::require_store(const Config& config) {
  if (store_ == nullptr && needs_store(config)) open_store();
}

// With what it has of VIPs: an address that a name had before is its own again.
void Feeds::open_store() {
  store_ = usable_store(config_);
  if (auto status = restore_vips(*store_, allocator_); !status) {
    spdlog::error("store: the addresses of VIPs are not known: {}", status.error());
  }
  forget_clusters();
  clients_.push_back(std::make_unique<StoreFeed>(*store_, allocator_));
}

Status Feeds::make_rest() {
  const auto resolve = [this](Config& rest) -> Status {
    // As they will be beside what the file has; the clusters' names have their addresses already.
    std::vector<ServiceConfig> services = std::move(rest.services);
    rest.services = reconciler_.config().services;
    auto resolved = resolve_beside(rest, services);
    rest.services = std::move(services);
    return resolved ? Status(Done{}) : Status(Error{resolved.error()});
  };
  const auto resolve_alone = [this](const ServiceConfig* before, const ServiceConfig* after) {
    // What a cluster or another gateway has moved is found by looking at all.
    return allocator_.moves() == resolved_moves_
               ? yaml_vips_.address_alone(before, after, allocator_)
               : std::nullopt;
  };
  const auto adopt_one = [this](const ServiceConfig* before, const ServiceConfig* after) {
    yaml_vips_.change(before, after, allocator_);
  };
  const auto adopt = [this](const RestServiceMap& made) {
    Config all = reconciler_.config();
    all.services.reserve(all.services.size() + made.size());
    for (const auto& [id, service] : made) all.services.push_back(service.config);
    // They were found good a moment ago; what had to stay as it was may have no address any more.
    if (auto status = yaml_vips_.resolve(all, allocator_); !status) {
      spdlog::error("{}", status.error());
    }
    resolved_moves_ = allocator_.moves();
  };
  const auto store = [this]() -> StateStore& {
    if (store_ == nullptr) open_store();
    // The addresses of names are stored no later than the services that have them.
    save_vips(allocator_, *store_);
    return *store_;
  };
  auto rest =
      RestFeed::create(reconciler_, pacer_, {{resolve, resolve_alone}, adopt, adopt_one, store});
  if (!rest) return Error{rest.error()};
  rest_ = rest->get();
  clients_.push_back(std::move(*rest));
  return Done{};
}

// Once there, it follows every configuration.
Status Feeds::require_resolvers(const Config& config) {
  if (has_resolvers_ || resolver_checks(config.dns.forward).empty()) return Done{};
  auto checker = HealthChecker::create();
  if (!checker) return Error{checker.error()};
  clients_.push_back(std::make_unique<ResolverFeed>(std::move(*checker), reconciler_));
  has_resolvers_ = true;
  return Done{};
}

void Feeds::forget_clusters() {
  const auto forgotten = forget_other_clusters(*store_, config_);
  if (!forgotten) {
    spdlog::error("store: {}", forgotten.error());
  } else if (!forgotten->empty()) {
    std::string names;
    for (const std::string& name : *forgotten) names += (names.empty() ? "" : ", ") + name;
    spdlog::info("store: what it had of Mesos clusters that are no longer configured goes: {}",
                 names);
  }
}

Result<Feeds::Resolved> Feeds::resolve(Config& config) const {
  std::vector<ServiceConfig> made;
  for (const auto& [id, service] : rest_->services().services()) made.push_back(service.config);
  return resolve_beside(config, made);
}

// Of the configuration's services and of those that the API has made: a name has one address,
// whoever gives it.
Result<Feeds::Resolved> Feeds::resolve_beside(Config& config,
                                              std::vector<ServiceConfig>& made) const {
  Resolved resolved{allocator_, yaml_vips_};
  const size_t own = config.services.size();
  config.services.insert(config.services.end(), std::make_move_iterator(made.begin()),
                         std::make_move_iterator(made.end()));
  Status status = resolved.yaml_vips.resolve(config, resolved.allocator);
  std::move(config.services.begin() + static_cast<ptrdiff_t>(own), config.services.end(),
            made.begin());
  config.services.resize(own);
  if (!status) return Error{status.error()};
  return resolved;
}

void Feeds::adopt(Resolved resolved) {
  allocator_ = std::move(resolved.allocator);
  yaml_vips_ = std::move(resolved.yaml_vips);
  resolved_moves_ = allocator_.moves();
}

void Feeds::follow(const Config& in_force) {
  rest_->follow_config();
  if (auto status = require_resolvers(in_force); !status) {
    spdlog::error("dns.forward: resolvers are not asked whether they answer: {}", status.error());
  }
  const auto same = [&](auto Config::*part) { return config_.*part == in_force.*part; };
  if (same(&Config::dns) && same(&Config::timeouts) && same(&Config::defaults) &&
      same(&Config::locality) && same(&Config::named_vips)) {
    return;
  }
  config_.dns = in_force.dns;
  config_.timeouts = in_force.timeouts;
  config_.defaults = in_force.defaults;
  config_.locality = in_force.locality;
  config_.named_vips = in_force.named_vips;
  if (mesos_ != nullptr) mesos_->remake_views();
}

void Feeds::restore_sources(const Config& resolved) {
  rest_->set_file_services(resolved.services);
  if (store_ != nullptr) rest_->restore(*store_);
  if (mesos_ != nullptr) mesos_->restore();
}

TableFill Feeds::mesos_queue() const { return mesos_ == nullptr ? TableFill{} : mesos_->queue(); }

bool Feeds::list_tasks(size_t cluster, TaskListing& listing, size_t most) const {
  return mesos_ != nullptr && mesos_->list_tasks(cluster, listing, most);
}

Status Feeds::start(int64_t now_ms) {
  if (mesos_ == nullptr) return Done{};
  if (auto status = mesos_->start(now_ms); !status) return status;
  for (size_t i = 0; i < config_.marathon.size(); ++i) {
    auto marathon = MarathonFeed::start(config_, i, scheduler_health_, *mesos_);
    if (!marathon) return Error{marathon.error()};
    clients_.push_back(std::move(*marathon));
  }
  return Done{};
}

void Feeds::act(int64_t now_ms) {
  for (const auto& client : clients_) client->act(now_ms);
  if (store_ != nullptr) save_vips(allocator_, *store_);
  report_waiting_names();  // a reload may have brought them, too
  if (!pacer_.has_work() || now_ms < pacer_.due_ms()) return;
  if (auto status = reconciler_.commit(now_ms / 1000, pacer_.oldest_received_ns()); !status) {
    spdlog::error("{}", status.error());
  }
  pacer_.committed(now_ms);
  report_refused();
  report_collisions();
}

void Feeds::report_refused() {
  const auto& refused = reconciler_.refused();
  if (refused.size() == reported_refused_) return;
  if (refused.size() > reported_refused_) {
    log_event(spdlog::level::err, "services_refused", {{"count", refused.size()}},
              "{} services are not, or not wholly, served as they are wanted; the first: {}",
              refused.size(), refused.begin()->second);
  }
  reported_refused_ = refused.size();
}

void Feeds::report_collisions() {
  const size_t collisions = allocator_.collisions();
  if (collisions > reported_collisions_) {
    const bool is_shared = config_.store.starts_with("zk://");
    spdlog::warn(
        "{} names of VIPs have not the address that follows from the name, as it was taken; one of "
        "them: {}{}",
        collisions, allocator_.a_displaced_name(),
        is_shared ? ""
                  : "; who came first decided, which another gateway may see otherwise: with "
                    "`store: zk://…` they agree");
  }
  reported_collisions_ = collisions;
}

// Each time that they have doubled, so that very many make a few lines.
void Feeds::report_waiting_names() {
  const LimitedDnsTable& table = reconciler_.dns_table();
  const size_t waiting = table.waiting().size();
  if (waiting > 0 && waiting >= 2 * reported_waiting_) {
    log_event(
        spdlog::level::err, "dns_records_wait", {{"waiting", waiting}, {"most", table.limit()}},
        "{} DNS records wait for room among the {} names that limits.dns_names allows: raise it; "
        "the first: {}",
        waiting, table.limit(), dns_name_to_text(table.waiting().begin()->first.owner));
  } else if (waiting > 0 || reported_waiting_ == 0) {
    return;
  } else {
    log_event(spdlog::level::info, "dns_records_fit", {}, "all DNS records have room again");
  }
  reported_waiting_ = waiting;
}

int64_t Feeds::next_deadline_ms() const {
  int64_t next = pacer_.has_work() ? pacer_.due_ms() : std::numeric_limits<int64_t>::max();
  for (const auto& client : clients_) next = std::min(next, client->next_deadline_ms());
  return next;
}

NamedCounters Feeds::counters() const {
  NamedCounters all;
  for (const auto& client : clients_) {
    for (auto& counter : client->counters()) all.push_back(std::move(counter));
  }
  all.emplace_back("vips.collisions", allocator_.collisions());
  return all;
}

CheckTimes Feeds::check_times() const {
  return health_ == nullptr ? CheckTimes{} : health_->check_times();
}

std::vector<SourceReport> Feeds::sources(std::optional<size_t> ignored) const {
  std::vector<SourceReport> all;
  for (const auto& client : clients_) client->add_sources(all, ignored);
  return all;
}

void Feeds::flush() {
  if (store_ == nullptr) return;
  if (mesos_ != nullptr) mesos_->save_all();
  save_vips(allocator_, *store_);
  if (auto status = store_->flush(kFlushMs); !status) spdlog::error("store: {}", status.error());
}

}  // namespace vipgate
