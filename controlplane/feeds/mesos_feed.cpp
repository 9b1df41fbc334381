#include "controlplane/feeds/mesos_feed.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "controlplane/event_log.h"
#include "controlplane/feeds/mesos_feed_cluster.h"
#include "controlplane/feeds/mesos_touches.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

constexpr int64_t kNeverMs = std::numeric_limits<int64_t>::max();
constexpr size_t kQueueCapacity = 4096;
// What so many tasks of a change cost the store is not to be waited for: it is told of them when
// they are served, or after so long, as others may always have something that is not served yet.
constexpr size_t kManyTasks = 1000;
constexpr int64_t kLongestUnmarkedMs = 10'000;
// Of one round, so that signals and deadlines are not kept waiting.
constexpr size_t kInputsAtOnce = 2048;
// How soon to hand the store some more.
constexpr int64_t kSaveMs = 5;

}  // namespace

MesosFeed::MesosFeed(const Config& config, VipAllocator& allocator, const Lookups& lookups,
                     StateStore& store, Reconciler& reconciler, CommitPacer& pacer)
    : config_(config),
      allocator_(allocator),
      lookups_(lookups),
      reconciler_(reconciler),
      pacer_(pacer) {
  for (size_t i = 0; i < config.mesos.size(); ++i) {
    clusters_.push_back(std::make_unique<Cluster>(config, i, make_view(i), store));
  }
}

std::unique_ptr<MesosView> MesosFeed::make_view(size_t index) const {
  return std::make_unique<MesosView>(config_, index, allocator_, lookups_.hosts,
                                     lookups_.scheduler_health);
}

// The sources push into the queue: they must find it closed, or they would wait in it for ever.
MesosFeed::~MesosFeed() {
  if (queue_ != nullptr) queue_->close();
  for (auto& cluster : clusters_) cluster->source.reset();
}

void MesosFeed::restore() {
  for (auto& cluster : clusters_) {
    const auto restored = cluster->store.restore(cluster->cluster);
    if (!restored) {
      spdlog::error("{}: the last state is not known: {}", cluster->label, restored.error());
      continue;
    }
    const size_t tasks = cluster->cluster.tasks().size();
    if (restored->tasks_of) {
      spdlog::warn(
          "{}: the last state was not stored to its end: serving {} tasks of {}, until the cluster "
          "answers",
          cluster->label, tasks, *restored->tasks_of);
    } else if (tasks != 0) {
      spdlog::info("{}: serving the last good state, {} tasks, until the cluster answers",
                   cluster->label, tasks);
    }
    if (tasks == 0) continue;
    // The store has it: only the view does not know it yet.
    cluster->touched = cluster->cluster.take_changes();
    stage(*cluster, monotonic_ms());
  }
}

void MesosFeed::touch(const std::string& framework_name, const std::string& task_id) {
  for (auto& cluster : clusters_) {
    for (const auto& [id, framework] : cluster->cluster.frameworks()) {
      if (framework.name != framework_name) continue;
      const MesosTaskKey key{id, task_id};
      if (cluster->cluster.task(key) != nullptr) cluster->touched.tasks.insert(key);
    }
  }
}

void MesosFeed::touch_hosts(const std::set<std::string>& names) {
  for (auto& cluster : clusters_) touch_named(cluster->cluster, names, cluster->touched);
}

// The new view first: what an address or a claim has one user of never becomes free in between.
void MesosFeed::remake_views() {
  for (auto& cluster : clusters_) {
    const MesosCluster& shown = cluster->expired ? nothing_ : cluster->cluster;
    auto view = make_view(cluster->index);
    SourceChange change = view->update(shown, everything_in(shown));
    SourceChange before = cluster->view->take_back();
    change.services.merge(before.services);  // what both have stays as the new one has it
    change.records_removed = std::move(before.records_removed);
    cluster->view = std::move(view);
    cluster->moves = allocator_.moves();
    cluster->may_skip_more = true;
    if (change.empty()) continue;
    pacer_.note(std::max<size_t>(change.services.size(), 1), monotonic_ns());
    reconciler_.stage({Origin::kMesos, cluster->index}, std::move(change));
  }
}

Status MesosFeed::start(int64_t now_ms) {
  auto queue = MesosQueue::create(kQueueCapacity);
  if (!queue) return Error{queue.error()};
  queue_ = std::move(*queue);
  for (auto& cluster : clusters_) {
    auto source = MesosSource::start(config_.mesos[cluster->index], cluster->index, *queue_);
    if (!source) return Error{source.error()};
    cluster->source = std::move(*source);
    cluster->lost_at_ms = now_ms;
  }
  return Done{};
}

TableFill MesosFeed::queue() const {
  return queue_ == nullptr ? TableFill{} : TableFill{queue_->size(), kQueueCapacity};
}

int MesosFeed::fd() const { return queue_ == nullptr ? -1 : queue_->fd(); }

void MesosFeed::process(int64_t now_ms) {
  has_more_ = true;
  for (size_t i = 0; i < kInputsAtOnce; ++i) {
    auto input = queue_->try_pop();
    if (!input) {
      has_more_ = false;
      break;
    }
    Cluster& cluster = *clusters_[input->cluster];
    cluster.oldest_received_ns = std::min(cluster.oldest_received_ns, input->received_ns);
    apply(cluster, std::move(*input), now_ms);
  }
}

void MesosFeed::apply(Cluster& cluster, MesosInput input, int64_t now_ms) {
  if (!std::holds_alternative<MesosLink>(input.what)) {
    cluster.heard_ms = input.received_ns / 1'000'000;
  }
  if (auto* event = std::get_if<MesosEvent>(&input.what)) {
    ++cluster.events;
    if (const auto* subscribed = std::get_if<MesosSubscribed>(event)) {
      const MesosState& state = subscribed->state;
      log_event(spdlog::level::info, "subscribed",
                {{"source", cluster.id()},
                 {"tasks", state.tasks.size()},
                 {"agents", state.agents.size()},
                 {"recovered", state.recovered_agent_ids.size()}},
                "{}: subscribed: {} tasks, {} agents, {} of them not back yet", cluster.label,
                state.tasks.size(), state.agents.size(), state.recovered_agent_ids.size());
      take_whole(cluster);
    }
    cluster.cluster.apply(std::move(*event), now_ms);
  } else if (auto* state = std::get_if<MesosState>(&input.what)) {
    take_whole(cluster);
    cluster.cluster.apply_sweep(std::move(*state), input.asked_ns / 1'000'000, now_ms);
  } else if (auto* masters = std::get_if<MesosMasters>(&input.what)) {
    cluster.cluster.set_masters(std::move(*masters));
  } else if (const auto* link = std::get_if<MesosLink>(&input.what)) {
    apply_link(cluster, *link, now_ms);
  }
}

// The cluster tells all of itself: what it was shown to have until now no longer counts.
void MesosFeed::take_whole(Cluster& cluster) {
  ++cluster.whole_states;
  if (std::exchange(cluster.expired, false)) cluster.touched = everything_in(cluster.cluster);
}

// While the cluster is out of reach.
const char* MesosFeed::what_stays(const Cluster& cluster) {
  if (cluster.expired) return "its services stay withdrawn (stale_limit_s)";
  const bool is_empty = cluster.cluster.agents().empty() && cluster.cluster.frameworks().empty();
  return is_empty ? "nothing is known of it yet" : "its last state stays in force";
}

void MesosFeed::apply_link(Cluster& cluster, const MesosLink& link, int64_t now_ms) {
  if (link.connected) {
    log_event(spdlog::level::info, "connected", {{"source", cluster.id()}, {"detail", link.detail}},
              "{}: {}", cluster.label, link.detail);
  } else {
    log_event(spdlog::level::warn, "disconnected", {{"source", cluster.id()}, {"why", link.detail}},
              "{}: {}; {}", cluster.label, link.detail, what_stays(cluster));
    if (cluster.connected) cluster.lost_at_ms = now_ms;
    cluster.cluster.lost_touch();
  }
  cluster.connected = link.connected;
  cluster.link_detail = link.detail;
}

// Names that no record has do not exist only once the cluster has told all that it has: the tasks
// of agents that a new master still waits for are not among it.
void MesosFeed::tell_known(Cluster& cluster) {
  const bool is_whole = cluster.whole_states != 0 && cluster.cluster.recovered_agents() == 0;
  const bool is_known = !cluster.expired && (cluster.is_known || is_whole);
  if (is_known == cluster.is_known) return;
  cluster.is_known = is_known;
  pacer_.note(1, monotonic_ns());
  reconciler_.stage_cluster(cluster.index, is_known);
}

// What changed in the cluster goes to the store, and with what was touched to the reconciler.
void MesosFeed::stage(Cluster& cluster, int64_t now_ms) {
  MesosChanges changes = cluster.cluster.take_changes();
  if (!changes.empty() || is_served() || now_ms >= cluster.mark_by_ms) mark(cluster);
  MesosChanges touched = std::exchange(cluster.touched, {});
  if (touched.empty()) {
    show(cluster, changes);
  } else {
    touched.tasks.insert(changes.tasks.begin(), changes.tasks.end());
    touched.agents.insert(changes.agents.begin(), changes.agents.end());
    touched.frameworks.insert(changes.frameworks.begin(), changes.frameworks.end());
    touched.masters = touched.masters || changes.masters;
    show(cluster, touched);
  }
  if (cluster.unmarked) return;  // and nothing has changed since
  cluster.unmarked = std::move(changes);
  cluster.mark_by_ms = now_ms + kLongestUnmarkedMs;
  if (cluster.unmarked->tasks.size() < kManyTasks) mark(cluster);
}

bool MesosFeed::is_served() const { return !reconciler_.has_staged() && reconciler_.settled(); }

void MesosFeed::mark(Cluster& cluster) {
  if (!cluster.unmarked) return;
  cluster.store.mark(*std::exchange(cluster.unmarked, {}), cluster.cluster);
  if (cluster.whole_states != 0) cluster.store.told_whole();
}

void MesosFeed::show(Cluster& cluster, const MesosChanges& changes) {
  tell_known(cluster);
  const int64_t received_ns = std::exchange(cluster.oldest_received_ns, Cluster::kNeverNs);
  const uint64_t moves = allocator_.moves();
  if (changes.empty() && moves == cluster.moves) return;
  cluster.moves = moves;
  const size_t updates = changes.tasks.size() + changes.agents.size() + changes.frameworks.size();
  pacer_.note(std::max<size_t>(updates, 1), std::min(received_ns, monotonic_ns()));
  reconciler_.stage({Origin::kMesos, cluster.index},
                    cluster.view->update(cluster.expired ? nothing_ : cluster.cluster, changes));
  cluster.may_skip_more = true;
}

bool MesosFeed::list_tasks(size_t cluster, TaskListing& listing, size_t most) const {
  if (cluster >= clusters_.size()) return false;
  const Cluster& listed = *clusters_[cluster];
  return listed.view->list_tasks(listed.expired ? nothing_ : listed.cluster, listing, most);
}

void MesosFeed::save_all() {
  for (auto& cluster : clusters_) {
    mark(*cluster);
    cluster->store.save_all(cluster->cluster);
  }
}

void MesosFeed::act(int64_t now_ms) {
  if (has_more_) process(now_ms);
  forget_unused_claims();
  for (auto& cluster : clusters_) {
    if (now_ms >= cluster->cluster.next_deadline_ms()) cluster->cluster.advance(now_ms);
    expire(*cluster, now_ms);
    stage(*cluster, now_ms);
    report_skipped(*cluster, now_ms);
  }
  if (now_ms < last_save_ms_ + kSaveMs) return;
  last_save_ms_ = now_ms;
  for (auto& cluster : clusters_) cluster->store.save_some(cluster->cluster);
}

// Claims of the time before the start whose frameworks no cluster has any longer.
void MesosFeed::forget_unused_claims() {
  if (claims_are_settled_) return;
  for (const auto& cluster : clusters_) {
    if (cluster->whole_states == 0 || cluster->cluster.recovered_agents() > 0) return;
  }
  claims_are_settled_ = true;
  allocator_.forget_unused_claims();
}

// Where the configuration limits how long the last state may stay in force. The view is shown an
// empty cluster then; what is known, and stored, stays until the cluster answers.
void MesosFeed::expire(Cluster& cluster, int64_t now_ms) {
  const int64_t limit_ms = int64_t{config_.mesos[cluster.index].stale_limit_s} * 1000;
  if (limit_ms == 0 || cluster.connected || cluster.expired) return;
  if (now_ms - cluster.lost_at_ms < limit_ms) return;
  cluster.expired = true;
  log_event(spdlog::level::err, "cluster_withdrawn",
            {{"source", cluster.id()}, {"seconds", limit_ms / 1000}},
            "{}: no answer for {} s (stale_limit_s): its services are withdrawn", cluster.label,
            limit_ms / 1000);
  cluster.touched = everything_in(cluster.cluster);
}

int64_t MesosFeed::next_deadline_ms() const {
  if (has_more_) return 0;
  int64_t next = kNeverMs;
  for (const auto& cluster : clusters_) {
    if (cluster->unmarked) {
      if (is_served()) return 0;
      next = std::min(next, cluster->mark_by_ms);
    }
    next = std::min(next, cluster->cluster.next_deadline_ms());
    const int64_t limit_ms = int64_t{config_.mesos[cluster->index].stale_limit_s} * 1000;
    if (limit_ms != 0 && !cluster->connected && !cluster->expired) {
      next = std::min(next, cluster->lost_at_ms + limit_ms);
    }
    if (cluster->may_skip_more) next = std::min(next, cluster->next_report_ms);
    if (cluster->store.waits()) next = std::min(next, last_save_ms_ + kSaveMs);
  }
  return next;
}

}  // namespace vipgate
